//! A cluster on this machine: one worker process for each model and one coordinator, all of them this very program.
//!
//! No process outlives the cluster: each stops when the pipe to its standard input closes, which it does however we end.

pub(crate) mod process;
mod settings;

use std::{
    io,
    net::SocketAddr,
    num::NonZero,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use specfuse_proto::v1::{ListEnsemblesRequest, ensemble_service_client::EnsembleServiceClient};
use tokio::time::Instant;

pub(crate) use self::settings::{Settings, SettingsError};
use crate::{
    cluster::process::{ChildProcess, ProcessError},
    models::LocalModel,
    progress::Progress,
};

/// How long the coordinator may take to find its workers, all of which already serve.
const READY_DEADLINE: Duration = Duration::from_secs(30);
const READY_POLL: Duration = Duration::from_millis(20);

/// What to start.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) models: Vec<LocalModel>,
    pub(crate) listen: SocketAddr,
    /// The ensemble's keys but its members, as the coordinator reads them.
    pub(crate) ensemble: toml::Table,
    pub(crate) log: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    #[error("cannot find this program's own file")]
    Executable(#[source] io::Error),
    #[error("cannot write the coordinator's configuration")]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the coordinator did not find its workers in {READY_DEADLINE:?}")]
    NotReady,
}

/// The running processes.
#[derive(Debug)]
pub(crate) struct Cluster {
    coordinator: ChildProcess,
    workers: Vec<ChildProcess>,
}

/// A process of the cluster that ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) status: io::Result<ExitStatus>,
    /// Without it no question can be asked.
    pub(crate) coordinator: bool,
}

impl Cluster {
    /// Starts every process and waits until questions can be asked. Dropping the future stops what was started.
    pub(crate) async fn start(plan: Plan) -> Result<Self, ClusterError> {
        let workers = start_workers(&plan).await?;
        let settings = Settings {
            listen: plan.listen,
            workers: workers.iter().map(ChildProcess::url).collect(),
            members: plan.models.iter().map(|model| model.name.clone()).collect(),
            ensemble: plan.ensemble,
        };
        let coordinator = start_coordinator(&settings, &plan.log).await?;
        Ok(Self { coordinator, workers })
    }

    /// URL of the coordinator.
    pub(crate) fn endpoint(&self) -> String {
        self.coordinator.url()
    }

    /// Name and URL of each worker.
    pub(crate) fn workers(&self) -> impl Iterator<Item = (&str, String)> {
        self.workers.iter().map(|worker| (worker.name(), worker.url()))
    }

    /// Waits for a process to end by itself, and forgets it if it was a worker. Cancel safe.
    pub(crate) async fn ended(&mut self) -> Ended {
        let Self { coordinator, workers } = self;
        let mut waits: FuturesUnordered<_> =
            workers.iter_mut().enumerate().map(|(at, worker)| async move { (at, worker.wait().await) }).collect();
        let worker = tokio::select! {
            status = coordinator.wait() => return Ended { name: coordinator.name().to_owned(), status, coordinator: true },
            Some(worker) = waits.next() => worker,
        };
        drop(waits);
        let (at, status) = worker;
        Ended { name: workers.remove(at).name().to_owned(), status, coordinator: false }
    }

    /// Tells every process to stop and waits for each; one that takes too long is killed.
    pub(crate) async fn stop(self) {
        stop_all(std::iter::once(self.coordinator).chain(self.workers)).await;
    }
}

/// Starts a coordinator and waits until it knows a worker for every member.
pub(crate) async fn start_coordinator(settings: &Settings, log: &str) -> Result<ChildProcess, ClusterError> {
    let file = settings.write()?;
    let arguments = ["coordinator", "--supervised", "--log", log, "--config"];
    let arguments = arguments.iter().map(Into::into).chain([file.path().into()]).collect();
    let coordinator = ChildProcess::start(&program()?, "coordinator".to_owned(), arguments).await;
    let coordinator = coordinator.map_err(|error| about_settings(error, file.path()))?;
    let ready = tokio::time::timeout(READY_DEADLINE, ready(coordinator.url()));
    ready.await.map_err(|_| ClusterError::NotReady)?;
    Ok(coordinator)
}

/// The file with its settings is ours, and gone when the error is read.
fn about_settings(error: ProcessError, file: &Path) -> ProcessError {
    match error {
        ProcessError::Ended { name, reason } => {
            ProcessError::Ended { name, reason: reason.replace(&*file.to_string_lossy(), "its settings") }
        }
        ProcessError::Spawn { .. } | ProcessError::Late { .. } => error,
    }
}

/// Completes when the coordinator knows a worker for every member.
async fn ready(endpoint: String) {
    loop {
        if let Ok(mut client) = EnsembleServiceClient::connect(endpoint.clone()).await
            && let Ok(response) = client.list_ensembles(ListEnsemblesRequest {}).await
            && response.get_ref().ensembles.iter().all(|ensemble| ensemble.ready)
        {
            return;
        }
        tokio::time::sleep(READY_POLL).await;
    }
}

/// Tells every process to stop and waits for each; one that takes too long is killed.
pub(crate) async fn stop_all(processes: impl IntoIterator<Item = ChildProcess>) {
    let deadline = Instant::now() + process::STOP_GRACE;
    futures::future::join_all(processes.into_iter().map(|process| process.stop(deadline))).await;
}

pub(crate) fn program() -> Result<PathBuf, ClusterError> {
    std::env::current_exe().map_err(ClusterError::Executable)
}

/// One for each model, in their order.
pub(crate) async fn start_workers(plan: &Plan) -> Result<Vec<ChildProcess>, ClusterError> {
    let program = program()?;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = (cores / plan.models.len().max(1)).max(1);
    let mut progress = Progress::new(plan.models.iter().map(|model| model.name.clone()).collect());
    let mut starting: FuturesUnordered<_> = (plan.models.iter().enumerate())
        .map(|(at, model)| {
            let arguments = worker_arguments(model, threads, &plan.log);
            let process = ChildProcess::start(&program, model.name.clone(), arguments);
            async move { (at, process.await) }
        })
        .collect();
    let mut workers = Vec::with_capacity(plan.models.len());
    while let Some((at, worker)) = starting.next().await {
        let worker = worker?;
        progress.ready(worker.name());
        workers.push((at, worker));
    }
    workers.sort_by_key(|(at, _)| *at);
    Ok(workers.into_iter().map(|(_, worker)| worker).collect())
}

pub(crate) fn worker_arguments(model: &LocalModel, threads: usize, log: &str) -> Vec<std::ffi::OsString> {
    vec![
        "worker".into(),
        "--supervised".into(),
        "--listen".into(),
        "127.0.0.1:0".into(),
        "--threads".into(),
        threads.to_string().into(),
        "--shutdown-grace".into(),
        settings::DRAIN_GRACE.into(),
        "--log".into(),
        log.into(),
        "--name".into(),
        model.name.as_str().into(),
        "--model".into(),
        model.folder.as_os_str().into(),
    ]
}
