//! The long trials in short: what they print and judge by time, here only by what must be so on any machine.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use specfuse_tests::{
    chaos::{self, Trial},
    overload,
    packages::Packages,
    prerequisite,
};

use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_lost_or_altered_while_everything_breaks() -> Result<()> {
    let trial = Trial { answers: 40, faults: 10, calm_answers: 8, seed: 4, logs: None };
    let Some(verdict) = chaos::run(Path::new(PROGRAM), &trial).await? else { return Ok(()) };
    prerequisite::tell(&format!("\n{verdict}"));
    assert!(verdict.is_sound(), "{verdict}");
    assert!(verdict.answers >= 40 && verdict.faults.values().sum::<u32>() >= 10, "{verdict}");
    read_by_prometheus(&verdict.scraped).await
}

/// Every page of metrics that was told while things broke is one to Prometheus' own parsers.
async fn read_by_prometheus(pages: &[String]) -> Result<()> {
    for series in ["specfuse_rounds_total", "specfuse_worker_step_seconds_count"] {
        assert!(pages.iter().any(|page| page.contains(series)), "nobody told {series}");
    }
    let Some(python) = Packages::python(&["prometheus-client==0.26.0"]).await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    for (number, page) in pages.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number:03}.txt")), page)?;
    }
    let pages = folder.path().to_str().context("the folder's name is not UTF-8")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/prometheus_text.py");
    prerequisite::tell(&python.run(&script, &[pages]).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_refused_at_once_and_with_a_time_to_come_back() -> Result<()> {
    let Some(verdict) = overload::run(Path::new(PROGRAM), Duration::from_secs(3)).await? else { return Ok(()) };
    assert!(verdict.errors == 0 && verdict.refused > 0 && verdict.answered > 0, "{verdict}");
    Ok(())
}
