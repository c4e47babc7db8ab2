//! A whole deployment: replicas of every member, several coordinators, an etcd; each on a host of its own.
//!
//! `Fleet::of(program, members).replicas(2).coordinators(2).start(network)`. Without `discovered` the coordinators have a list.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use serde::Serialize;
use specfuse_proto::v1::{
    DescribeRequest, GetClusterRequest, GetClusterResponse, Load, WorkerState,
    ensemble_service_client::EnsembleServiceClient, worker_service_client::WorkerServiceClient,
};
use tempfile::TempDir;
use tonic::{Status, transport::Channel};

use crate::{
    client::{Client, channel},
    ensemble::Ensemble,
    etcd::Etcd,
    network::{Host, Network},
    process::{DEADLINE, Launch, Process},
};

const POLL: Duration = Duration::from_millis(50);
const WORKER_PORT: u16 = 7071;
/// So small that a few answers of the bundled models fill it.
const CACHE: &str = "4MiB";
const COORDINATOR_PORT: u16 = 7070;
const ADMIN_PORT: u16 = 9090;

/// A model under a name, with flags of its own.
#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    /// Of the checkpoint, or a config.json, in whose shape the weights are random.
    pub folder: PathBuf,
    pub flags: Vec<String>,
}

/// What a fleet shall be.
#[derive(Debug)]
pub struct Plan {
    program: PathBuf,
    members: Vec<Member>,
    replicas: u8,
    coordinators: u8,
    discovered: bool,
    settings: Settings,
    logs: Option<PathBuf>,
    /// Of every process.
    flags: Vec<String>,
}

/// The coordinators' configuration file.
#[derive(Clone, Debug, Default, Serialize)]
struct Settings {
    listen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<Vec<String>>,
    #[serde(flatten)]
    more: toml::Table,
    ensembles: BTreeMap<String, Ensemble>,
}

/// Its processes end before their hosts do.
#[derive(Debug)]
pub struct Fleet {
    /// Member by member.
    pub workers: Vec<Worker>,
    pub coordinators: Vec<Process>,
    pub etcd: Option<Etcd>,
    pub ensemble: Ensemble,
    pub grounds: Grounds,
}

/// What the processes stand on: their files and hosts.
#[derive(Debug)]
pub struct Grounds {
    _folder: TempDir,
    _network: Network,
}

#[derive(Debug)]
pub struct Worker {
    pub member: String,
    pub host: Host,
    pub process: Process,
}

impl Member {
    /// Named as its folder.
    pub fn of(folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, folder, flags: Vec::new() }
    }
}

impl Plan {
    /// One replica each, one coordinator, a configured list.
    pub fn of(program: &Path, members: Vec<Member>) -> Self {
        let (settings, logs, flags) = (Settings::default(), None, Vec::new());
        let program = program.to_owned();
        Self { program, members, replicas: 1, coordinators: 1, discovered: false, settings, logs, flags }
    }

    pub fn replicas(self, replicas: u8) -> Self {
        Self { replicas, ..self }
    }

    pub fn coordinators(self, coordinators: u8) -> Self {
        Self { coordinators, ..self }
    }

    /// Workers are found through an etcd.
    pub fn discovered(self) -> Self {
        Self { discovered: true, ..self }
    }

    /// The default ensemble, of all members.
    pub fn ensemble(mut self, ensemble: Ensemble) -> Self {
        let members = self.members.iter().map(|member| member.name.clone()).collect();
        self.settings.ensembles.insert("default".to_owned(), Ensemble { members, ..ensemble });
        self
    }

    /// One more key of the coordinators' file.
    pub fn set(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        self.settings.more.insert(key.to_owned(), value.into());
        self
    }

    /// Keeps a log of each process in a folder.
    pub fn logs(self, folder: PathBuf) -> Self {
        Self { logs: Some(folder), ..self }
    }

