//! The coordinator's configuration, as the chart writes it: the coordinator takes it.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;
use specfuse_tests::{
    chart::{objects, titled},
    process::Process,
};

use super::{NEWEST, all_values, chart};
use crate::PROGRAM;

/// Nobody listens there: a coordinator serves all the same.
const NO_ETCD: &str = "etcd://127.0.0.1:1";

#[tokio::test(flavor = "multi_thread")]
async fn every_configuration_is_one_that_the_coordinator_takes() -> Result<()> {
    let Some(chart) = chart().await else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("coordinator.toml");
    for values in all_values(&chart) {
        let objects = objects(&chart.render(NEWEST, &values).await?)?;
        let map = objects.iter().find(|object| titled(object) == "ConfigMap specfuse-coordinator").context("no map")?;
        let text = map.pointer("/data/coordinator.toml").and_then(Value::as_str).context("no file")?;
        // A free port.
        fs::write(&file, text.replace("0.0.0.0:7070", "127.0.0.1:0"))?;
        let config = file.to_str().context("the file's name is not UTF-8")?;
        Process::start(Path::new(PROGRAM), &["coordinator", "--config", config, "--discovery", NO_ETCD]).await?;
    }
    Ok(())
}

#[test]
fn the_bundled_models_have_the_settings_that_were_chosen_for_them() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let chosen = fs::read_to_string(root.join("models/ensemble.toml"))?;
    let chart = fs::read_to_string(root.join("helm/specfuse/files/ensemble.toml"))?;
    assert_eq!(chart, chosen, "helm/specfuse/files/ensemble.toml is a copy of models/ensemble.toml");
    Ok(())
}
