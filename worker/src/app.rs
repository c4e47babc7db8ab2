//! A worker's life: bind, load, serve, register, and at the end the same backwards. It decides nothing about models or calls.

mod checkpoint;
mod random;
pub(crate) mod room;
pub(crate) mod server;

use std::{error::Error as _, net::SocketAddr, num::NonZeroUsize};

use anyhow::{Context as _, anyhow, bail};
use chrono::{DateTime, Utc};
use specfuse_runtime::{
    admin::AdminPort,
    discovery::{WorkerRecord, etcd},
    shutdown::Shutdown,
    supervised::{Announcement, announce, stop_with_parent},
    telemetry,
};
use tokio::{runtime::Runtime, sync::oneshot};
use tokio_util::task::TaskTracker;

pub use self::checkpoint::CheckpointError;
pub(crate) use self::checkpoint::Loaded;
use crate::{
    config::{Args, Config, ModelChoice, ModelSource},
    engine::{Engine, EngineThread},
    service::{ReadLimits, Served, Service},
    standing::Standing,
};

/// All of a worker's process: logs and traces, configuration, ports, and the [run](run).
pub fn start(args: Args, runtime: &Runtime) -> anyhow::Result<()> {
    telemetry::telling(runtime, &args.telemetry.clone(), "specfuse-worker", async |log| {
        let config = Config::try_from(args)?;
        let admin = AdminPort::bind(config.admin, log).await?;
        Box::pin(run(config, admin)).await
    })
}

/// Runs a worker until it is told to stop. An error: it could not start, its engine died, or calls were cut at the end.
pub async fn run(config: Config, admin: Option<AdminPort>) -> anyhow::Result<()> {
    let started = Utc::now();
    room::check(&config)?;
    use_threads(config.model.threads)?;
    let shutdown = Shutdown::new(config.shutdown_grace);
    let standing = Standing::loading(shutdown.clone());
    let _admin = admin.map(|port| port.serve(standing.clone()));
    let port = server::bind(config.listen)?.with_tls(config.tls.clone());
    let address = port.local_addr().context("the listener has no address")?;
    if config.supervised {
        stop_with_parent(&shutdown);
        shutdown.on_terminate()?;
        announce(&Announcement::Loading { model: config.name.clone() });
    } else {
        shutdown.on_signal()?;
    }
    if config.is_registered_for_nobody(address) {
        tracing::warn!(%address, "only this machine can call the address that is registered: --advertise gives another");
    }
    tracing::info!(model = config.name, from = config.model.source.shown(), "loading");
    let loaded = tokio::select! {
        loaded = load(config.model.clone()) => loaded?,
        () = shutdown.begun() => return Ok(()),
    };
    let (service, engine) = built(&config, loaded)?;
    standing.serves(service.clone());
    if config.supervised {
        announce(&Announcement::Serving { name: config.name.clone(), address });
    }
    tracing::info!(model = config.name, %address, "serving");
    serve(&config, &shutdown, Serving { service, engine, standing, port, address, started }).await
}

struct Serving {
    service: Service,
    engine: EngineThread,
    standing: Standing,
    port: server::Port,
    address: SocketAddr,
    started: DateTime<Utc>,
}

/// Until the stop, until the engine ends (it must not, before), or until the grace after the stop is over or cut short.
async fn serve(config: &Config, shutdown: &Shutdown, serving: Serving) -> anyhow::Result<()> {
    let Serving { service, mut engine, standing, port, address, started } = serving;
    let calls = service.calls();
    // Keeps the engine up until the server has ended: only then may the engine end.
    let last_handle = service.clone();
    let grace_over = async {
        shutdown.begun().await;
        tracing::info!(calls = calls.len(), grace = ?config.shutdown_grace, "stopping");
        tokio::time::sleep(config.shutdown_grace).await;
    };
    // First awaited when calls are answered.
    let until_withdrawn = registered(config, shutdown, service.record(url(config, address), started));
    tokio::select! {
        served = server::serve(service, port, until_withdrawn) => served?,
        ended = engine.ended() => return Err(engine_died(ended)),
        () = grace_over => return cut(&calls, config),
        () = shutdown.hurried() => bail!("stopped at once by a second signal: {} calls were cut", calls.len()),
    }
    standing.has_served();
    drop(last_handle);
    tokio::select! {
        ended = engine.ended() => ended.map_err(|panic| anyhow!("the engine panicked while it stopped: {panic}")),
        () = tokio::time::sleep(config.shutdown_grace) => {
            bail!("the engine had not ended after --shutdown-grace {:?}", config.shutdown_grace)
        }
        () = shutdown.hurried() => bail!("stopped at once by a second signal, before the engine had ended"),
    }
}

