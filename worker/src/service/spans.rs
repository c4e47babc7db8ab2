//! What a trace says of a call: one span for it, the coordinator's child, and under that one for each thing that is done with it. No text
//! is among its values.

use specfuse_runtime::{message::code_name, propagation::Origin};
use tonic::Code;
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::request::CallName;
use crate::engine::Work;

pub(super) fn draft(name: &CallName, model: &str, origin: &Origin) -> Span {
    let CallName { request_id, round } = name;
    let span = tracing::info_span!(
        "draft",
        otel.kind = "server",
        otel.status_code = field::Empty,
        request_id,
        round,
        trace_id = field::Empty
    );
    begun(span, "Draft", model, origin)
}

pub(super) fn score(name: &CallName, model: &str, origin: &Origin) -> Span {
    let CallName { request_id, round } = name;
    let span = tracing::info_span!(
        "score",
        otel.kind = "server",
        otel.status_code = field::Empty,
        request_id,
        round,
        trace_id = field::Empty
    );
    begun(span, "Score", model, origin)
}

fn begun(span: Span, method: &'static str, model: &str, origin: &Origin) -> Span {
    origin.adopts(&span);
    span.set_attribute("rpc.system", "grpc");
    span.set_attribute("rpc.service", "specfuse.v1.WorkerService");
    span.set_attribute("rpc.method", method);
    span.set_attribute("gen_ai.request.model", model.to_owned());
    span
}

/// Template and tokenizer.
pub(super) fn reading() -> Span {
    tracing::info_span!("read")
}

/// In the engine's queue and in its passes; some of the latter have spans of their own below.
pub(super) fn engine() -> Span {
    tracing::info_span!("engine")
}

pub(super) fn worked(span: &Span, tokens: usize, work: &Work) {
    let set = |name: &'static str, value: u64| span.set_attribute(name, i64::try_from(value).unwrap_or(i64::MAX));
    set("specfuse.tokens", tokens as u64);
    set("specfuse.tokens_computed", work.tokens_computed.into());
    set("specfuse.tokens_cached", work.tokens_cached.into());
    set("specfuse.queue_us", work.queue_micros);
    set("specfuse.prefill_us", work.prefill_micros);
    set("specfuse.decode_us", work.decode_micros);
}

/// As the conventions have it, a server's span is an error where the server is at fault.
pub(super) fn ended(span: &Span, code: Code) {
    span.set_attribute("rpc.grpc.status_code", i64::from(i32::from(code)));
    let is_ours = matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    );
    if is_ours {
        span.record("otel.status_code", "error");
    }
    if code != Code::Ok {
        span.set_attribute("error.type", code_name(code));
    }
}
