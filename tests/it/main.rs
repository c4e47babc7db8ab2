//! The integration tests: clusters of real processes, and the recorded truth.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed test panics")]

mod bench_engine;
mod bundled;
mod chart;
mod chat;
mod checkpoints;
mod console;
mod contract;
mod deploy;
mod docs;
mod doctor;
mod drain;
mod endings;
mod errors;
mod etcd_outage;
mod eval;
mod examples;
mod failover;
mod gguf_files;
mod gguf_logits;
mod golden_core;
mod golden_logits;
mod golden_real;
mod golden_runs;
mod guarded;
mod hang_up;
mod hosts;
mod models;
mod not_finite;
mod openai_packages;
mod precision;
mod protocol;
mod random_weights;
mod recording;
mod reflection;
mod replaying;
mod round_cost;
mod schemathesis;
mod standing;
mod survival;
mod templates;
mod tidy;
mod tls;
mod tokenizers;
mod traces;
mod trials;
mod two_coordinators;
mod worker_service;
mod worker_stop;

use std::path::PathBuf;

/// The program `specfuse`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_specfuse-under-test");

/// The small models never find an end to this one.
const ENDLESS: &str = "In a grocery store, four apples cost $5.20, and three oranges cost $3.30. \
                       How much will Clyde pay for 5 apples and 5 oranges?";

/// The small recorded models of families that every build serves.
fn small_models(golden: &std::path::Path) -> Vec<PathBuf> {
    ["llama", "qwen2", "mistral"].iter().map(|name| golden.join("models").join(name)).collect()
}
