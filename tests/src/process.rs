//! One process of a cluster: started on its host, listened to until it serves, tormented, and gone when the value is dropped.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use specfuse_runtime::supervised::Announcement;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{network::Host, program};

/// Generous: many clusters start at once on few cores.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// A supervised role of the program, and where and how it runs.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<String>,
    host: Option<Host>,
    /// What it writes to standard error goes here, after what is there; None: into a file without a name.
    log: Option<PathBuf>,
    level: &'static str,
}

#[derive(Debug)]
pub struct Process {
    pub address: SocketAddr,
    launch: Launch,
    running: Running,
}

#[derive(Debug)]
struct Running {
    child: Child,
    log: File,
    _stdin: ChildStdin,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Launch {
    pub fn of(program: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { program: program.to_owned(), arguments, host: None, log: None, level: "warn" }
    }

    pub fn on(mut self, host: &Host) -> Self {
        self.host = Some(host.clone());
        self
    }

    /// Keeps a log, with what happens and not with what goes wrong alone.
    pub fn logged(mut self, file: PathBuf) -> Self {
        self.log = Some(file);
        self.level = "info";
        self
    }

    /// Starts the process and waits until it serves. If it does not, the error is what it wrote to standard error.
    pub async fn start(self) -> Result<Process> {
        let (address, running) = self.run().await?;
        Ok(Process { address, launch: self, running })
    }

    async fn run(&self) -> Result<(SocketAddr, Running)> {
        let mut log = match &self.log {
            Some(file) => File::options().create(true).append(true).read(true).open(file)?,
            None => tempfile::tempfile()?,
        };
        let before = log.seek(SeekFrom::End(0))?;
        let mut child = match &self.host {
            Some(host) => host.command(&self.program),
            None => Command::new(&self.program),
        }
        .args(&self.arguments)
        .args(["--supervised", "--log", self.level])
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
            log.seek(SeekFrom::Start(before))?;
            log.read_to_string(&mut said)?;
            bail!("{:?} ended with {status}: {said}", self.arguments);
        };
        Ok((address, Running { child, log, _stdin: stdin, _stdout: stdout }))
    }
}

impl Process {
    /// Starts a supervised role on this machine and waits until it serves.
    pub async fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        Launch::of(program, arguments).start().await
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// SIGKILL: it can tell nobody.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.running.child.kill().await?)
    }

    /// Sends a signal by name, such as "TERM", "STOP" or "CONT".
    pub async fn signal(&self, name: &str) -> Result<()> {
        program::signal(self.id()?, name).await
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        Ok(tokio::time::timeout(DEADLINE, self.running.child.wait()).await.context("it does not end")??)
    }

    /// Starts it again with the same arguments, once it has ended.
    pub async fn restart(&mut self) -> Result<()> {
        self.ended().await?;
        (self.address, self.running) = self.launch.run().await?;
        Ok(())
    }

    pub fn id(&self) -> Result<u32> {
        self.running.child.id().context("it has ended")
    }

    /// What it wrote to standard error.
    pub fn log(&mut self) -> Result<String> {
        let mut said = String::new();
        self.running.log.rewind()?;
        self.running.log.read_to_string(&mut said)?;
        Ok(said)
    }
}

/// The next process on this address finds it free.
impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.start_kill();
        wait_a_little(&mut self.child);
    }
}

/// Waits for the end of a process that is about to end: a value cannot be awaited while it is dropped.
pub(crate) fn wait_a_little(child: &mut Child) {
    for _ in 0..2000 {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
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

/// Time that a process has had on processors.
pub fn processor_time(id: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // Its name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(") ").context("no name")?;
    let ticks: Vec<u64> = fields.split(' ').skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    // A hundredth of a second each, on every Linux.
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 10))
}

/// Bytes of memory that a process holds.
pub fn memory_of(id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().next().context("an empty VmRSS")?.parse()?;
    Ok(kib << 10)
}
