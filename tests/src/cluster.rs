//! A cluster of real processes: `Cluster::of(program, models).ensemble(..).start()`. It ends with the value.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use serde::Serialize;
use specfuse_proto::v1::{
    GenerateRequest, GenerateResponse, ListEnsemblesRequest, ensemble_service_client::EnsembleServiceClient,
};
use tonic::{Status, Streaming, transport::Channel};

use crate::{
    answer::Answer,
    ensemble::Ensemble,
    process::{DEADLINE, Process},
};

const POLL: Duration = Duration::from_millis(20);

/// What a cluster shall be.
#[derive(Debug)]
pub struct Plan {
    program: PathBuf,
    models: Vec<(String, PathBuf)>,
    ensembles: BTreeMap<String, Ensemble>,
}

#[derive(Debug)]
pub struct Cluster {
    pub coordinator: Process,
    /// By member.
    pub workers: BTreeMap<String, Process>,
    client: EnsembleServiceClient<Channel>,
}

#[derive(Serialize)]
struct File<'a> {
    listen: &'a str,
    workers: Vec<String>,
    ensembles: &'a BTreeMap<String, Ensemble>,
}

impl Cluster {
    /// One worker for each checkpoint folder; the folder's name is the member's.
    pub fn of(program: &str, folders: impl IntoIterator<Item = PathBuf>) -> Plan {
        let name = |folder: &Path| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let models = folders.into_iter().map(|folder| (name(&folder), folder)).collect();
        Plan { program: program.into(), models, ensembles: BTreeMap::new() }
    }

    pub async fn stream(&self, request: GenerateRequest) -> Result<Streaming<GenerateResponse>, Status> {
        Ok(self.client.clone().generate(request).await?.into_inner())
    }

    pub async fn ask(&self, request: GenerateRequest) -> Result<Answer, Status> {
        Answer::read(self.stream(request).await?).await
    }

    /// SIGKILL for the member's only worker.
    pub async fn kill(&mut self, member: &str) -> Result<()> {
        self.workers.get_mut(member).context("no such worker")?.kill().await
    }
}

impl Plan {
    /// Adds an ensemble; one without members gets all.
    pub fn ensemble(mut self, name: &str, mut ensemble: Ensemble) -> Self {
        if ensemble.members.is_empty() {
            ensemble.members = self.models.iter().map(|(name, _)| name.clone()).collect();
        }
        self.ensembles.insert(name.to_owned(), ensemble);
        self
    }

    /// Starts every process and waits until every ensemble is ready.
    pub async fn start(self) -> Result<Cluster> {
        let started = self.models.iter().map(|(name, folder)| worker(&self.program, name, folder));
        let workers = try_join_all(started).await?;
        let urls = workers.iter().map(Process::url).collect();
        let coordinator = coordinator(&self.program, urls, &self.ensembles).await?;
        let client = EnsembleServiceClient::connect(coordinator.url()).await?;
        let ready = tokio::time::timeout(DEADLINE, ready(client.clone())).await;
        ready.context("the ensembles do not become ready")??;
        let names = self.models.into_iter().map(|(name, _)| name);
        Ok(Cluster { coordinator, workers: names.zip(workers).collect(), client })
    }
}

/// One worker alone, on a free port.
pub async fn worker(program: &Path, name: &str, folder: &Path) -> Result<Process> {
    let folder = folder.to_str().context("the folder's name is not UTF-8")?;
    let threads = ["--listen", "127.0.0.1:0", "--threads", "1"];
    Process::start(program, &[&["worker", "--name", name, "--model", folder], &threads[..]].concat()).await
}

/// A coordinator alone, on a free port, whether its workers can be reached or not.
pub async fn coordinator(
    program: &Path,
    workers: Vec<String>,
    ensembles: &BTreeMap<String, Ensemble>,
) -> Result<Process> {
    let settings = tempfile::NamedTempFile::new()?;
    fs::write(settings.path(), toml::to_string(&File { listen: "127.0.0.1:0", workers, ensembles })?)?;
    let path = settings.path().to_str().context("the file's name is not UTF-8")?;
    Process::start(program, &["coordinator", "--config", path]).await
}

async fn ready(mut client: EnsembleServiceClient<Channel>) -> Result<(), Status> {
    loop {
        let listed = client.list_ensembles(ListEnsemblesRequest {}).await?.into_inner();
        if listed.ensembles.iter().all(|ensemble| ensemble.ready) {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
}
