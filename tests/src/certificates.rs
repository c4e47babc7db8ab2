//! Certificates for tests: authorities that sign what they are asked for, into files that flags can name and that can be
//! replaced while processes read them.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};

pub struct Authority {
    /// Its own certificate.
    pub ca: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("ca", &self.ca).finish_non_exhaustive()
    }
}

/// The files of a certificate and its key.
#[derive(Clone, Debug)]
pub struct Pair {
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    Now,
    Expired,
}

impl Authority {
    pub fn new(folder: &Path, name: &str) -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        let ca = folder.join(format!("{name}-ca.pem"));
        write(&ca, &issuer.pem())?;
        Ok(Self { ca, issuer, folder: folder.to_owned() })
    }

    /// For a server of this name or address, or for a client. A pair of the same file name is replaced, one file after the other.
    pub fn issue(&self, file: &str, subject: &str, validity: Validity) -> io::Result<Pair> {
        let both = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue_for(file, &[subject.to_owned()], &both, validity)
    }

    /// Likewise, for several names and addresses, the first of which names it, and for these uses alone.
    pub fn issue_for(
        &self,
        file: &str,
        subjects: &[String],
        uses: &[ExtendedKeyUsagePurpose],
        validity: Validity,
    ) -> io::Result<Pair> {
        let mut params = CertificateParams::new(subjects).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, subjects.first().map_or("", String::as_str));
        params.extended_key_usages = uses.to_vec();
        if validity == Validity::Expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 2);
        }
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let signed = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let [cert_file, key_file] = ["pem", "key"].map(|extension| self.folder.join(format!("{file}.{extension}")));
        write(&cert_file, &signed.pem())?;
        write(&key_file, &key.serialize_pem())?;
        Ok(Pair { cert: cert_file, key: key_file })
    }
}

/// As a whole or not at all.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}
