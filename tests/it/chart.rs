//! The Helm chart: what it renders is what Kubernetes takes, and what it is told wrongly it refuses by name.

mod configuration;
mod executed;
mod flags;
mod refusals;
mod rendered;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use specfuse_tests::chart::{Chart, Schemas, fixtures};

/// The oldest that the chart takes, and the newest whose schemas there are.
const OLDEST: &str = "1.30.0";
const NEWEST: &str = "1.37.0";

/// None: the test is skipped.
pub(crate) async fn chart() -> Option<Chart> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    Chart::with_tools(target).await
}

/// The defaults, and each file of values that the chart brings.
fn overlays(chart: &Chart) -> Vec<Vec<PathBuf>> {
    let files = ["values-gpu.yaml", "values-ha.yaml", "values-tls.yaml"].map(|name| vec![chart.values(name)]);
    std::iter::once(Vec::new()).chain(files).collect()
}

/// Those, and all of them at once, and every part that can be there.
fn all_values(chart: &Chart) -> Vec<Vec<PathBuf>> {
    let mut all = overlays(chart);
    all.push(all.concat());
    all.extend(["everything.yaml", "gateway.yaml"].map(|name| vec![fixtures().join(name)]));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_finds_nothing_to_say_of_the_chart() -> Result<()> {
    let Some(chart) = chart().await else { return Ok(()) };
    for values in all_values(&chart) {
        chart.lint(NEWEST, &values).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chart_renders_is_what_kubernetes_takes() -> Result<()> {
    let Some(chart) = chart().await else { return Ok(()) };
    let Some(schemas) = Schemas::published().await? else { return Ok(()) };
    let (oldest, newest) = (schemas.of(OLDEST)?, schemas.of(NEWEST)?);
    for values in overlays(&chart) {
        chart.validate(&oldest, &chart.render(OLDEST, &values).await?).await?;
    }
    for values in all_values(&chart) {
        chart.validate(&newest, &chart.render(NEWEST, &values).await?).await?;
    }
    // Whether anything would be found.
    let wrong = chart.render(NEWEST, &[]).await?.replace("imagePullPolicy:", "imagePullPolice:");
    ensure!(chart.validate(&newest, &wrong).await.is_err(), "an unknown key is taken");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_template_does_what_its_suite_says() -> Result<()> {
    let Some(chart) = chart().await else { return Ok(()) };
    chart.unit_tests().await?;
    let suites = suites(&chart)?;
    for template in fs::read_dir(chart.folder.join("templates"))? {
        let name = template?.file_name().to_string_lossy().into_owned();
        ensure!(name.starts_with('_') || suites.contains(&name), "no suite has {name}");
    }
    Ok(())
}

/// All of their text.
fn suites(chart: &Chart) -> Result<String> {
    let files = fs::read_dir(chart.folder.join("tests"))?.map(|entry| Ok(entry?.path()));
    let files = files.collect::<Result<Vec<_>>>()?;
    let suites = files.into_iter().filter(|file| file.is_file());
    suites.map(|file| Ok(fs::read_to_string(file)?)).collect()
}