/// Registered until the stop begins; completes when no coordinator finds this worker any more, and new calls may be refused.
async fn registered(config: &Config, shutdown: &Shutdown, record: WorkerRecord) {
    let registration = config.discovery.clone().map(|etcd| etcd::register(etcd, record, shutdown));
    shutdown.begun().await;
    if let Some(registration) = registration {
        registration.withdraw().await;
    }
}

/// Where coordinators call.
fn url(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    match &config.advertise {
        Some(advertised) => format!("{scheme}://{advertised}"),
        None => format!("{scheme}://{address}"),
    }
}

fn cut(calls: &TaskTracker, config: &Config) -> anyhow::Result<()> {
    match calls.len() {
        // Only connections without a call were left.
        0 => Ok(()),
        cut => bail!("{cut} calls had not finished after --shutdown-grace {:?} and were cut", config.shutdown_grace),
    }
}

fn engine_died(ended: Result<(), String>) -> anyhow::Error {
    match ended {
        Ok(()) => anyhow!("the engine ended while it was needed"),
        Err(panic) => anyhow!("the engine panicked: {panic}"),
    }
}

/// Everything of the model that is chosen.
pub(crate) fn open(choice: &ModelChoice) -> Result<Loaded, CheckpointError> {
    match &choice.source {
        ModelSource::Checkpoint(path) => checkpoint::load(path, &choice.options),
        ModelSource::Random(config) => random::load(config, &choice.options),
    }
}

/// On a thread of its own, which is abandoned with the process when the stop comes first.
async fn load(choice: ModelChoice) -> anyhow::Result<Loaded> {
    let (sender, loaded) = oneshot::channel::<Result<Loaded, CheckpointError>>();
    let shown = choice.source.shown();
    std::thread::Builder::new().name("load".to_owned()).spawn(move || {
        // A stop that came first has dropped the receiver.
        let _ = sender.send(open(&choice));
    })?;
    let loaded = loaded.await.map_err(|_| anyhow!("loading panicked"));
    loaded?.with_context(|| format!("cannot serve {shown}"))
}

fn built(config: &Config, loaded: Loaded) -> anyhow::Result<(Service, EngineThread)> {
    let Loaded { model, language, end_of_turn, fingerprint } = loaded;
    let served = Served { name: config.name.clone(), info: model.info.clone(), language, end_of_turn, fingerprint };
    let (engine, thread) = Engine::start(model, config.engine).with_context(|| {
        format!("cannot serve {} with --cache-memory {}", config.model.source.shown(), config.engine.cache_memory)
    })?;
    let limits = ReadLimits { at_a_time: config.model.threads.get(), waiting: config.engine.max_queue };
    Ok((Service::new(served, engine, limits).logging_content(config.log_content), thread))
}

/// The threads that were asked for cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start --threads {threads}")]
pub struct ThreadsError {
    threads: NonZeroUsize,
    source: rayon::ThreadPoolBuildError,
}

/// The pool is the process's own: the first to ask sizes it.
pub(crate) fn use_threads(threads: NonZeroUsize) -> Result<(), ThreadsError> {
    match rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global() {
        Ok(()) => Ok(()),
        // Only threads that could not be started have a cause.
        Err(source) if source.source().is_some() => Err(ThreadsError { threads, source }),
        Err(error) => {
            tracing::debug!(%error, "the thread pool keeps its size");
            Ok(())
        }
    }
}
