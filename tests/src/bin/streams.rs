//! A trial of streams over HTTP: prints how soon the first byte comes and what idle ones cost, and fails where that is more than it
//! should be. It is also the program that it tries: each process is this file under the name of a role.

use std::{io::Write, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use specfuse_tests::streams;

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
    if std::env::args().nth(1).is_some_and(|role| ["worker", "coordinator"].contains(&role.as_str())) {
        return Ok(specfuse::main());
    }
    let args = Args::parse();
    tokio::runtime::Runtime::new()?.block_on(run(args))
}

async fn run(args: Args) -> Result<ExitCode> {
    let Some(verdict) = streams::run(&std::env::current_exe()?, args.answers).await? else {
        return Ok(ExitCode::FAILURE);
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&verdict)?)?;
    } else {
        write!(out, "{verdict}")?;
    }
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
