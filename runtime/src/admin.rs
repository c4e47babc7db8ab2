//! A port for whoever runs a server: whether it lives, whether it is ready, what it counts, what it logs. Plain HTTP, in the clear and
//! without keys, also where the server's own port has TLS: an orchestrator's probes and Prometheus can ask. It tells nothing of what is
//! asked or answered, and belongs where only they can reach it.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::telemetry::{FilterError, LogFilter};

/// The text format of what a server counts.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Bytes of a log filter.
const MAX_FILTER: usize = 4 << 10;
/// What a request may take, and the wait for the next one on its connection.
const REQUEST_TIME: Duration = Duration::from_secs(10);
const MAX_CONNECTIONS: usize = 64;
/// After a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// The flag that every server takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AdminArgs {
    /// Address and port for whoever runs this, in plain HTTP: /livez, /readyz, /metrics, and /log, which PUT changes.
    #[arg(long, value_name = "ADDR", env = "SPECFUSE_ADMIN")]
    pub admin: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("--admin {0:?} is not an address with a port, such as 0.0.0.0:9090")]
    Malformed(String),
    #[error("cannot listen on --admin {address}")]
    Refused { address: SocketAddr, source: io::Error },
}

impl AdminArgs {
    /// An empty address is none.
    pub fn check(&self) -> Result<Option<SocketAddr>, AdminError> {
        let given = self.admin.as_ref().filter(|given| !given.is_empty());
        given.map(|given| given.parse().map_err(|_| AdminError::Malformed(given.clone()))).transpose()
    }
}

/// What a server says of itself. Asked for every request, so none of them may wait.
pub trait Standing: Send + Sync + 'static {
    /// An error says why the process should be ended.
    fn live(&self) -> Result<(), String>;
    /// An error says why no calls should come.
    fn ready(&self) -> Result<(), String>;
    /// In the text format of OpenMetrics.
    fn metrics(&self) -> Result<String, fmt::Error>;
}

/// A port that is listened on.
#[derive(Debug)]
pub struct AdminPort {
    listener: TcpListener,
    log: LogFilter,
}

/// Answers for as long as it is held.
#[derive(Debug)]
pub struct Admin {
    _serving: JoinSet<()>,
}

impl AdminPort {
    /// None: no such port is wanted.
    pub async fn bind(address: Option<SocketAddr>, log: &LogFilter) -> Result<Option<Self>, AdminError> {
        let Some(address) = address else { return Ok(None) };
        let listener = TcpListener::bind(address).await.map_err(|source| AdminError::Refused { address, source })?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "telling how things stand");
        }
        Ok(Some(Self { listener, log: log.clone() }))
    }

    pub fn serve(self, standing: impl Standing) -> Admin {
        let mut serving = JoinSet::new();
        serving.spawn(accept(self.listener, router(Asked { standing: Arc::new(standing), log: self.log })));
        Admin { _serving: serving }
    }
}

/// So many connections at once; others wait in the backlog.
async fn accept(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = TowerToHyperService::new(router.clone());
                connections.spawn(async move {
                    let _place = place;
                    let mut http = http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIME);
                    // A client that breaks off has no need of an answer.
                    let _ = http.serve_connection(TokioIo::new(stream), router).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the port of --admin took no connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[derive(Clone)]
struct Asked {
    standing: Arc<dyn Standing>,
    log: LogFilter,
}

fn router(asked: Asked) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/log", get(log).put(change_log))
        .layer(DefaultBodyLimit::max(MAX_FILTER))
        .layer(middleware::from_fn(in_time))
        .with_state(asked)
}

async fn in_time(request: Request, next: Next) -> Response {
    let response = tokio::time::timeout(REQUEST_TIME, next.run(request)).await;
    response.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
}

async fn live(State(asked): State<Asked>) -> (StatusCode, String) {
    told(asked.standing.live(), "live")
}

async fn ready(State(asked): State<Asked>) -> (StatusCode, String) {
    told(asked.standing.ready(), "ready")
}

fn told(standing: Result<(), String>, well: &str) -> (StatusCode, String) {
    match standing {
        Ok(()) => (StatusCode::OK, format!("{well}\n")),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn metrics(State(asked): State<Asked>) -> Response {
    match asked.standing.metrics() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn log(State(asked): State<Asked>) -> String {
    format!("{}\n", asked.log.current())
}

async fn change_log(State(asked): State<Asked>, filter: String) -> (StatusCode, String) {
    let filter = filter.trim();
    match asked.log.change(filter) {
        Ok(()) => (StatusCode::OK, format!("{filter}\n")),
        Err(error @ FilterError::Empty) => (StatusCode::BAD_REQUEST, format!("the filter {error}\n")),
        Err(error @ FilterError::Malformed { .. }) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
        Err(error @ FilterError::Ended(_)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}
