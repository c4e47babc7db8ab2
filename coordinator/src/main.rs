//! The coordinator's own small binary: flags, log, run, one line on failure. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use specfuse_coordinator::{Args, Config, run};

/// Lets several models write one answer together.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

#[tokio::main]
async fn main() -> ExitCode {
    match coordinate(Cli::parse().args).await {
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

async fn coordinate(args: Args) -> anyhow::Result<()> {
    specfuse_runtime::telemetry::init(&args.log)?;
    run(Config::load(&args)?).await
}
