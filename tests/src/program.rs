//! One run of the program from its start to its end, as a person or a script sees it.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result};
use tokio::{io::AsyncWriteExt, process::Command};

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
    run_with(program, arguments, &[], "").await
}

/// The same with variables of its own, and with a text on its standard input.
pub async fn run_with(program: &Path, arguments: &[&str], variables: &[(&str, &str)], text: &str) -> Result<Ran> {
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let output = async {
        // A program that reads nothing may close it first.
        let _ = stdin.write_all(text.as_bytes()).await;
        drop(stdin);
        child.wait_with_output().await
    };
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
