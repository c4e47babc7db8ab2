//! A bench's report as one JSON object.

use serde_json::{Value, json};
use specfuse_worker::bench::{Measured, Report};

pub(super) fn report(report: &Report) -> Value {
    let sum = |of: fn(&Measured) -> u64| report.models.iter().map(of).sum::<u64>();
    let most = |of: fn(&Measured) -> u64| report.models.iter().map(of).max();
    let steps: Vec<Value> = report.models.iter().flat_map(steps).collect();
    json!({
        "bandwidth_gb_s": report.ceilings.bandwidth / 1e9,
        "matrix_gflop_s": report.ceilings.matrix / 1e9,
        "matrix_q8_0_gflop_s": report.ceilings.matrix_q8_0 / 1e9,
        "matrix_q4k_gflop_s": report.ceilings.matrix_q4k / 1e9,
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
        "round": {
            "ms": measured.rounds.ms,
            "model_ms": measured.rounds.model_ms,
            "outside_share": measured.rounds.outside_share,
        },
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
            "roofline_share": step.roofline_share,
        })
    })
}
