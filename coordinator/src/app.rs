//! bind → build → serve → drain, from top to bottom.

use std::{pin::Pin, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use futures::{Stream, StreamExt, stream};
use specfuse_proto::v1::ensemble_service_server::{self, EnsembleServiceServer};
use specfuse_runtime::{
    admin::AdminPort,
    discovery::{Directory, Listed, Membership, etcd},
    keepalive,
    shutdown::Shutdown,
    supervised::{self, Announcement},
    telemetry,
    tls::{self, Connection},
};
use tokio::{net::TcpListener, runtime::Runtime, sync::Mutex};
use tokio_util::sync::CancellationToken;
use tonic::{
    Status,
    service::{Routes, interceptor::InterceptedService},
    transport::Server,
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    activity::Activity,
    admission::{Admission, Bounds},
    api::{
        grpc::Ensembles,
        http::{self, Doors},
        intake::Intake,
    },
    auth::{Gate, Keys},
    config::{Args, Config, Workers},
    metrics::Metrics,
    pool::Pool,
    recordings::Recordings,
    standing::{Introduction, Standing},
};

/// What the last answers have to reach their clients after the last generation ended.
const FLUSH: Duration = Duration::from_secs(1);
/// Bytes of a request. What a worker takes is four times as much: the answer so far and the candidates go there too.
const MAX_REQUEST: usize = 4 << 20;
/// Bytes of a request's headers.
const MAX_HEADERS: u32 = 16 << 10;
/// Requests at once on one connection; a client holds more back by itself.
const MAX_STREAMS: u32 = 256;
/// After so long a client is told to connect anew, which finishes what it has asked for: so coordinators that came later get their part.
const CONNECTION_AGE: Duration = Duration::from_secs(600);
/// What a request may take to come in whole.
const REQUEST_TIME: Duration = Duration::from_secs(30);

/// All of a coordinator's process: logs and traces, configuration, ports, and the [run](run).
pub fn start(args: Args, runtime: &Runtime) -> anyhow::Result<()> {
    telemetry::telling(runtime, &args.telemetry, "specfuse-coordinator", async |log| {
        let config = Config::load(&args)?;
        let admin = AdminPort::bind(config.admin, log).await?;
        run(config, admin).await
    })
}

/// Serves until told to stop. An error: the port is taken, the server failed, or generations were cut.
pub async fn run(config: Config, admin: Option<AdminPort>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen).await.with_context(|| format!("listen: {}", config.listen))?;
    let address = listener.local_addr().context("listen")?;
    let shutdown = Shutdown::new(config.shutdown_grace);
    if config.supervised {
        supervised::stop_with_parent(&shutdown);
        shutdown.on_terminate().context("signals")?;
    } else {
        shutdown.on_signal().context("signals")?;
    }
    tracing::info!(%address, ensembles = config.ensembles.len(), tls = config.server_tls.is_some(), "serving");
    if config.supervised {
        supervised::announce(&Announcement::Serving { name: "coordinator".to_owned(), address });
    }
    serve(listener, admin, config, shutdown).await
}

/// The listener is open already, so a client that comes before the first accept waits in its backlog.
pub(crate) async fn serve(
    listener: TcpListener,
    admin: Option<AdminPort>,
    config: Config,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("listen")?;
    let bounds = Bounds { running: config.max_generations, waiting: config.max_waiting, max_wait: config.max_wait };
    let admission = Admission::new(bounds, shutdown.clone());
    // Running answers need their workers, new ones too, until they are finished: the list and the probes end after them.
    let watching = Shutdown::new(FLUSH);
    let directory = directory(config.workers, &watching);
    let intake = Arc::new(Intake {
        metrics: Metrics::new(&config.ensembles, config.max_generations),
        ensembles: config.ensembles,
        pool: Pool::start(directory.membership.clone(), config.worker_tls, &watching),
        directory,
        admission: admission.clone(),
        recordings: Recordings::new(config.recordings),
        activity: Activity::new(),
        introduction: Introduction::default(),
        log_content: config.log_content,
    });
    let _admin = admin.map(|port| port.serve(Standing(Arc::clone(&intake))));
    let service = EnsembleServiceServer::new(Ensembles(Arc::clone(&intake))).max_decoding_message_size(MAX_REQUEST);
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<EnsembleServiceServer<Ensembles>>().await;

    let gate = Gate(config.api_keys.map(|file| Keys::follow(file, &shutdown)));
    let health_gate = if config.health_needs_key { gate.clone() } else { Gate(None) };
    let mut grpc = Routes::new(InterceptedService::new(service, gate.clone()))
        .add_service(InterceptedService::new(health_service, health_gate.clone()));
    if config.reflection {
        let v1 = reflection().build_v1().context("reflection")?;
        let v1alpha = reflection().build_v1alpha().context("reflection")?;
        grpc = grpc.add_service(InterceptedService::new(v1, gate.clone()));
        grpc = grpc.add_service(InterceptedService::new(v1alpha, gate.clone()));
    }
    let begins = middleware::from_fn_with_state(config.max_wait + REQUEST_TIME, begins_in_time);
    let only_local = gate.0.is_none() && config.server_tls.is_none() && address.ip().is_loopback();
    let doors = Doors { gate, health_gate, cors: config.cors_origins, only_local };
    let (http, nothing) = http::routers(&intake, doors);
    let routes = grpc.into_axum_router().layer(begins).reset_fallback().merge(http).fallback_service(nothing);

    let drained = CancellationToken::new();
    let incoming = tls::serve(listener, config.server_tls);
    let mut serving = Box::pin(answer(routes.into(), incoming, &shutdown, drained.clone()));

    let stopped = tokio::select! {
        served = &mut serving => {
            served.context("serve")?;
            anyhow::bail!("the server ended by itself");
        }
        stopped = stop(&shutdown, &health, &admission, config.shutdown_grace) => stopped,
    };
    drained.cancel();
    watching.begin();
    tokio::select! {
        _ = serving => {}
        // A connection that a health watch holds open never ends by itself: not waiting for it cuts no answer.
        () = tokio::time::sleep(FLUSH) => {}
    }
    let ended = shutdown.drain().await;
    stopped?;
    watching.drain().await?;
    ended?;
    tracing::info!("stopped");
    Ok(())
}

