//! The binary: flags, a run, one message on failure.

use std::process::ExitCode;

use clap::Parser;
use specfuse_runtime::message;
use specfuse_worker::{Args, start};

/// Serves one model to SpecFuse coordinators.
#[derive(Debug, Parser)]
#[command(name = "specfuse-worker", version)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// A step's results come and go by the megabyte: this one keeps their pages, where the system's gives them back each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    message::exit_code(work(Cli::parse().args))
}

fn work(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = start(args, &runtime);
    // What is still being read by then, nobody waits for.
    runtime.shutdown_background();
    outcome
}
