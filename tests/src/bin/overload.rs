//! A trial of a coordinator that is asked four times as much as it takes: prints what came of it, and fails when it was not refused
//! well. It is also the program that it tries: each process is this file under the name of a role.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Parser;
use specfuse_tests::{overload, trial};

/// The program's own: how it uses memory depends on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Asks a coordinator four times as much as it takes.
#[derive(Debug, Parser)]
struct Args {
    /// How long.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<ExitCode> {
    trial::main(run)
}

async fn run(args: Args, program: PathBuf) -> Result<ExitCode> {
    let time = Duration::from_secs(args.seconds);
    trial::tell(overload::run(&program, time).await?, args.json, overload::Verdict::is_clean)
}
