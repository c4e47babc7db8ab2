//! OpenAI's own packages, as published, against a local cluster: what they send is taken, and what they read is what they expect.

use std::path::Path;

use anyhow::{Context, Result};
use specfuse_tests::{
    packages::Packages,
    process::DEADLINE,
    up::{Up, bundled_models},
};

use crate::{
    PROGRAM,
    examples::idle,
    guarded::{FREE, Guarded, LIMITED},
};

const PYTHON: &str = "openai==3.57.0";
const NODE: &str = "openai@7.57.0";

async fn passes(packages: &Packages, script: &str) -> Result<()> {
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let guarded = Guarded::plain(&up).await?;
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
