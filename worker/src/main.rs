//! The binary: flags, log, run, one message on failure.

use std::process::ExitCode;

use clap::Parser;
use specfuse_runtime::telemetry;
use specfuse_worker::{Args, Config, run};

/// Serves one model to SpecFuse coordinators.
#[derive(Debug, Parser)]
#[command(name = "specfuse-worker", version)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

#[tokio::main]
async fn main() -> ExitCode {
    match work(Cli::parse().args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a process, readable whatever the log format")]
            {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn work(args: Args) -> anyhow::Result<()> {
    telemetry::init(&args.log)?;
    run(Config::try_from(args)?).await
}
