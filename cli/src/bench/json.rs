//! A bench's report as one JSON object. `bench/README.md` says what its fields mean.

use serde_json::{Map, Value, json};
use specfuse_worker::bench::{Attention, Ceilings, Measured, Report, Rounds};

pub(super) fn report(report: &Report) -> Value {
    let sum = |of: fn(&Measured) -> u64| report.models.iter().map(of).sum::<u64>();
    let most = |of: fn(&Measured) -> u64| report.models.iter().map(of).max();
    let steps: Vec<Value> = report.models.iter().flat_map(steps).collect();
    json!({
        "bandwidth_gb_s": report.ceilings.bandwidth / 1e9,
        "bandwidth_of": report.ceilings.traffic.name(),
        "matrix_gflop_s": report.ceilings.floats / 1e9,
        "matrix_gflop_s_by_format": formats(&report.ceilings),
        "instructions": report.instructions,
        "threads": report.threads,
        "steps": steps,
        "load_s": report.models.iter().map(|measured| measured.load_s).fold(0.0, f64::max),
        "peak_bytes": report.peak_bytes,
        "weight_bytes": most(|measured| measured.weight_bytes),
        "cache_bytes": most(|measured| measured.cache_bytes),
        "computed_tokens": sum(|measured| measured.computed_tokens),
        "cached_tokens": sum(|measured| measured.cached_tokens),
        "models": report.models.iter().map(model).collect::<Vec<_>>(),
    })
}

fn formats(ceilings: &Ceilings) -> Map<String, Value> {
    ceilings.formats.iter().map(|(format, rate)| (format.name().to_owned(), json!(rate / 1e9))).collect()
}

fn model(measured: &Measured) -> Value {
    json!({
        "dtype": measured.dtype,
        "family": measured.family,
        "parameters": measured.parameters,
        "device": measured.device,
        "load_s": measured.load_s,
        "peak_bytes": measured.peak_bytes,
        "weight_bytes": measured.weight_bytes,
        "cache_bytes": measured.cache_bytes,
        "computed_tokens": measured.computed_tokens,
        "cached_tokens": measured.cached_tokens,
        "attention": measured.attention.as_ref().map(attention),
        "round": measured.rounds.as_ref().map(round),
    })
}

fn attention(attention: &Attention) -> Value {
    json!({
        "rows": attention.rows,
        "attention_gb_s": attention.rate.map(|rate| rate / 1e9),
        "bandwidth_share": attention.share,
    })
}

fn round(rounds: &Rounds) -> Value {
    json!({
        "counted": rounds.counted,
        "ms": rounds.ms,
        "model_ms": rounds.model_ms,
        "outside_share": rounds.outside_share,
        "queue_ms": rounds.queue_ms,
        "wire_ms": rounds.wire_ms,
        "text_ms": rounds.text_ms,
    })
}

fn steps(measured: &Measured) -> impl Iterator<Item = Value> {
    measured.steps.iter().map(|step| {
        json!({
            "dtype": measured.dtype,
            "kind": step.kind.name(),
            "rows": step.rows,
            "context": step.context,
            "ms": step.ms,
            "tokens_s": step.tokens_s,
            "least_ms": step.least_ms,
            "roofline_share": step.roofline_share(),
        })
    })
}
