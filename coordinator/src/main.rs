//! The coordinator's own small binary: flags, log, run. Everything else is in the library.

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
async fn main() -> anyhow::Result<()> {
    let Cli { args } = Cli::parse();
    specfuse_runtime::telemetry::init(&args.log)?;
    let config = Config::load(&args)?;
    run(config).await
}
