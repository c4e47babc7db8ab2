//! A trial of a whole fleet in which everything breaks: prints what came of it, and fails when an answer did.
//!
//! It is also the program that it tries: each process of the fleet is this file under the name of a role.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use specfuse_tests::{
    chaos::{self, Trial},
    trial,
};

/// The program's own: how it uses memory depends on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Answers questions with a fleet whose workers, etcd and second coordinator break, one a second.
///
/// Five members with two replicas each, two coordinators, an etcd and eight clients. It needs root, for network namespaces, and etcd.
#[derive(Debug, Parser)]
struct Args {
    /// Answers while things break, at least.
    #[arg(long, default_value_t = 300)]
    answers: u32,
    /// Faults, at least: one comes every second.
    #[arg(long, default_value_t = 60)]
    faults: u32,
    /// Answers before that, to compare with.
    #[arg(long, default_value_t = 50)]
    calm_answers: u32,
    /// Of the questions and the faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Keep the processes' logs and a list of the faults in this folder.
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    trial::main(run)
}

async fn run(args: Args, program: PathBuf) -> Result<ExitCode> {
    let Args { answers, faults, calm_answers, seed, json, logs } = args;
    if let Some(folder) = &logs {
        std::fs::create_dir_all(folder)?;
    }
    let trial = Trial { answers, faults, calm_answers, seed, logs };
    trial::tell(chaos::run(&program, &trial).await?, json, chaos::Verdict::is_clean)
}
