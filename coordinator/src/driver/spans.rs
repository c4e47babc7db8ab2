//! What a trace says of an answer: one span for it, under that one for each round, under that one for each call to a worker. Names and
//! values are those of OpenTelemetry's conventions for generative AI and for RPC where they have any, else ours. No text is among them.

use opentelemetry::{Array, StringValue, Value};
use specfuse_core::generation::{Ending, Finish};
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{GenerateError, RoundReport, Usage};
use crate::{
    metrics::{CallKind, decided_by},
    request::{GenerateRequest, Prompt},
};

/// The spans of an answer that are open.
#[derive(Debug)]
pub(super) struct Spans {
    pub(super) answer: Span,
    /// And its number.
    round: Option<(u32, Span)>,
    /// How the answer ended is told.
    is_told: bool,
}

impl Spans {
    pub(super) fn begin(request: &GenerateRequest) -> Self {
        let operation = match *request.prompt {
            Prompt::Conversation(_) => "chat",
            Prompt::Raw(_) => "text_completion",
        };
        let ensemble = &request.ensemble.name;
        let answer = tracing::info_span!(
            "generation",
            otel.kind = "server",
            otel.name = %format_args!("{operation} {ensemble}"),
            otel.status_code = field::Empty,
            request_id = &*request.request_id,
            %ensemble,
            key = request.key.as_deref(),
            trace_id = field::Empty,
        );
        request.origin.adopts(&answer);
        let set = |name: &'static str, value: Value| answer.set_attribute(name, value);
        set("gen_ai.operation.name", operation.into());
        set("gen_ai.provider.name", "specfuse".into());
        set("gen_ai.request.model", text(ensemble));
        set("gen_ai.request.max_tokens", i64::from(request.max_tokens.get()).into());
        set("gen_ai.request.temperature", decimal(request.sampling.temperature));
        // As a signed number, as clients give it.
        set("gen_ai.request.seed", request.sampling.seed.cast_signed().into());
        if let Some(top_p) = request.sampling.top_p {
            set("gen_ai.request.top_p", decimal(top_p));
        }
        set("specfuse.strategy", text(&request.strategy.name));
        Self { answer, round: None, is_told: false }
    }

    /// The span of the round of this number, which begins with the first that asks for it.
    pub(super) fn round(&mut self, number: u32) -> Span {
        match &self.round {
            Some((open, span)) if *open == number => span.clone(),
            Some(_) | None => {
                let span = tracing::info_span!(parent: &self.answer, "round", otel.kind = "internal", round = number);
                self.round = Some((number, span.clone()));
                span
            }
        }
    }

    pub(super) fn round_ended(&mut self, report: &RoundReport) {
        let Some((_, span)) = self.round.take() else { return };
        let round = &report.round;
        span.set_attribute("specfuse.decided_by", decided_by(round.decided_by));
        span.set_attribute("specfuse.members", count(round.active.len() as u64));
        span.set_attribute("specfuse.candidates", count(round.candidates.len() as u64));
        span.set_attribute("specfuse.exits", count(round.exits.len() as u64));
        if let Some(winner) = report.winner() {
            span.set_attribute("specfuse.winner", report.label(winner));
            span.set_attribute("specfuse.tokens", i64::from(report.winning_tokens()));
        }
        if let Some(entropy) = round.scoring.as_ref().and_then(|scoring| scoring.entropy) {
            span.set_attribute("specfuse.entropy", entropy);
        }
    }

    pub(super) fn answered(&mut self, finish: &Finish, usage: &Usage) {
        self.is_told = true;
        let set = |name: &'static str, value: Value| self.answer.set_attribute(name, value);
        let reason = if finish.ending == Ending::Stop { "stop" } else { "length" };
        let reasons = Array::String(vec![StringValue::from(reason)]);
        set("gen_ai.response.finish_reasons", Value::Array(reasons));
        set("gen_ai.usage.input_tokens", i64::from(usage.prompt_tokens).into());
        set("gen_ai.usage.output_tokens", i64::from(finish.completion_tokens).into());
        set("specfuse.rounds", i64::from(finish.rounds).into());
        set("specfuse.draft_calls", i64::from(usage.draft_calls).into());
        set("specfuse.score_calls", i64::from(usage.score_calls).into());
    }

    pub(super) fn failed(&mut self, error: &GenerateError) {
        self.is_told = true;
        missed(&self.answer, error.reason());
    }
}

/// Whoever asked did not read the answer to its end.
impl Drop for Spans {
    fn drop(&mut self) {
        if !self.is_told {
            self.answer.set_attribute("error.type", "left");
        }
    }
}

/// A try of a call.
pub(super) fn call(round: &Span, kind: CallKind, member: &str, (worker, attempt): (&str, usize)) -> Span {
    let span = match kind {
        CallKind::Draft => {
            tracing::info_span!(parent: round, "draft", otel.kind = "client", otel.status_code = field::Empty, member)
        }
        CallKind::Score => {
            tracing::info_span!(parent: round, "score", otel.kind = "client", otel.status_code = field::Empty, member)
        }
    };
    span.set_attribute("rpc.system", "grpc");
    span.set_attribute("rpc.service", "specfuse.v1.WorkerService");
    let method = if kind == CallKind::Draft { "Draft" } else { "Score" };
    span.set_attribute("rpc.method", method);
    span.set_attribute("specfuse.worker", worker.to_owned());
    span.set_attribute("specfuse.attempt", count(attempt as u64));
    span
}

/// It came to nothing.
pub(super) fn missed(span: &Span, reason: &'static str) {
    span.record("otel.status_code", "error");
    span.set_attribute("error.type", reason);
}

/// 0.7, not 0.699999988.
fn decimal(number: f32) -> Value {
    number.to_string().parse().unwrap_or(f64::from(number)).into()
}

fn text(text: &str) -> Value {
    text.to_owned().into()
}

fn count(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}
