//! PEM files as flags name them: read, checked, and read again when they change.
//!
//! What decides is what the files hold, not when they were written: a secret that is swapped by a link changes no time of the
//! file. They are looked at when a connection is made, so there is no task, and a port nobody calls costs nothing.

use std::{
    fmt,
    fs::File,
    io::Read as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    InconsistentKeys, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::time::Instant;

use super::provider;
use crate::message::chain;

/// How old what is known of the files may be when a connection is made.
const FRESH: Duration = Duration::from_secs(1);
/// Bytes of one file.
const MAX_FILE: u64 = 1 << 20;

/// A file and the flag that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemFile {
    pub flag: &'static str,
    pub path: PathBuf,
}

impl fmt::Display for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flag, self.path.display())
    }
}

/// TLS cannot be had from these flags.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{given} needs {missing}")]
    Incomplete { given: &'static str, missing: &'static str },
    #[error("{file} cannot be read")]
    Unreadable { file: PemFile, source: std::io::Error },
    #[error("{file} is longer than {MAX_FILE} bytes")]
    TooLong { file: PemFile },
    #[error("{file} holds no {wanted} in PEM")]
    Empty { file: PemFile, wanted: &'static str },
    #[error("{file} is not PEM")]
    Malformed { file: PemFile, source: pem::Error },
    #[error("{file} cannot be used")]
    Unusable { file: PemFile, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{key} is not the key of {cert}")]
    Mismatch { cert: PemFile, key: PemFile },
}

/// What one process shows of itself.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) cert: PemFile,
    pub(super) key: PemFile,
}

impl Identity {
    /// Both or none.
    pub(super) fn given(
        (cert_flag, cert): (&'static str, Option<PathBuf>),
        (key_flag, key): (&'static str, Option<PathBuf>),
    ) -> Result<Option<Self>, TlsError> {
        match (cert, key) {
            (Some(cert), Some(key)) => {
                let [cert, key] = [(cert_flag, cert), (key_flag, key)].map(|(flag, path)| PemFile { flag, path });
                Ok(Some(Self { cert, key }))
            }
            (None, None) => Ok(None),
            (Some(_), None) => Err(TlsError::Incomplete { given: cert_flag, missing: key_flag }),
            (None, Some(_)) => Err(TlsError::Incomplete { given: key_flag, missing: cert_flag }),
        }
    }

    pub(super) fn build(&self, reader: &mut Reader) -> Result<Arc<SingleCertAndKey>, TlsError> {
        let unusable = |file: &PemFile, source| TlsError::Unusable { file: file.clone(), source };
        let chain = reader.certificates(&self.cert)?;
        let key = reader.key(&self.key)?;
        let key = provider().key_provider.load_private_key(key);
        let certified = CertifiedKey::new(chain, key.map_err(|source| unusable(&self.key, source.into()))?);
        match certified.keys_match() {
            // Some keys cannot tell: then the handshake does.
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(TlsError::Mismatch { cert: self.cert.clone(), key: self.key.clone() });
            }
            Err(source) => return Err(unusable(&self.cert, source.into())),
        }
        Ok(Arc::new(certified.into()))
    }
}

/// Something built of files.
pub(super) trait Source: fmt::Debug + Send + Sync + 'static {
    type Config: Send + Sync + 'static;

    fn build(&self, reader: &mut Reader) -> Result<Self::Config, TlsError>;
}

/// Reads files, and remembers all they held.
#[derive(Default)]
pub(super) struct Reader {
    seen: Vec<u8>,
}

