//! API keys: who asks, told by the key that the request shows. The keys are those that the file has now.
//!
//! Nothing here keeps, logs or repeats a key: what is compared is its hash.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use specfuse_runtime::shutdown::Shutdown;
use tokio::sync::watch;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataMap, MetadataValue},
    service::Interceptor,
};

use crate::{
    config::{KeyFile, ListedKey, Sha256, Unparsed},
    limits::Meter,
};

/// How often the file is read. A new text counts when it has been read twice: it may have been half written.
const PERIOD: Duration = Duration::from_secs(1);

/// The keys as the file has them.
#[derive(Clone, Debug)]
pub(crate) struct Keys(watch::Receiver<Arc<[Key]>>);

#[derive(Debug)]
struct Key {
    sha256: Sha256,
    caller: Caller,
}

/// Who asks, and what they may still ask for.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The key's name, not the key.
    pub(crate) name: Arc<str>,
    pub(crate) meter: Arc<Meter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stranger {
    #[error("an API key is needed: send the header \"authorization: Bearer KEY\"")]
    NoKey,
    #[error("the header \"authorization\" is not of the form \"Bearer KEY\"")]
    Malformed,
    #[error("this API key is not known here")]
    Unknown,
}

/// Lets a service's requests through that show a key, or, without keys, all of them. Puts the [`Caller`] beside the request.
#[derive(Clone, Debug)]
pub(crate) struct Gate(pub(crate) Option<Keys>);

impl Interceptor for Gate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(keys) = &self.0 {
            let caller = keys.caller(request.metadata()).map_err(|stranger| {
                tracing::debug!(%stranger, "refused");
                Status::from(stranger)
            })?;
            request.extensions_mut().insert(caller);
        }
        Ok(request)
    }
}

impl Keys {
    /// Reads the file again and again until the stop begins.
    pub(crate) fn follow(file: KeyFile, shutdown: &Shutdown) -> Self {
        let (publish, keys) = watch::channel(listed(&file, &[]));
        let stop = shutdown.clone();
        shutdown.spawn(async move {
            tokio::select! {
                () = stop.begun() => {}
                () = follow(file, publish) => {}
            }
        });
        Self(keys)
    }

    fn caller(&self, metadata: &MetadataMap) -> Result<Caller, Stranger> {
        let mut headers = metadata.get_all("authorization").iter();
        let header = match (headers.next(), headers.next()) {
            (None, _) => return Err(Stranger::NoKey),
            (Some(header), None) => header,
            (Some(_), Some(_)) => return Err(Stranger::Malformed),
        };
        let sha256 = Sha256::of(bearer(header).ok_or(Stranger::Malformed)?.as_bytes());
        let keys = self.0.borrow();
        let same = |key: &Key| verify_slices_are_equal(&key.sha256.0, &sha256.0).is_ok();
        // Every key is compared, whatever has been found.
        let known = keys.iter().fold(None, |known, key| if same(key) { Some(key) } else { known });
        known.map(|key| key.caller.clone()).ok_or(Stranger::Unknown)
    }
}

fn bearer(header: &MetadataValue<Ascii>) -> Option<&str> {
    let (scheme, key) = header.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty() && !key.contains(' ')).then_some(key)
}

/// What is used of a key's limits is kept as long as its name and its limits are.
fn listed(file: &KeyFile, before: &[Key]) -> Arc<[Key]> {
    let before: BTreeMap<&str, &Arc<Meter>> =
        before.iter().map(|key| (key.caller.name.as_ref(), &key.caller.meter)).collect();
    let key = |key: &ListedKey| {
        let same = before.get(key.name.as_ref()).filter(|meter| meter.limits() == key.limits);
        let meter = same.map_or_else(|| Arc::new(Meter::new(key.limits)), |meter| Arc::clone(meter));
        Key { sha256: key.sha256, caller: Caller { name: key.name.clone(), meter } }
    };
    file.keys.iter().map(key).collect()
}

/// A file that cannot be read or is wrong changes nothing; that is said once for each text.
async fn follow(mut file: KeyFile, publish: watch::Sender<Arc<[Key]>>) {
    let mut seen = file.text;
    let mut complained = None;
    loop {
        tokio::time::sleep(PERIOD).await;
        let path = file.path.clone();
        let known = file.text;
        let read = tokio::task::spawn_blocking(move || KeyFile::reload(&path, known)).await;
        let parsed = match read {
            Ok(Ok(Some(Unparsed { text, hash }))) => {
                if std::mem::replace(&mut seen, hash) != hash {
                    continue;
                }
                KeyFile::parse(&text, &file.path)
            }
            Ok(Ok(None)) => {
                complained = None;
                continue;
            }
            Ok(Err(error)) => Err(error),
            // The runtime is ending.
            Err(_) => return,
        };
        match parsed {
            Ok(new) => {
                let keys = listed(&new, &publish.borrow());
                tracing::info!(keys = keys.len(), "API keys were read again");
                publish.send_replace(keys);
                file = new;
            }
            Err(error) => {
                let error = error.to_string();
                if complained.as_ref() != Some(&error) {
                    tracing::warn!(error, "the keys from before stay");
                    complained = Some(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
