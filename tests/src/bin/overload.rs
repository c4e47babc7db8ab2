//! A trial of a coordinator that is asked four times as much as it takes: prints what came of it, and fails when it was not refused
//! well. It is also the program that it tries: each process is this file under the name of a role.

use std::{io::Write, process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Parser;
use specfuse_tests::overload;

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
    if std::env::args().nth(1).is_some_and(|role| ["worker", "coordinator"].contains(&role.as_str())) {
        return Ok(specfuse::main());
    }
    let args = Args::parse();
    tokio::runtime::Runtime::new()?.block_on(run(args))
}

async fn run(args: Args) -> Result<ExitCode> {
    let time = Duration::from_secs(args.seconds);
    let Some(verdict) = overload::run(&std::env::current_exe()?, time).await? else { return Ok(ExitCode::FAILURE) };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&verdict)?)?;
    } else {
        write!(out, "{verdict}")?;
    }
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