impl Reader {
    pub(super) fn certificates(&mut self, file: &PemFile) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        self.all(file, "certificate")
    }

    pub(super) fn roots(&mut self, file: &PemFile) -> Result<Arc<RootCertStore>, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates(file)? {
            let unusable = |source: rustls::Error| TlsError::Unusable { file: file.clone(), source: source.into() };
            roots.add(certificate).map_err(unusable)?;
        }
        Ok(Arc::new(roots))
    }

    fn key(&mut self, file: &PemFile) -> Result<PrivateKeyDer<'static>, TlsError> {
        let wanted = "private key";
        let keys = self.all(file, wanted)?;
        keys.into_iter().next().ok_or_else(|| TlsError::Empty { file: file.clone(), wanted })
    }

    /// At least one.
    fn all<T: PemObject>(&mut self, file: &PemFile, wanted: &'static str) -> Result<Vec<T>, TlsError> {
        let text = self.read(file)?;
        let found: Result<Vec<T>, _> = T::pem_slice_iter(&text).collect();
        let found = found.map_err(|source| TlsError::Malformed { file: file.clone(), source })?;
        if found.is_empty() { Err(TlsError::Empty { file: file.clone(), wanted }) } else { Ok(found) }
    }

    fn read(&mut self, file: &PemFile) -> Result<Vec<u8>, TlsError> {
        let mut text = Vec::new();
        let read = File::open(&file.path).and_then(|opened| opened.take(MAX_FILE + 1).read_to_end(&mut text));
        self.seen.extend_from_slice(&text);
        // Between two files nothing that could stand in one.
        self.seen.push(0);
        match read {
            Ok(_) if text.len() as u64 > MAX_FILE => Err(TlsError::TooLong { file: file.clone() }),
            Ok(_) => Ok(text),
            Err(source) => Err(TlsError::Unreadable { file: file.clone(), source }),
        }
    }
}

/// What was built last of files that may change. A change that cannot be used is told, and what there was is kept.
pub(super) struct Reloaded<S: Source> {
    source: S,
    current: ArcSwap<S::Config>,
    checked: Mutex<Checked>,
}

struct Checked {
    at: Instant,
    /// All that the files held when `current` was built.
    seen: Vec<u8>,
    /// All that they hold where that cannot be used.
    broken: Option<Broken>,
}

struct Broken {
    seen: Vec<u8>,
    told: bool,
}

impl<S: Source> Reloaded<S> {
    pub(super) fn load(source: S) -> Result<Arc<Self>, TlsError> {
        let mut reader = Reader::default();
        let current = ArcSwap::from_pointee(source.build(&mut reader)?);
        let checked = Mutex::new(Checked { at: Instant::now(), seen: reader.seen, broken: None });
        Ok(Arc::new(Self { source, current, checked }))
    }

    /// Of the files as they are now, or were a moment ago.
    pub(super) async fn current(self: &Arc<Self>) -> Arc<S::Config> {
        if self.is_due() {
            let this = Arc::clone(self);
            // It cannot panic; if it did, what there was is still there.
            _ = tokio::task::spawn_blocking(move || this.check()).await;
        }
        self.current.load_full()
    }

    /// True for one caller at a time.
    fn is_due(&self) -> bool {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = checked.at.elapsed() >= FRESH;
        if is_due {
            checked.at = Instant::now();
        }
        is_due
    }

    fn check(&self) {
        let mut reader = Reader::default();
        let built = self.source.build(&mut reader);
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.seen == checked.seen {
            checked.broken = None;
            return;
        }
        match built {
            Ok(config) => {
                self.current.store(Arc::new(config));
                checked.seen = reader.seen;
                checked.broken = None;
                tracing::info!(of = ?self.source, "TLS files have changed and are used");
            }
            // A certificate and its key are seldom written at once: what is broken only for a moment is not worth a word.
            Err(error) => match &mut checked.broken {
                Some(broken) if broken.seen == reader.seen => {
                    if !std::mem::replace(&mut broken.told, true) {
                        let error = chain(&error);
                        tracing::warn!(error, "TLS files have changed and cannot be used: the former ones still are");
                    }
                }
                Some(_) | None => checked.broken = Some(Broken { seen: reader.seen, told: false }),
            },
        }
    }
}

impl<S: Source> fmt::Debug for Reloaded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloaded").field("source", &self.source).finish_non_exhaustive()
    }
}
