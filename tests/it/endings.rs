//! However a command ends, nothing of it stays: no process, no file.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use specfuse_tests::{
    golden,
    process::DEADLINE,
    program,
    up::{Up, bundled_models},
};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    process::{Child, Command},
};

use crate::{ENDLESS, PROGRAM, small_models};

const POLL: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn up_stops_its_children_however_it_ends() -> Result<()> {
    for signal in ["INT", "TERM", "KILL"] {
        let mut up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
        for url in &up.urls {
            assert!(listens(url).await, "{url} before SIG{signal}");
        }
        program::signal(up.child.id().context("it has ended")?, signal).await?;
        let status = tokio::time::timeout(DEADLINE, up.child.wait()).await??;
        assert_eq!(status.success(), signal != "KILL", "SIG{signal}: {status}");
        for url in &up.urls {
            let gone = tokio::time::timeout(DEADLINE, gone(url)).await;
            gone.with_context(|| format!("{url} survives SIG{signal}"))?;
        }
    }
    Ok(())
}

async fn listens(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("http://")).await.is_ok()
}

async fn gone(url: &str) {
    while listens(url).await {
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_broken_off_leaves_no_process_and_no_file() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    for (signal, code) in [("INT", Some(130)), ("TERM", Some(143)), ("KILL", None)] {
        let scratch = tempfile::tempdir()?;
        let mut child = ask_without_end(&golden, scratch.path())?;
        // The first byte of the answer: everything runs.
        let mut first = [0];
        let stdout = child.stdout.as_mut().context("no standard output")?;
        tokio::time::timeout(DEADLINE, stdout.read_exact(&mut first)).await??;
        let parent = child.id().context("it has ended")?;
        let children = children(parent)?;
        ensure!(children.len() == 4, "{children:?} are its children");

        program::signal(parent, signal).await?;
        let status = tokio::time::timeout(DEADLINE, child.wait()).await??;
        assert_eq!(status.code(), code, "SIG{signal}: {status}");
        let ended = tokio::time::timeout(DEADLINE, ended(&children)).await;
        ended.with_context(|| format!("one of {children:?} survives SIG{signal}"))?;
        let left: Vec<_> = fs::read_dir(scratch.path())?.collect();
        assert!(left.is_empty(), "SIG{signal} leaves {left:?}");
    }
    Ok(())
}

fn ask_without_end(golden: &Path, scratch: &Path) -> Result<Child> {
    let mut command = Command::new(PROGRAM);
    command.args(["ask", "--max-tokens", "700", "--segment-tokens", "2", ENDLESS]);
    for model in small_models(golden) {
        command.arg("--model").arg(model);
    }
    command.env("TMPDIR", scratch).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    Ok(command.kill_on_drop(true).spawn()?)
}

/// Ids of the processes whose parent this one is.
fn children(parent: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").context("these tests read /proc")? {
        let Ok(id) = entry?.file_name().to_string_lossy().parse() else { continue };
        if status(id).is_some_and(|(_, its_parent)| its_parent == parent) {
            children.push(id);
        }
    }
    Ok(children)
}

/// State and parent of a process. None: there is none.
fn status(process: u32) -> Option<(char, u32)> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // "id (name) state parent": the name may hold anything.
    let mut fields = line.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Completes when each has ended, whether anyone has asked how or not.
async fn ended(processes: &[u32]) {
    while processes.iter().any(|&process| status(process).is_some_and(|(state, _)| state != 'Z')) {
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_leaves_early_is_no_error() -> Result<()> {
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let mut child = Command::new(PROGRAM)
        .args(["ask", "--endpoint", &up.coordinator, "What is 20 plus 30?"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    drop(child.stdout.take());
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await??;
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    Ok(())
}
