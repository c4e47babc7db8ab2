//! A trial of streams over HTTP: prints how soon the first byte comes and what idle ones cost, and fails where that is more than it
//! should be. It is also the program that it tries: each process is this file under the name of a role.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use specfuse_tests::{streams, trial};

/// The program's own: how it uses memory depends on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures streams over HTTP.
#[derive(Debug, Parser)]
struct Args {
    /// Questions asked one after the other.
    #[arg(long, default_value_t = 200)]
    answers: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<ExitCode> {
    trial::main(run)
}

async fn run(args: Args, program: PathBuf) -> Result<ExitCode> {
    trial::tell(streams::run(&program, args.answers).await?, args.json, streams::Verdict::is_clean)
}
