//! The coordinator's own small binary: flags, log, run, one line on failure. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use specfuse_coordinator::{Args, Config, run};
use specfuse_runtime::{message, telemetry};

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
    telemetry::init(&args.log)?;
    let config = Config::load(&args)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(run(config));
    // Such as a name that is still being looked up.
    runtime.shutdown_background();
    outcome
}
