//! A trial of what telemetry costs: prints tokens per second with it and without, and fails where it takes more than it should. It is
//! also the program that it tries: each process is this file under the name of a role.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use specfuse_tests::{
    cost::{self, Trial},
    trial,
};

/// The program's own: how fast it is depends on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what telemetry costs.
#[derive(Debug, Parser)]
struct Args {
    /// A model of this shape decodes, with random weights.
    #[arg(long, value_name = "CONFIG", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../bench/shapes/llama-80m.json"))]
    shape: PathBuf,
    /// Blocks of answers, with telemetry and without.
    #[arg(long, default_value_t = 25)]
    blocks: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<ExitCode> {
    trial::main(run)
}

async fn run(args: Args, program: PathBuf) -> Result<ExitCode> {
    let trial = Trial { program, shape: args.shape, blocks: args.blocks };
    trial::tell(cost::run(&trial).await?, args.json, cost::Verdict::is_cheap)
}
