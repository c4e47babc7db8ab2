//! The Helm chart of this repository, rendered by the real helm. `tests/chart/go.mod` names the tools and their versions.
//!
//! - [`Schemas`]: what Kubernetes takes
//! - [`Release`]: the chart installed without Kubernetes: `pods`, `names` and `volumes` are what its control plane and its network make of
//!   the manifests, `container` is a command line of one, `kubelet` starts, probes and stops it, `keeper` is its process, `certificates`
//!   plays cert-manager; [`Asker`]: who asks it

mod asking;
mod certificates;
mod container;
mod keeper;
mod kubelet;
mod names;
mod pods;
mod release;
mod schemas;
mod volumes;

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::{process::Command, sync::OnceCell};

pub use self::{
    asking::{Asker, Events, endless},
    certificates::Wanted,
    container::{Played, played},
    kubelet::Running,
    release::{Plan, Release},
    schemas::Schemas,
    volumes::{Given, Secret},
};
use crate::packages::{go_tools, run};

const DEADLINE: Duration = Duration::from_secs(60);
/// What a release is called here, and where it is.
pub const RELEASE: &str = "specfuse";
pub const NAMESPACE: &str = "demo";
/// Several tests build the tools into one folder.
static BUILT: OnceCell<bool> = OnceCell::const_new();

/// A chart, and what works on it.
#[derive(Clone, Debug)]
pub struct Chart {
    pub folder: PathBuf,
    tools: PathBuf,
}

impl Chart {
    /// The repository's, with its tools in a folder below `target`. None: they cannot be had, and the test is skipped, having said so.
    pub async fn with_tools(target: &Path) -> Option<Self> {
        let tools = target.join("tools");
        let module = fixtures();
        let built = *BUILT.get_or_init(|| go_tools(&module, &tools)).await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../helm/specfuse");
        built.then_some(Self { folder, tools })
    }

    /// Another copy of it.
    pub fn at(&self, folder: PathBuf) -> Self {
        Self { folder, tools: self.tools.clone() }
    }

    /// A file of values beside the chart's own, such as "values-gpu.yaml".
    pub fn values(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The manifests, as text; an error has what helm said.
    pub async fn render(&self, kubernetes: &str, values: &[PathBuf]) -> Result<String> {
        let mut helm = self.tool("helm");
        helm.arg("template").arg(RELEASE).arg(&self.folder).args(["--namespace", NAMESPACE]);
        helm.args(["--kube-version", kubernetes]);
        for file in values {
            helm.arg("--values").arg(file);
        }
        Ok(String::from_utf8(run(&mut helm, DEADLINE).await?.stdout)?)
    }

    pub async fn lint(&self, kubernetes: &str, values: &[PathBuf]) -> Result<()> {
        let mut helm = self.tool("helm");
        helm.args(["lint", "--strict", "--kube-version", kubernetes]).arg(&self.folder);
        for file in values {
            helm.arg("--values").arg(file);
        }
        run(&mut helm, DEADLINE).await.map(drop)
    }

    /// Runs the suites below the chart's `tests`.
    pub async fn unit_tests(&self) -> Result<()> {
        run(self.tool("helm-unittest").arg(&self.folder), DEADLINE).await.map(drop)
    }

    /// Fails where a manifest is none of its kind: by Kubernetes' own schemas, and those of the kinds that others bring.
    pub async fn validate(&self, schemas: &Schemas, manifests: &str) -> Result<()> {
        let file = tempfile::NamedTempFile::with_suffix(".yaml")?;
        fs::write(file.path(), manifests)?;
        let mut kubeconform = self.tool("kubeconform");
        for folder in [schemas.folder(), &fixtures().join("schemas")] {
            let names = folder.join("{{ .ResourceKind }}{{ .KindSuffix }}.json");
            kubeconform.arg("-schema-location").arg(names);
        }
        run(kubeconform.args(["-strict", "-summary"]).arg(file.path()), DEADLINE).await.map(drop)
    }

    fn tool(&self, name: &str) -> Command {
        Command::new(self.tools.join(name))
    }
}

/// What the chart's tests bring: tools, schemas and values.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("chart")
}

/// The objects of rendered manifests.
pub fn objects(manifests: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifests).context("not YAML")?;
    let objects: Vec<Value> = documents.into_iter().filter(|document| !document.is_null()).collect();
    ensure!(!objects.is_empty(), "no objects");
    Ok(objects)
}

/// An object's kind and name.
pub fn titled(object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    format!("{} {}", text("/kind"), text("/metadata/name"))
}

/// The pod of an object that is one or makes some.
pub fn pod(object: &Value) -> Option<&Value> {
    match object.get("kind")?.as_str()? {
        "Pod" => object.get("spec"),
        "Deployment" | "StatefulSet" => object.pointer("/spec/template/spec"),
        _ => None,
    }
}

/// What a pod calls "every address of mine" and its own loopback is one address here.
fn own_address(text: &str, address: Ipv4Addr) -> String {
    ["0.0.0.0:", "127.0.0.1:"].iter().fold(text.to_owned(), |text, own| text.replace(own, &format!("{address}:")))
}
