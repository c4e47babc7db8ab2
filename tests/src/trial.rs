//! How a trial is a program: it is also the one that it tries, and tells what came of it.

use std::{fmt::Display, io::Write, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use serde::Serialize;

/// Plays a role of the cluster where it was started as one; else parses its own flags and tries.
pub fn main<A: Parser>(run: impl AsyncFnOnce(A, PathBuf) -> Result<ExitCode>) -> Result<ExitCode> {
    if std::env::args().nth(1).is_some_and(|role| ["worker", "coordinator"].contains(&role.as_str())) {
        return Ok(specfuse::main());
    }
    let args = A::parse();
    tokio::runtime::Runtime::new()?.block_on(run(args, std::env::current_exe()?))
}

/// Prints a verdict, as one JSON object or for people. None: the trial could not be held here.
pub fn tell<V: Display + Serialize>(
    verdict: Option<V>,
    json: bool,
    is_clean: impl FnOnce(&V) -> bool,
) -> Result<ExitCode> {
    let Some(verdict) = verdict else { return Ok(ExitCode::FAILURE) };
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&verdict)?)?;
    } else {
        write!(out, "{verdict}")?;
    }
    Ok(if is_clean(&verdict) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
