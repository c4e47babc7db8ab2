//! One run of the program from its start to its end, as a person or a script sees it.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::process::DEADLINE;

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    /// None: a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program to its end, with pipes for its outputs and nothing on its standard input.
pub async fn run(program: &Path, arguments: &[&str]) -> Result<Ran> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output =
        tokio::time::timeout(DEADLINE, output).await.with_context(|| format!("{arguments:?} does not end"))??;
    Ok(Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Sends a signal by name, such as "INT".
pub async fn signal(process: u32, name: &str) -> Result<()> {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status().await?;
    anyhow::ensure!(sent.success(), "kill -{name} {process}: {sent}");
    Ok(())
}