fn directory(workers: Workers, shutdown: &Shutdown) -> Directory {
    let listed = |address| Listed { address, record: None };
    match workers {
        Workers::Listed(urls) => Directory::fixed(Membership { workers: urls.into_iter().map(listed).collect() }),
        Workers::Discovered(etcd) => etcd::watch(etcd, shutdown),
    }
}

/// Waits for the stop, then for the generations: for the grace, or until a second signal. An error says how many were cut.
/// New ones are refused, not ignored: the server goes on answering.
async fn stop(
    shutdown: &Shutdown,
    health: &HealthReporter,
    admission: &Admission,
    grace: Duration,
) -> anyhow::Result<()> {
    shutdown.begun().await;
    tracing::info!(?grace, "stopping");
    health.set_service_status("", ServingStatus::NotServing).await;
    health.set_not_serving::<EnsembleServiceServer<Ensembles>>().await;
    let enough = async {
        tokio::select! {
            () = shutdown.hurried() => "when a second signal came".to_owned(),
            () = tokio::time::sleep(grace) => format!("after {grace:?}"),
        }
    };
    match admission.drain(enough).await {
        Ok(()) => Ok(()),
        Err((cut, why)) => anyhow::bail!("{cut} generations had not finished {why} and were cut"),
    }
}

/// Serves whoever connects. When the stop begins, who is connected is told to connect anew, to another coordinator where one address leads
/// to several; what they have asked for is finished. Who connects here after that is answered all the same, until all is done.
async fn answer(
    routes: Routes,
    incoming: impl Stream<Item = std::io::Result<Connection>> + Send,
    shutdown: &Shutdown,
    done: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let incoming = Arc::new(Mutex::new(Box::pin(incoming)));
    let before = server().add_routes(routes.clone());
    let before = before.serve_with_incoming_shutdown(shared(Arc::clone(&incoming)), shutdown.begun());
    let after = async {
        shutdown.begun().await;
        server().add_routes(routes).serve_with_incoming_shutdown(shared(incoming), done.cancelled()).await
    };
    tokio::try_join!(before, after).map(|_| ())
}

/// Who takes the next connection has the stream for so long.
fn shared<S: Stream + Send>(stream: Arc<Mutex<Pin<Box<S>>>>) -> impl Stream<Item = S::Item> + Send {
    stream::unfold(stream, |stream| async move {
        let next = stream.lock().await.next().await?;
        Some((next, stream))
    })
}

/// An answer of gRPC begins within so long, or not at all: its request may be slow to come in. HTTP's have limits of their own.
async fn begins_in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    let response = tokio::time::timeout(limit, next.run(request)).await;
    response.unwrap_or_else(|_| Status::cancelled("Timeout expired").into_http())
}

/// What a connection may take: streams, and headers and their time.
fn server() -> Server {
    Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(keepalive::INTERVAL))
        .http2_keepalive_timeout(Some(keepalive::TIMEOUT))
        .http2_max_header_list_size(MAX_HEADERS)
        .max_concurrent_streams(MAX_STREAMS)
        .max_connection_age(CONNECTION_AGE)
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(specfuse_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(ensemble_service_server::SERVICE_NAME)
        .with_service_name(tonic_health::pb::health_server::SERVICE_NAME)
}
