//! The coordinator's configuration file for a local cluster: one ensemble, named "default", of every worker.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::SocketAddr,
};

use serde::Serialize;
use tempfile::NamedTempFile;

/// What running calls get to finish, less than [`super::process::STOP_GRACE`].
pub(crate) const DRAIN_GRACE: &str = "3s";

#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("cannot write it as TOML")]
    Encode(#[from] toml::ser::Error),
    #[error("cannot write a temporary file")]
    Write(#[from] io::Error),
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    /// URLs.
    pub(crate) workers: Vec<String>,
    pub(crate) members: Vec<String>,
    pub(crate) segment_tokens: Option<u32>,
    /// The rule by which members leave; None: the coordinator's default.
    pub(crate) exit: Option<&'static str>,
}

#[derive(Serialize)]
struct File<'a> {
    listen: SocketAddr,
    workers: &'a [String],
    shutdown_grace: &'a str,
    ensembles: BTreeMap<&'a str, Ensemble<'a>>,
}

#[derive(Serialize)]
struct Ensemble<'a> {
    members: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    segment_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<Exit>,
}

#[derive(Serialize)]
struct Exit {
    rule: &'static str,
}

impl Settings {
    fn toml(&self) -> Result<String, toml::ser::Error> {
        let exit = self.exit.map(|rule| Exit { rule });
        let ensemble = Ensemble { members: &self.members, segment_tokens: self.segment_tokens, exit };
        let ensembles = BTreeMap::from([("default", ensemble)]);
        let (listen, workers, shutdown_grace) = (self.listen, self.workers.as_slice(), DRAIN_GRACE);
        toml::to_string(&File { listen, workers, shutdown_grace, ensembles })
    }

    /// A file that is deleted when the value is dropped: keep it until the coordinator has read it.
    pub(crate) fn write(&self) -> Result<NamedTempFile, SettingsError> {
        let mut file = tempfile::Builder::new().prefix("specfuse-").suffix(".toml").tempfile()?;
        file.write_all(self.toml()?.as_bytes())?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_is_a_member_of_the_default_ensemble() {
        let settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            workers: vec!["http://127.0.0.1:1".to_owned()],
            members: vec!["a \"b\"".to_owned()],
            segment_tokens: Some(6),
            exit: Some("never"),
        };
        let expected = "listen = \"127.0.0.1:0\"\nworkers = [\"http://127.0.0.1:1\"]\nshutdown_grace = \"3s\"\n\n\
                        [ensembles.default]\nmembers = ['a \"b\"']\nsegment_tokens = 6\n\n\
                        [ensembles.default.exit]\nrule = \"never\"\n";
        assert_eq!(settings.toml().unwrap(), expected);
    }
}
