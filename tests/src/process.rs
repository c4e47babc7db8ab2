//! One process of a cluster: started, listened to until it serves, and gone when the value is dropped.

use std::{
    io::{Read, Seek},
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use specfuse_runtime::supervised::Announcement;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// Generous: many clusters start at once on few cores.
pub const DEADLINE: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub struct Process {
    pub address: SocketAddr,
    child: Child,
    _stdin: ChildStdin,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a supervised role and waits until it serves. If it does not, the error is what it wrote to standard error.
    pub async fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut log = tempfile::tempfile()?;
        let mut child = Command::new(program)
            .args(arguments)
            .args(["--supervised", "--log", "warn"])
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?)
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().context("no standard input")?;
        let mut stdout = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let Some(address) = tokio::time::timeout(DEADLINE, serving(&mut stdout)).await?? else {
            let status = tokio::time::timeout(DEADLINE, child.wait()).await??;
            let mut said = String::new();
            log.rewind()?;
            log.read_to_string(&mut said)?;
            bail!("{arguments:?} ended with {status}: {said}");
        };
        Ok(Self { address, child, _stdin: stdin, _stdout: stdout })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// SIGKILL: it can tell nobody.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

async fn serving(stdout: &mut Lines<BufReader<ChildStdout>>) -> Result<Option<SocketAddr>> {
    while let Some(line) = stdout.next_line().await? {
        if let Announcement::Serving { address, .. } = serde_json::from_str(&line)? {
            return Ok(Some(address));
        }
    }
    Ok(None)
}
