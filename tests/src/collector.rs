//! An OTLP collector as far as traces go: the official service, which keeps what it is sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{AnyValue, KeyValue, any_value},
    trace::v1::status::StatusCode,
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// Servers send what they have every second.
const DEADLINE: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_millis(1500);

/// Ends with the value.
#[derive(Debug)]
pub struct Collector {
    pub endpoint: String,
    kept: Kept,
    _serving: JoinSet<()>,
}

/// A span, with the service that sent it.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub service: String,
    pub name: String,
    /// In hexadecimal digits, as those below.
    pub trace: String,
    pub id: String,
    /// Empty: it is a root.
    pub parent: String,
    pub attributes: BTreeMap<String, String>,
    pub is_error: bool,
    /// Since 1970, in nanoseconds.
    pub began: u64,
    pub ended: u64,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    spans: Arc<Mutex<Vec<Span>>>,
    count: watch::Sender<usize>,
}

impl Collector {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let kept = Kept::default();
        let service = TraceServiceServer::new(kept.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let server = tonic::transport::Server::builder().add_service(service);
            // Its end is the value's.
            let _ = server.serve_with_incoming(TcpIncoming::from(listener)).await;
        });
        Ok(Self { endpoint, kept, _serving: serving })
    }

    /// All of a trace, once `is_whole` says so.
    pub async fn trace(&self, trace: &str, is_whole: impl Fn(&Trace) -> bool) -> Result<Trace> {
        let mut changed = self.kept.count.subscribe();
        let whole = async {
            loop {
                let so_far = self.so_far(trace);
                if is_whole(&so_far) {
                    return Ok::<_, anyhow::Error>(so_far);
                }
                changed.changed().await?;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, whole).await;
        waited.with_context(|| format!("not whole: {:#?}", self.so_far(trace)))?
    }

    /// Spans that came.
    pub fn count(&self) -> usize {
        *self.kept.count.borrow()
    }

    /// Completes when nothing has come for longer than servers keep what they have.
    pub async fn quiet(&self) {
        let mut changed = self.kept.count.subscribe();
        while tokio::time::timeout(QUIET, changed.changed()).await.is_ok() {}
    }

    fn so_far(&self, trace: &str) -> Trace {
        let spans = self.kept.spans.lock().unwrap_or_else(PoisonError::into_inner);
        Trace { spans: spans.iter().filter(|span| span.trace == trace).cloned().collect() }
    }
}

/// Spans of one trace.
#[derive(Clone, Debug)]
pub struct Trace {
    pub spans: Vec<Span>,
}

impl Trace {
    pub fn named(&self, service: &str, name: &str) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(move |span| span.service == service && span.name == name)
    }

    pub fn children(&self, of: &Span) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(move |span| span.parent == of.id)
    }

    /// An error where a span hangs on nothing that was sent, but for those whose parent is `root`, the caller's own.
    pub fn hangs_together(&self, root: &str) -> Result<()> {
        let ids: BTreeSet<&str> = self.spans.iter().map(|span| span.id.as_str()).chain([root]).collect();
        ensure!(ids.len() == self.spans.len() + 1, "a span was sent twice");
        for span in &self.spans {
            ensure!(ids.contains(span.parent.as_str()), "{span:?} has no parent");
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in request.into_inner().resource_spans {
            let attributes = values(resource.resource.map(|resource| resource.attributes).unwrap_or_default());
            let service = attributes.get("service.name").cloned().unwrap_or_default();
            let sent = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(sent.map(|span| Span {
                service: service.clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: values(span.attributes),
                is_error: span.status.is_some_and(|status| status.code() == StatusCode::Error),
                began: span.start_time_unix_nano,
                ended: span.end_time_unix_nano,
            }));
        }
        self.count.send_replace(spans.len());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// As text, whatever they are.
fn values(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|pair| (pair.key, shown(pair.value))).collect()
}

fn shown(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(truth)) => truth.to_string(),
        Some(any_value::Value::ArrayValue(array)) => {
            array.values.into_iter().map(|value| shown(Some(value))).collect::<Vec<_>>().join(",")
        }
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
