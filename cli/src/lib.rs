//! The program `specfuse`: one binary that asks, that runs a whole cluster on this machine, and that is each of the cluster's roles.
//!
//! - [`args`]: the command line
//! - [`ask`], [`up`]: the two commands for people
//! - [`record`]: where a recording of an answer goes, with [`place`], which replaces a file as a whole; [`replay`]: what one tells
//! - [`doctor`]: what is wrong with a checkpoint or a cluster, and what to do about it
//! - [`eval`] asks many questions and compares; [`bench`] measures the engine, and what coordination costs
//! - [`chat`]: a conversation; [`manual`]: what shells and `man` read
//! - [`local`], [`models`]: what a local cluster is made of; [`hub`]: where models come from; [`cluster`]: its processes
//! - [`request`], [`access`], [`key`], [`stream`], [`ensembles`]: the conversation with a coordinator
//! - [`view`]: what an answer looks like, with [`plain`], [`trace`] and [`json`]; [`summary`], [`palette`], [`text`]: parts of it
//! - [`progress`], [`output`]: who writes to standard error and standard output
//!
//! The roles `worker` and `coordinator` are the two crates' own `run`; nothing of them is repeated here.

mod access;
mod args;
mod ask;
mod bench;
mod chat;
mod cluster;
mod doctor;
mod ensembles;
mod eval;
mod hub;
mod interrupt;
mod json;
mod key;
mod local;
mod manual;
mod models;
mod output;
mod palette;
mod place;
mod plain;
mod progress;
mod record;
mod replay;
mod request;
mod stream;
mod summary;
mod text;
mod trace;
mod up;
mod view;

use std::process::ExitCode;

use tokio::runtime::Runtime;

use crate::args::{BenchCommand, Cli, Command};

/// Runs the program with the process's own arguments. Failure is one line on standard error and exit code 1; wrong usage is 2.
pub fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done about a standard error that is closed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::new()?;
    let outcome = perform(command, &runtime);
    // A role that has drained leaves nothing worth waiting for.
    runtime.shutdown_background();
    outcome
}

fn perform(command: Command, runtime: &Runtime) -> anyhow::Result<ExitCode> {
    match command {
        Command::Ask(args) => Ok(runtime.block_on(Box::pin(ask::run(*args)))?),
        Command::Chat(args) => Ok(runtime.block_on(Box::pin(chat::run(*args)))?),
        Command::Models(args) => Ok(runtime.block_on(Box::pin(models::inventory::run(args)))?),
        Command::Completions(args) => Ok(manual::completions(&args)?),
        Command::Man(args) => Ok(manual::pages(&args)?),
        Command::Replay(args) => Ok(replay::run(args)?),
        Command::Up(args) => Ok(runtime.block_on(Box::pin(up::run(args)))?),
        Command::Doctor(args) => Ok(runtime.block_on(Box::pin(doctor::run(*args)))?),
        Command::Eval(args) => Ok(runtime.block_on(Box::pin(eval::run(*args)))?),
        Command::Bench(BenchCommand::Engine(args)) => {
            runtime.block_on(bench::engine(args))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Bench(BenchCommand::Rounds(args)) => {
            runtime.block_on(Box::pin(bench::rounds::run(args)))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Worker(args) => specfuse_worker::start(*args, runtime).map(|()| ExitCode::SUCCESS),
        Command::Coordinator(args) => specfuse_coordinator::start(*args, runtime).map(|()| ExitCode::SUCCESS),
    }
}
