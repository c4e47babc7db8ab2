//! `specfuse bench engine`: the engine's steps against what this machine can do at best, as a table or as one JSON object. And
//! `specfuse bench rounds`: what coordination costs.

mod json;
pub(crate) mod rounds;
mod table;

use anyhow::Context as _;
use specfuse_worker::bench;
use specfuse_worker::config::{BenchArgs, BenchConfig};

use crate::output;

/// Measures, then prints.
pub(crate) async fn engine(args: Args) -> anyhow::Result<()> {
    let config = BenchConfig::try_from(args.what)?;
    // The measuring thread computes: it is none of the runtime's.
    let runtime = tokio::runtime::Handle::current();
    let measured = tokio::task::spawn_blocking(move || bench::run(&config, &runtime, output::complain));
    let report = measured.await.context("the bench panicked")??;
    let text = if args.json { json::report(&report).to_string() } else { table::report(&report) };
    output::tell(&format!("{}\n", text.trim_end()))?;
    Ok(())
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) what: BenchArgs,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}