    /// One more flag of every process.
    pub fn flag(mut self, flag: &str, value: &str) -> Self {
        self.flags.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// How many hosts the network must have.
    pub fn hosts(&self) -> u8 {
        let members = u8::try_from(self.members.len()).unwrap_or(u8::MAX);
        members.saturating_mul(self.replicas).saturating_add(self.coordinators).saturating_add(1)
    }

    /// On hosts of the loopback. None: something is not installed, and the test is skipped, having said so.
    pub async fn start(self) -> Result<Option<Fleet>> {
        let network = Network::on_loopback(self.hosts())?;
        self.start_on(network).await
    }

    /// Likewise, on hosts that can be cut off.
    pub async fn start_on_namespaces(self) -> Result<Option<Fleet>> {
        match Network::of_namespaces(self.hosts())? {
            Some(network) => self.start_on(network).await,
            None => Ok(None),
        }
    }

    async fn start_on(mut self, network: Network) -> Result<Option<Fleet>> {
        let (first, hosts) = network.hosts.split_first().context("no hosts")?;
        let (offices, sites) = hosts.split_at_checked(self.coordinators.into()).context("too few hosts")?;
        let etcd = match self.discovered {
            true => match Etcd::start(first).await? {
                Some(etcd) => Some(etcd),
                None => return Ok(None),
            },
            false => {
                let urls = sites.iter().map(|site| format!("http://{}:{WORKER_PORT}", site.address));
                self.settings.workers = Some(urls.collect());
                None
            }
        };
        let folder = tempfile::tempdir()?;
        let discovery = etcd.as_ref().map(Etcd::url);
        let members = self.members.iter().flat_map(|member| vec![member; self.replicas.into()]);
        let workers = members.zip(sites).map(|(member, site)| self.worker(member, site, discovery.as_deref()));
        let coordinators = offices.iter().map(|office| self.coordinator(office, discovery.as_deref(), folder.path()));
        let (workers, coordinators) = tokio::try_join!(try_join_all(workers), try_join_all(coordinators))?;
        let ensemble = self.settings.ensembles.remove("default").context("no ensemble")?;
        let grounds = Grounds { _folder: folder, _network: network };
        let fleet = Fleet { workers, coordinators, etcd, ensemble, grounds };
        fleet.settled().await?;
        Ok(Some(fleet))
    }

    async fn worker(&self, member: &Member, host: &Host, discovery: Option<&str>) -> Result<Worker> {
        let folder = member.folder.to_str().context("the folder's name is not UTF-8")?;
        let listen = format!("{}:{WORKER_PORT}", host.address);
        let source = if member.folder.is_file() { "--random-weights" } else { "--model" };
        let mut arguments = vec!["worker", "--name", &member.name, source, folder, "--listen", &listen];
        arguments.extend(["--threads", "1"]);
        if !member.flags.iter().any(|flag| flag == "--cache-memory") {
            arguments.extend(["--cache-memory", CACHE]);
        }
        arguments.extend(member.flags.iter().map(String::as_str));
        arguments.extend(discovery.iter().flat_map(|url| ["--discovery", url]));
        let process = self.launch(&arguments, host, &member.name).start().await?;
        Ok(Worker { member: member.name.clone(), host: host.clone(), process })
    }

    async fn coordinator(&self, host: &Host, discovery: Option<&str>, folder: &Path) -> Result<Process> {
        let settings = Settings { listen: format!("{}:{COORDINATOR_PORT}", host.address), ..self.settings.clone() };
        let file = folder.join(format!("{}.toml", host.address));
        fs::write(&file, toml::to_string(&settings)?)?;
        let file = file.to_str().context("the file's name is not UTF-8")?;
        let mut arguments = vec!["coordinator", "--config", file];
        arguments.extend(discovery.iter().flat_map(|url| ["--discovery", url]));
        self.launch(&arguments, host, "coordinator").start().await
    }

    fn launch(&self, arguments: &[&str], host: &Host, name: &str) -> Launch {
        let admin = format!("{}:{ADMIN_PORT}", host.address);
        let flags = self.flags.iter().map(String::as_str).chain(["--admin", &admin]);
        let arguments: Vec<&str> = arguments.iter().copied().chain(flags).collect();
        let launch = Launch::of(&self.program, &arguments).on(host);
        match &self.logs {
            Some(folder) => launch.logged(folder.join(format!("{name}-{}.log", host.address))),
            None => launch,
        }
    }
}

impl Fleet {
    /// URLs of the coordinators.
    pub fn urls(&self) -> Vec<String> {
        self.coordinators.iter().map(Process::url).collect()
    }

    /// A client of all coordinators that asks the one at `first` first.
    pub fn client(&self, first: usize) -> Result<Client> {
        Client::new(&self.urls(), first)
    }

    /// Waits until every coordinator calls every worker, and no other.
    pub async fn settled(&self) -> Result<()> {
        let addresses: Vec<String> = self.workers.iter().map(|worker| worker.process.url()).collect();
        for url in self.urls() {
            await_ready(&url, &addresses).await?;
        }
        Ok(())
    }
}

impl Fleet {
    /// Forward passes of each worker since its start: who has worked.
    pub async fn steps(&self) -> Result<Vec<u64>> {
        let steps = self.workers.iter().map(async |worker| Ok::<_, anyhow::Error>(worker.load().await?.engine_steps));
        try_join_all(steps).await
    }
}

impl Worker {
    /// What its engine is doing.
    pub async fn load(&self) -> Result<Load> {
        load(&self.process.url()).await
    }
}

/// What the engine of the worker at `url` is doing.
pub async fn load(url: &str) -> Result<Load> {
    let mut client = WorkerServiceClient::new(channel(url)?);
    let described = tokio::time::timeout(DEADLINE, client.describe(DescribeRequest {})).await??;
    described.into_inner().load.context("it does not tell its load")
}

/// What the coordinator at `url` knows.
pub async fn cluster(url: &str) -> Result<GetClusterResponse> {
    Ok(get_cluster(EnsembleServiceClient::new(channel(url)?)).await?)
}

async fn get_cluster(mut client: EnsembleServiceClient<Channel>) -> Result<GetClusterResponse, Status> {
    let mut request = tonic::Request::new(GetClusterRequest {});
    request.set_timeout(DEADLINE);
    Ok(client.get_cluster(request).await?.into_inner())
}

/// Waits until the coordinator at `url` calls these workers and no other.
pub async fn await_ready(url: &str, workers: &[String]) -> Result<()> {
    let client = EnsembleServiceClient::new(channel(url)?);
    let mut expected = workers.to_vec();
    expected.sort_unstable();
    let ready = async {
        loop {
            let mut ready = match get_cluster(client.clone()).await {
                Ok(cluster) => ready_of(&cluster),
                Err(_) => Vec::new(),
            };
            ready.sort_unstable();
            if ready == expected {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let settled = tokio::time::timeout(DEADLINE, ready).await;
    if settled.is_err() {
        anyhow::bail!("{url} does not call all of {expected:?}: {:?}", get_cluster(client).await);
    }
    Ok(())
}

/// Where a process of a fleet tells how it stands.
pub fn admin(process: &Process) -> SocketAddr {
    SocketAddr::new(process.address.ip(), ADMIN_PORT)
}

/// URLs of the workers that a coordinator calls.
pub fn ready_of(cluster: &GetClusterResponse) -> Vec<String> {
    let ready = cluster.workers.iter().filter(|worker| worker.state() == WorkerState::Ready);
    ready.map(|worker| worker.endpoint.trim_end_matches('/').to_owned()).collect()
}
