//! A trial of what telemetry costs: prints tokens per second with it and without, and fails where it takes more than it should. It is
//! also the program that it tries: each process is this file under the name of a role.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use specfuse_tests::cost::{self, Trial};

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
    if std::env::args().nth(1).is_some_and(|role| ["worker", "coordinator"].contains(&role.as_str())) {
        return Ok(specfuse::main());
    }
    let args = Args::parse();
    tokio::runtime::Runtime::new()?.block_on(run(args))
}

async fn run(args: Args) -> Result<ExitCode> {
    let trial = Trial { program: std::env::current_exe()?, shape: args.shape, blocks: args.blocks };
    let Some(verdict) = cost::run(&trial).await? else { return Ok(ExitCode::FAILURE) };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&verdict)?)?;
    } else {
        write!(out, "{verdict}")?;
    }
    Ok(if verdict.is_cheap() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
