//! OpenAI's own packages, as published, against a local cluster: what they send is taken, and what they read is what they expect.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use specfuse_tests::{
    packages::Packages,
    process::{DEADLINE, Process},
    up::{Up, bundled_models},
};
use tempfile::TempDir;

use crate::{PROGRAM, examples::idle};

const PYTHON: &str = "openai==3.57.0";
const NODE: &str = "openai@7.57.0";
/// SHA-256 of the keys, and of what each may do.
const KEYS: &str = "[keys.free]
sha256 = \"102e90ff2f64e0a7431945b246c73f5559ae2a7b45ac98965320b73bc379f5a7\"
[keys.limited]
sha256 = \"78ac56e520d90648532fbd768c247fcd48636d8c4bacc743b8c4f8d8e2485e12\"
requests_per_minute = 1
";
const FREE: &str = "key-without-limits";
const LIMITED: &str = "key-for-one-request";

/// Before the workers of a local cluster, a second coordinator that wants keys.
struct Guarded {
    process: Process,
    _folder: TempDir,
}

impl Guarded {
    async fn start(up: &Up) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let workers: Vec<&String> = up.urls.iter().filter(|url| **url != up.coordinator).collect();
        let settings = fs::read_to_string(bundled_models().join("ensemble.toml"))?;
        let members: Vec<String> = fs::read_dir(bundled_models())?
            .filter_map(|entry| entry.ok().filter(|entry| entry.path().join("config.json").exists()))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let ensemble: toml::Table = settings.parse()?;
        let rank = ensemble.get("rank").map(|rank| format!("rank = {rank}")).unwrap_or_default();
        let config = format!(
            "listen = \"127.0.0.1:0\"\nworkers = {workers:?}\n[ensembles.default]\nmembers = {members:?}\n{rank}\n"
        );
        let (file, keys) = (folder.path().join("specfuse.toml"), folder.path().join("keys.toml"));
        fs::write(&file, config)?;
        fs::write(&keys, KEYS)?;
        let [file, keys] = [&file, &keys].map(|path| path.display().to_string());
        let process =
            Process::start(Path::new(PROGRAM), &["coordinator", "--config", &file, "--api-keys", &keys]).await?;
        Ok(Self { process, _folder: folder })
    }
}

async fn passes(packages: &Packages, script: &str) -> Result<()> {
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let guarded = Guarded::start(&up).await?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
    let url = up.coordinator.trim_end_matches('/');
    let said = packages.run(&script, &[url, &guarded.process.url(), FREE, LIMITED]).await?;
    assert!(said.lines().count() > 10 && said.lines().all(|line| line.starts_with("ok ")), "{said}");
    // Also of the stream that was left.
    tokio::time::timeout(DEADLINE, idle(&up)).await.context("sequences stay")?
}

#[tokio::test(flavor = "multi_thread")]
async fn the_package_for_python_is_served() -> Result<()> {
    let Some(packages) = Packages::python(&[PYTHON]).await? else { return Ok(()) };
    passes(&packages, "openai_python.py").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_package_for_node_is_served() -> Result<()> {
    let Some(packages) = Packages::node(&[NODE]).await? else { return Ok(()) };
    passes(&packages, "openai_node.mjs").await
}
