//! The coordinator's configuration file for a local cluster: one ensemble, named "default", of every worker.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use serde::Serialize;
use tempfile::NamedTempFile;
use toml::{Table, Value};

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
    /// Every other key of the ensemble. The coordinator knows what they mean, and says so where they are wrong.
    pub(crate) ensemble: Table,
}

#[derive(Serialize)]
struct File<'a> {
    listen: SocketAddr,
    workers: &'a [String],
    shutdown_grace: &'a str,
    ensembles: Table,
}

impl Settings {
    fn toml(&self) -> Result<String, toml::ser::Error> {
        let members = self.members.iter().map(|member| Value::String(member.clone())).collect();
        let mut ensemble = self.ensemble.clone();
        ensemble.insert("members".to_owned(), Value::Array(members));
        let ensembles = Table::from_iter([("default".to_owned(), Value::Table(ensemble))]);
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
        let ensemble = "segment_tokens = 6\nexit = { rule = \"never\" }\n[strategies.careful]\nkind = \"fuse\"";
        let settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            workers: vec!["http://127.0.0.1:1".to_owned()],
            members: vec!["a \"b\"".to_owned()],
            ensemble: ensemble.parse().unwrap(),
        };
        let written: Table = settings.toml().unwrap().parse().unwrap();
        let expected = format!(
            "listen = \"127.0.0.1:0\"\nworkers = [\"http://127.0.0.1:1\"]\nshutdown_grace = \"{DRAIN_GRACE}\"\n\
             [ensembles.default]\nmembers = ['a \"b\"']\nsegment_tokens = 6\nexit.rule = \"never\"\n\
             strategies.careful.kind = \"fuse\""
        );
        assert_eq!(written, expected.parse().unwrap());
    }
}
