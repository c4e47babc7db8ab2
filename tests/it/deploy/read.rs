//! What `tests/deploy` tells of the repository.

use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

use anyhow::{Context, Result};
use serde::Deserialize;
use specfuse_tests::packages::{has, run};
use tokio::process::Command;

use super::root;

/// Go compiles it, the first time with all that it is made of.
const DEADLINE: Duration = Duration::from_secs(900);

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Told {
    pub(super) dockerfile: Dockerfile,
    /// The files that reach the builder.
    pub(super) context: Vec<String>,
    pub(super) compose: Compose,
    pub(super) alerts: Vec<Alert>,
    pub(super) queries: Vec<Query>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Dockerfile {
    pub(super) warnings: Vec<String>,
    /// Defaults of the arguments before the first stage.
    pub(super) arguments: BTreeMap<String, String>,
    pub(super) stages: Vec<Stage>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) base: String,
    pub(super) instructions: Vec<Instruction>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Instruction {
    pub(super) kind: String,
    pub(super) line: u32,
    /// Of RUN and ENTRYPOINT the command, of COPY the sources, of USER, WORKDIR and ARG the one word.
    #[serde(deserialize_with = "nullable")]
    pub(super) words: Vec<String>,
    /// Whether a shell reads the command.
    pub(super) shell: bool,
    /// COPY: the stage, or empty.
    pub(super) from: String,
    pub(super) to: String,
    /// LABEL and ENV.
    #[serde(deserialize_with = "nullable")]
    pub(super) pairs: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Compose {
    pub(super) services: BTreeMap<String, Service>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Service {
    pub(super) image: String,
    #[serde(default)]
    pub(super) build: Option<Build>,
    #[serde(deserialize_with = "nullable")]
    pub(super) command: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) entrypoint: Vec<String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub(super) volumes: Vec<Volume>,
    #[serde(default)]
    pub(super) ports: Vec<Port>,
    #[serde(default)]
    pub(super) read_only: bool,
    #[serde(default)]
    pub(super) cap_drop: Vec<String>,
    #[serde(default)]
    pub(super) security_opt: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Build {
    pub(super) context: String,
    pub(super) dockerfile: String,
    pub(super) target: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Volume {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) source: String,
    pub(super) target: String,
    #[serde(default)]
    pub(super) read_only: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Port {
    #[serde(default)]
    pub(super) host_ip: String,
    pub(super) target: u16,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Alert {
    pub(super) name: String,
    /// How long it must hold; "0s": no time.
    #[serde(rename = "for")]
    pub(super) hold: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Query {
    /// The alert, or the dashboard's file and the panel.
    #[serde(rename = "where")]
    pub(super) place: String,
    pub(super) expr: String,
    pub(super) legend: String,
    pub(super) selectors: Vec<Selector>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Selector {
    pub(super) metric: String,
    pub(super) labels: Vec<String>,
}

/// Go tells an empty list as null.
fn nullable<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// None: there is no Go, and the test is skipped, having said so.
pub(super) async fn told() -> Result<Option<Told>> {
    static TOLD: OnceLock<Told> = OnceLock::new();
    if let Some(told) = TOLD.get() {
        return Ok(Some(told.clone()));
    }
    if !has(&["go"]) {
        return Ok(None);
    }
    let root = root()?;
    let mut tool = Command::new("go");
    tool.args(["run", ".", root.to_str().context("the folder's name is not UTF-8")?]);
    let ran = run(tool.current_dir(root.join("tests/deploy")), DEADLINE).await?;
    Ok(Some(TOLD.get_or_init(|| serde_json::from_slice(&ran.stdout).unwrap()).clone()))
}
