//! The coordinator's own small binary: flags, a run, one line on failure. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use specfuse_coordinator::{Args, start};
use specfuse_runtime::message;

/// Lets several models write one answer together.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

fn main() -> ExitCode {
    message::exit_code(coordinate(Cli::parse().args))
}

fn coordinate(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = start(args, &runtime);
    // Such as a name that is still being looked up.
    runtime.shutdown_background();
    outcome
}
