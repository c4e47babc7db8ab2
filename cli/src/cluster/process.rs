//! One child process, from its start to its end: what it announces, what it complains about, how it is stopped.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use specfuse_runtime::supervised::Announcement;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    task::JoinSet,
    time::Instant,
};

use crate::output;

/// Between the start of a process and its answer to calls. Reading a large checkpoint from a cold disk takes minutes.
const START_DEADLINE: Duration = Duration::from_secs(600);
/// Between closing a process's standard input and killing it.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(5);
/// Lines of standard error that are kept to explain a failed start.
const KEPT_LINES: usize = 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    #[error("{name} cannot be started")]
    Spawn { name: String, source: io::Error },
    #[error("{name} did not start: {reason}")]
    Ended { name: String, reason: String },
    #[error("{name} did not start in {START_DEADLINE:?}")]
    Late { name: String },
}

/// A child that serves.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    name: String,
    address: SocketAddr,
    child: Child,
    /// Open for as long as the child shall live.
    stdin: ChildStdin,
    /// Kept open: later announcements must not fail.
    _stdout: Lines<BufReader<ChildStdout>>,
    complaints: Complaints,
}

impl ChildProcess {
    /// Starts the program and waits until it serves.
    pub(crate) async fn start(program: &Path, name: String, arguments: Vec<OsString>) -> Result<Self, ProcessError> {
        let spawned = Command::new(program)
            .args(arguments)
            // The child's standard error is read by us, whatever ours is.
            .env("NO_COLOR", "1")
            // One port cannot be every child's.
            .env_remove("SPECFUSE_ADMIN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C on a terminal is for us alone: we stop the children, in our order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = spawned.map_err(|source| ProcessError::Spawn { name: name.clone(), source })?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(ProcessError::Ended { name, reason: "its pipes are missing".to_owned() });
        };
        let mut complaints = Complaints::read(name.clone(), stderr);
        let mut stdout = BufReader::new(stdout).lines();
        match tokio::time::timeout(START_DEADLINE, serving(&mut stdout)).await {
            Ok(Some(address)) => {
                complaints.forward(true);
                Ok(Self { name, address, child, stdin, _stdout: stdout, complaints })
            }
            Ok(None) => {
                // Without standard output it is of no use, should it still be running.
                drop(stdin);
                let status = ended_within(&mut child, Instant::now() + STOP_GRACE).await;
                Err(ProcessError::Ended { name, reason: complaints.reason(status).await })
            }
            Err(_) => Err(ProcessError::Late { name }),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// None: it has ended.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Completes when the process ends by itself. Cancel safe.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        // tokio's own wait closes the standard input that it holds; ours was taken out and stays open.
        self.child.wait().await
    }

    /// Closes its standard input and waits until it has ended; after the deadline it is killed.
    pub(crate) async fn stop(self, deadline: Instant) {
        let Self { mut child, stdin, complaints, .. } = self;
        // While everything stops, each misses the others: that is no news.
        complaints.forward(false);
        drop(stdin);
        ended_within(&mut child, deadline).await;
    }
}

async fn ended_within(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    match tokio::time::timeout_at(deadline, child.wait()).await {
        Ok(status) => status.ok(),
        Err(_) => {
            // It may have ended between the two; then there is nothing left to kill.
            let _ = child.kill().await;
            None
        }
    }
}

/// The address that the process announces; None if it closes its standard output first.
async fn serving(stdout: &mut Lines<BufReader<ChildStdout>>) -> Option<SocketAddr> {
    while let Ok(Some(line)) = stdout.next_line().await {
        if let Ok(Announcement::Serving { address, .. }) = serde_json::from_str(&line) {
            return Some(address);
        }
    }
    None
}

/// A child's standard error: its last lines are kept, and passed on to ours once that is wanted.
#[derive(Debug)]
struct Complaints {
    last: Arc<Mutex<VecDeque<String>>>,
    forward: Arc<AtomicBool>,
    reader: JoinSet<()>,
}

impl Complaints {
    fn read(name: String, stderr: ChildStderr) -> Self {
        let last = Arc::new(Mutex::new(VecDeque::with_capacity(KEPT_LINES)));
        let forward = Arc::new(AtomicBool::new(false));
        let mut reader = JoinSet::new();
        reader.spawn(keep(name, stderr, Arc::clone(&last), Arc::clone(&forward)));
        Self { last, forward, reader }
    }

    fn forward(&self, on: bool) {
        self.forward.store(on, Ordering::Relaxed);
    }

    /// Why a process that has ended did so: its own last error, else its last line, else its exit status.
    async fn reason(&mut self, status: Option<ExitStatus>) -> String {
        while self.reader.join_next().await.is_some() {}
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let error = last.iter().rev().find_map(|line| line.strip_prefix("error: "));
        let line = error.or_else(|| last.iter().rev().map(String::as_str).find(|line| !line.trim().is_empty()));
        match (line, status) {
            (Some(line), _) => line.to_owned(),
            (None, Some(status)) => format!("it ended with {status}"),
            (None, None) => "it ended".to_owned(),
        }
    }
}

async fn keep(name: String, stderr: ChildStderr, last: Arc<Mutex<VecDeque<String>>>, forward: Arc<AtomicBool>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if forward.load(Ordering::Relaxed) {
            output::complain(&format!("{name}: {line}"));
        }
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
}
