//! A running `specfuse up`: a local cluster as a person starts it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::process::DEADLINE;

/// The models that come with the program.
pub fn bundled_models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// Killed when dropped; its children then stop by themselves.
#[derive(Debug)]
pub struct Up {
    pub child: Child,
    /// URL.
    pub coordinator: String,
    /// URLs of every process.
    pub urls: Vec<String>,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Up {
    /// Starts a cluster of the models in a folder, on free ports.
    pub async fn start(program: &Path, models: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["up", "--listen", "127.0.0.1:0", "--models"])
            .arg(models)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut urls = Vec::new();
        // One line for each process, then an empty one.
        while let Some(line) = tokio::time::timeout(DEADLINE, stdout.next_line()).await??
            && !line.is_empty()
        {
            urls.push(line.split_whitespace().last().context("no URL")?.to_owned());
        }
        ensure!(urls.len() >= 2, "up printed {urls:?}");
        Ok(Self { child, coordinator: urls[0].clone(), urls, _stdout: stdout })
    }
}
