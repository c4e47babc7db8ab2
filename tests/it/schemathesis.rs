//! Requests made of the published schema: whatever it allows and forbids, the server never fails and answers as the schema says.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use specfuse_tests::{
    packages::{Packages, run},
    process::DEADLINE,
    up::{Up, bundled_models},
};

use tokio::time::Instant;

use crate::{PROGRAM, examples::idle};

const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const CONFIG: &str = "schemathesis.toml";
const HOOKS: &str = "schemathesis_hooks.py";
/// Of one run.
const RUN_DEADLINE: Duration = Duration::from_secs(600);

/// Runs with the seeds 1, 2, ... until so much time has passed; at least once.
async fn nothing_is_found(examples: &str, time: Duration) -> Result<()> {
    let Some(packages) = Packages::python(&[SCHEMATHESIS]).await? else { return Ok(()) };
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let schema = format!("{}/openapi.json", up.coordinator.trim_end_matches('/'));
    let begun = Instant::now();
    for seed in 1_u32.. {
        let mut fuzz = packages.command("schemathesis");
        fuzz.env("SCHEMATHESIS_HOOKS", clients.join(HOOKS));
        fuzz.arg("--config-file").arg(clients.join(CONFIG)).args(["run", &schema]);
        let seed = seed.to_string();
        fuzz.args(["--max-examples", examples, "--seed", &seed, "--no-color"]).current_dir(packages.folder());
        run(&mut fuzz, RUN_DEADLINE).await?;
        tokio::time::timeout(DEADLINE, idle(&up)).await.context("sequences stay")??;
        if begun.elapsed() >= time {
            break;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_requests_made_of_the_schema_are_answered_as_it_says() -> Result<()> {
    nothing_is_found("8", Duration::ZERO).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "five minutes"]
async fn many_requests_made_of_the_schema_are_answered_as_it_says() -> Result<()> {
    nothing_is_found("400", Duration::from_secs(300)).await
}
