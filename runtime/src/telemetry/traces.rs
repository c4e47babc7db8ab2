//! Spans to OTLP: who sends them, how many may wait, and which answers are traced at all.

use std::{path::PathBuf, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider},
};
use tonic::transport::{Endpoint, Uri};
use tracing_subscriber::{Layer, Registry};

use super::{TelemetryArgs, sending::Sending};
use crate::{
    discovery::worker_url,
    keepalive,
    tls::{self, ClientTls, ClientTlsFiles, TlsError},
};

/// Spans that may wait to be sent: more are dropped, and nothing waits for them.
const MAX_WAITING: usize = 1 << 14;
const BATCH: usize = 512;
/// Between two batches that are not full.
const PAUSE: Duration = Duration::from_secs(1);
/// Of one batch. The exporter's own deadline bounds only its retries: the channel has one too.
const SENDING: Duration = Duration::from_secs(5);
const CONNECTING: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error("--otlp-endpoint {0:?} is not http://HOST:PORT or https://HOST:PORT")]
    Endpoint(String),
    #[error("--otlp-endpoint {0:?} needs --otlp-ca")]
    NoAuthority(String),
    #[error("--otlp-ca needs an --otlp-endpoint that begins with https")]
    NoTls,
    #[error("--trace-ratio {0:?} is not a number from 0 to 1")]
    Ratio(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("--otlp-endpoint {endpoint:?} cannot be used")]
    Exporter { endpoint: String, source: ExporterBuildError },
}

/// With no endpoint spans have their ids, and go nowhere.
pub(super) fn provider(args: &TelemetryArgs, service: &'static str) -> Result<SdkTracerProvider, TraceError> {
    let ratio = ratio(&args.trace_ratio)?;
    let endpoint = given(&args.otlp_endpoint);
    let authority = given(&args.otlp_ca).map(PathBuf::from);
    // Nothing is shown of ourselves.
    let files = ClientTlsFiles::given(("--otlp-ca", authority), ("", None), ("", None))?;
    let own = if endpoint.is_some() { Sampler::TraceIdRatioBased(ratio) } else { Sampler::AlwaysOff };
    let builder =
        SdkTracerProvider::builder().with_sampler(Sampler::ParentBased(Box::new(own))).with_resource(resource(service));
    let Some(endpoint) = endpoint else {
        return if files.is_some() { Err(TraceError::NoTls) } else { Ok(builder.build()) };
    };
    let uri = uri(endpoint, files.is_some())?;
    let tls = files.map(ClientTls::load).transpose()?;
    let reached = Endpoint::from(uri)
        .connect_timeout(CONNECTING)
        .timeout(SENDING)
        .http2_keep_alive_interval(keepalive::INTERVAL)
        .keep_alive_timeout(keepalive::TIMEOUT)
        .keep_alive_while_idle(true);
    let channel = tls::channel(reached, tls.as_ref());
    let exporter = SpanExporter::builder().with_tonic().with_channel(channel).with_timeout(SENDING).build();
    let exporter = exporter.map_err(|source| TraceError::Exporter { endpoint: endpoint.to_owned(), source })?;
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(MAX_WAITING)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(PAUSE)
        .build();
    Ok(builder
        .with_span_processor(
            BatchSpanProcessor::builder(Sending::of(exporter, endpoint)).with_batch_config(config).build(),
        )
        .build())
}

/// Code locations and threads say nothing of a call.
pub(super) fn layer(provider: &SdkTracerProvider) -> impl Layer<Registry> + Send + Sync + use<> {
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("specfuse"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
}

/// With what the environment says in OTEL_RESOURCE_ATTRIBUTES.
fn resource(service: &'static str) -> Resource {
    Resource::builder()
        .with_service_name(service)
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
        ])
        .build()
}

/// What is empty was not given: so the environment's own conventions have it.
fn given(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|value| !value.is_empty())
}

fn ratio(given: &str) -> Result<f64, TraceError> {
    let ratio = given.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| TraceError::Ratio(given.to_owned()))
}

fn uri(given: &str, has_authority: bool) -> Result<Uri, TraceError> {
    let uri = worker_url(given).ok_or_else(|| TraceError::Endpoint(given.to_owned()))?;
    match (uri.scheme_str() == Some("https"), has_authority) {
        (false, true) => Err(TraceError::NoTls),
        (true, false) => Err(TraceError::NoAuthority(given.to_owned())),
        (true, true) | (false, false) => Ok(uri),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: TelemetryArgs,
    }

    fn provided(flags: &[&str]) -> Result<SdkTracerProvider, TraceError> {
        provider(&Cli::parse_from(["server"].iter().chain(flags)).args, "test")
    }

    #[tokio::test]
    async fn what_cannot_be_traced_is_refused_with_its_flag() {
        for (flags, start) in [
            (&["--otlp-endpoint", "collector:4317"][..], "--otlp-endpoint \"collector:4317\""),
            (&["--otlp-endpoint", "ftp://collector"], "--otlp-endpoint \"ftp://collector\""),
            (&["--otlp-endpoint", "http://collector"], "--otlp-endpoint \"http://collector\""),
            (
                &["--otlp-endpoint", "http://collector:4318/v1/traces"],
                "--otlp-endpoint \"http://collector:4318/v1/traces\"",
            ),
            (&["--otlp-endpoint", "http://me@collector:4317"], "--otlp-endpoint \"http://me@collector:4317\""),
            (
                &["--otlp-endpoint", "https://collector:4317"],
                "--otlp-endpoint \"https://collector:4317\" needs --otlp-ca",
            ),
            (&["--otlp-ca", "/no/such/file"], "--otlp-ca needs"),
            (&["--otlp-endpoint", "http://a:1", "--otlp-ca", "/no/such/file"], "--otlp-ca needs"),
            (&["--otlp-endpoint", "https://a:1", "--otlp-ca", "/no/such/file"], "--otlp-ca"),
            (&["--trace-ratio", "2"], "--trace-ratio \"2\""),
            (&["--trace-ratio", "NaN"], "--trace-ratio \"NaN\""),
        ] {
            let error = provided(flags).unwrap_err().to_string();
            assert!(error.starts_with(start), "{flags:?}: {error}");
        }
    }

    #[tokio::test]
    async fn a_collector_that_is_not_there_is_no_reason_not_to_start() {
        provided(&[]).unwrap();
        provided(&["--otlp-endpoint", "", "--otlp-ca", ""]).unwrap();
        provided(&["--otlp-endpoint", "http://127.0.0.1:1"]).unwrap();
    }
}
