//! One process of a pod. It runs below a shell that passes on signals, tells how it ended, and kills it as soon as nobody is left to
//! send any: none outlives a test, however that ends.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin, Command},
};

use super::container::Line;
use crate::{prerequisite::variable, process::wait_a_little};

/// Each line that it is told is a signal's name.
const KEEPER: &str = r#"exec 3<&0
"$@" 3<&- &
kept=$!
{ while read -r signal <&3; do kill -"$signal" $kept; done; kill -KILL $kept; } 2>/dev/null &
wait $kept
code=$?
kill $!
exit $code"#;

#[derive(Debug)]
pub(super) struct Kept {
    shell: Child,
    pipe: Option<ChildStdin>,
    log: PathBuf,
}

impl Kept {
    pub(super) fn start(line: &Line, log: &Path) -> Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh", &line.program]).args(&line.arguments);
        command.env_clear().envs(&line.variables);
        // For the shell, which finds etcd by it. Containers have no folder for temporary files that nothing is mounted at.
        command.env("PATH", variable("PATH").unwrap_or_default()).env("TMPDIR", "/nowhere");
        let file = File::create(log)?;
        command.stdin(Stdio::piped()).stdout(file.try_clone()?).stderr(file);
        let mut shell = command.kill_on_drop(true).spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe, log: log.to_owned() })
    }

    /// Such as "TERM".
    pub(super) async fn signal(&mut self, name: &str) -> Result<()> {
        let pipe = self.pipe.as_mut().context("killed")?;
        Ok(pipe.write_all(format!("{name}\n").as_bytes()).await?)
    }

    /// Waits until it has ended, at most so long.
    pub(super) async fn ended(&mut self, within: Duration) -> Result<ExitStatus> {
        // Waiting would close the pipe of a child that has its own.
        let ended = tokio::time::timeout(within, self.shell.wait()).await;
        Ok(ended.with_context(|| format!("it does not end in {within:?}: {}", self.said()))??)
    }

    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.shell.try_wait()?.is_some())
    }

    /// What it wrote.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.pipe = None;
        wait_a_little(&mut self.shell);
    }
}
