//! Before the workers of a local cluster, a second coordinator that wants keys, and TLS if need be.

use std::{fs, path::Path};

use anyhow::Result;
use specfuse_tests::{
    certificates::{Authority, Validity},
    process::Process,
    up::{Up, bundled_models},
};
use tempfile::TempDir;

use crate::PROGRAM;

/// SHA-256 of the keys, and what each may do.
const KEYS: &str = "[keys.free]
sha256 = \"102e90ff2f64e0a7431945b246c73f5559ae2a7b45ac98965320b73bc379f5a7\"
[keys.limited]
sha256 = \"78ac56e520d90648532fbd768c247fcd48636d8c4bacc743b8c4f8d8e2485e12\"
requests_per_minute = 1
";
pub(crate) const FREE: &str = "key-without-limits";
/// One request a minute.
pub(crate) const LIMITED: &str = "key-for-one-request";

pub(crate) struct Guarded {
    pub(crate) process: Process,
    /// Who signed its certificate, where it speaks TLS.
    pub(crate) authority: Option<Authority>,
    _folder: TempDir,
}

impl Guarded {
    pub(crate) async fn plain(up: &Up) -> Result<Self> {
        Self::start(up, tempfile::tempdir()?, None).await
    }

    pub(crate) async fn encrypted(up: &Up) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new(folder.path(), "public")?;
        Self::start(up, folder, Some(authority)).await
    }

    async fn start(up: &Up, folder: TempDir, authority: Option<Authority>) -> Result<Self> {
        let (file, keys) = (folder.path().join("specfuse.toml"), folder.path().join("keys.toml"));
        fs::write(&file, settings(up)?)?;
        fs::write(&keys, KEYS)?;
        let mut flags = vec![("--config", file), ("--api-keys", keys)];
        if let Some(authority) = &authority {
            let pair = authority.issue("server", "127.0.0.1", Validity::Now)?;
            flags.extend([("--tls-cert", pair.cert), ("--tls-key", pair.key)]);
        }
        let flags = flags.into_iter().flat_map(|(flag, file)| [flag.to_owned(), file.display().to_string()]);
        let arguments: Vec<String> = ["coordinator".to_owned()].into_iter().chain(flags).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let process = Process::start(Path::new(PROGRAM), &arguments).await?;
        Ok(Self { process, authority, _folder: folder })
    }
}

/// The bundled ensemble, of the local cluster's workers.
fn settings(up: &Up) -> Result<String> {
    let mut members: Vec<String> = fs::read_dir(bundled_models())?
        .filter_map(|entry| entry.ok().filter(|entry| entry.path().join("config.json").exists()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    members.sort_unstable();
    let mut ensemble: toml::Table = fs::read_to_string(bundled_models().join("ensemble.toml"))?.parse()?;
    ensemble.insert("members".to_owned(), members.into());
    let workers: Vec<String> = up.urls.iter().filter(|url| **url != up.coordinator).cloned().collect();
    let mut root = toml::Table::new();
    root.insert("listen".to_owned(), "127.0.0.1:0".into());
    root.insert("workers".to_owned(), workers.into());
    root.insert("ensembles".to_owned(), toml::Table::from_iter([("default".to_owned(), ensemble.into())]).into());
    Ok(toml::to_string(&root)?)
}
