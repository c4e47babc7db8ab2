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

#[tokio::main]
async fn main() -> ExitCode {
    message::exit_code(coordinate(Cli::parse().args).await)
}

async fn coordinate(args: Args) -> anyhow::Result<()> {
    telemetry::init(&args.log)?;
    run(Config::load(&args)?).await
}
