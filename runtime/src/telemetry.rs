//! What a server says of itself while it runs: logs on standard error, and traces by OTLP where that is asked for.
//!
//! Every span of ours is in both: the trace keeps it, and a log line inside it begins with its fields, the trace's id among them. Ids are
//! passed on from caller to worker whether or not traces are sent anywhere. Prompts and answers are in neither, unless a program says so.

mod logs;
mod sending;
mod traces;

use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Runtime;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, Registry, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::{
    logs::{FilterError, LogFilter, LogFormat},
    traces::TraceError,
};

/// What the last spans have to leave the process.
const FLUSH: Duration = Duration::from_secs(5);

/// The flags of logs and traces, which every server takes.
#[derive(Clone, Debug, clap::Args)]
pub struct TelemetryArgs {
    /// Log filter: a level, or directives such as "info,specfuse_worker=debug".
    #[arg(long, env = "SPECFUSE_LOG", default_value = "info")]
    pub log: String,
    /// Log format on standard error.
    #[arg(long, env = "SPECFUSE_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Send traces there by OTLP over gRPC: http://HOST:PORT, or https with --otlp-ca.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// Speak TLS to --otlp-endpoint, and trust what one of these signed: certificates in PEM. Read again when they change.
    #[arg(long, value_name = "FILE", env = "OTEL_EXPORTER_OTLP_CERTIFICATE")]
    pub otlp_ca: Option<String>,
    /// Which part of the answers is traced, 0 to 1, where who asks has not decided.
    #[arg(long, value_name = "RATIO", env = "SPECFUSE_TRACE_RATIO", default_value = "1")]
    pub trace_ratio: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("--log {0}")]
    Filter(#[from] FilterError),
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("a log subscriber is already installed")]
    Installed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What was installed.
#[derive(Debug)]
struct Telemetry {
    log: LogFilter,
    traces: SdkTracerProvider,
}

/// Runs a server to its end with logs and traces installed for the whole process, and sends the last spans after it. Once in a process,
/// by its main thread. `service`: by which name traces know the program.
pub fn telling<E: From<TelemetryError>>(
    runtime: &Runtime,
    args: &TelemetryArgs,
    service: &'static str,
    server: impl AsyncFnOnce(&LogFilter) -> Result<(), E>,
) -> Result<(), E> {
    let telemetry = {
        // The exporter's connection lives there.
        let _inside = runtime.enter();
        init(args, service)?
    };
    let outcome = runtime.block_on(server(&telemetry.log));
    telemetry.flush();
    outcome
}

fn init(args: &TelemetryArgs, service: &'static str) -> Result<Telemetry, TelemetryError> {
    let provider = traces::provider(args, service)?;
    let (logs, log) = logs::layer(&args.log, args.log_format)?;
    let traces = traces::layer(&provider).with_filter(our_spans()).boxed();
    let installed = tracing_subscriber::registry().with(vec![logs, traces]).try_init();
    installed.map_err(|error| TelemetryError::Installed(error.into()))?;
    Ok(Telemetry { log, traces: provider })
}

impl Telemetry {
    /// Sends what is on its way, for at most some seconds. Blocks, while the runtime must still run.
    fn flush(self) {
        if let Err(error) = self.traces.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "the last spans may be lost");
        }
    }
}

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

/// Spans have one level, and no filter of the log takes them away.
fn our_spans() -> impl tracing_subscriber::layer::Filter<Registry> + Send + Sync {
    filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with("specfuse"))
        .with_max_level_hint(LevelFilter::INFO)
}
