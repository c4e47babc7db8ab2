//! `specfuse doctor`: what is wrong with a checkpoint before it joins a cluster, or with a running cluster, and what to do about it.
//!
//! - [`finding`]: what is told; [`show`]: how it looks
//! - [`checkpoint`]: one checkpoint, with [`template`], [`tokens`] and [`ends`] from its files, [`numbers`] and [`speed`] from a
//!   [`worker`] of our own
//! - [`cluster`]: a running one, through its coordinator
//!
//! Observing is apart from judging: findings are made by functions of what was observed. Nothing is left running.

mod checkpoint;
mod cluster;
mod ends;
mod finding;
mod numbers;
mod show;
mod speed;
mod template;
mod tokens;
mod worker;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use specfuse_worker::config::ModelArgsError;

use self::{
    finding::{Examined, Severity},
    worker::WorkerFlags,
};
use crate::{
    access::{Access, AccessError},
    args::AccessArgs,
    interrupt::Interrupt,
    models::{self, ModelsError},
    output,
};

const EXAMPLES: &str = "\
Examples:
  specfuse doctor ~/models/Qwen2.5-1.5B-Instruct
  specfuse doctor --quantize q8_0 ~/models/A ~/models/B.gguf
  specfuse doctor --endpoint https://coordinator:7070 --tls-ca ca.pem";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Checkpoint folders or GGUF files to examine.
    #[arg(value_name = "PATH", required_unless_present = "endpoint", conflicts_with = "endpoint")]
    paths: Vec<PathBuf>,
    /// Examine a running cluster through its coordinator, such as http://127.0.0.1:7070.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    flags: WorkerFlags,
    /// Write one JSON object instead of a list.
    #[arg(long)]
    json: bool,
    /// No colours, on a terminal either.
    #[arg(long, env = "NO_COLOR", num_args = 0..=1, require_equals = true, default_missing_value = "1", hide_env_values = true)]
    no_color: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum DoctorError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Models(#[from] ModelsError),
    #[error(transparent)]
    Flags(#[from] ModelArgsError),
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

/// Exit code 1: an error was found.
pub(crate) async fn run(args: Args) -> Result<ExitCode, DoctorError> {
    let mut interrupt = Interrupt::listen().map_err(DoctorError::Signals)?;
    let all = tokio::select! {
        all = Box::pin(examine(&args)) => all?,
        // Whoever was started ends with its value.
        signal = interrupt.received() => return Ok(signal.into()),
    };
    let colored = io::stdout().is_terminal() && args.no_color.as_deref().is_none_or(str::is_empty);
    let shown = if args.json { format!("{}\n", show::json(&all)) } else { show::list(&all, colored) };
    output::tell(&shown).map_err(DoctorError::Output)?;
    let errors: usize = all.iter().map(|examined| examined.count(Severity::Error)).sum();
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(args: &Args) -> Result<Vec<Examined>, DoctorError> {
    if let Some(url) = &args.endpoint {
        let access = Access::given(url.clone(), args.access.clone())?;
        return Ok(vec![cluster::examine(&access).await]);
    }
    args.flags.check()?;
    let mut all = Vec::new();
    // One after the other: each is timed.
    for model in models::given(&args.paths)? {
        output::complain(&format!("examining {}", model.folder.display()));
        all.push(checkpoint::examine(&model, &args.flags).await);
    }
    Ok(all)
}
