//! The integration tests: clusters of real processes, and the recorded truth.

mod bundled;
mod errors;
mod golden_core;
mod golden_logits;
mod golden_runs;
mod protocol;
mod round_cost;
mod survival;
mod tidy;

use std::path::PathBuf;

/// The program `specfuse`.
const PROGRAM: &str = env!("CARGO_BIN_EXE_specfuse-under-test");

/// The small recorded models of families that every build serves.
fn small_models(golden: &std::path::Path) -> Vec<PathBuf> {
    ["llama", "qwen2", "mistral"].iter().map(|name| golden.join("models").join(name)).collect()
}
