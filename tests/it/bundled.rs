//! The bundled models as a newcomer meets them: `specfuse ask` and `specfuse up`, nothing configured.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result};
use serde_json::Value;
use specfuse_tests::{process::DEADLINE, program};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::PROGRAM;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

async fn ask(arguments: &[&str]) -> Result<program::Ran> {
    let ran = program::run(Path::new(PROGRAM), &[&["ask"], arguments].concat()).await?;
    anyhow::ensure!(ran.code == Some(0), "{arguments:?}: {ran:?}");
    Ok(ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_asks_and_reads_a_plain_answer() -> Result<()> {
    let folder = models().display().to_string();
    let question = "A shop has 47 apples and gets 38 more. How many apples are there now?";
    let ran = ask(&["--models", &folder, question]).await?;
    assert!(ran.stdout.contains("85"), "{ran:?}");
    assert!(ran.stdout.ends_with('\n') && !ran.stdout.contains('\u{1b}'), "{ran:?}");
    let summary = ran.stderr.lines().last().unwrap_or_default();
    assert!(["rounds", "members per round", "%", "tokens/s"].iter().all(|part| summary.contains(part)), "{ran:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundled_models_add_and_take_turns() -> Result<()> {
    let mut up = Up::start().await?;
    let mut winners = BTreeSet::new();
    for (a, b) in [(12, 35), (26, 17), (58, 31), (64, 29), (73, 18)] {
        let question = format!("A shop has {a} apples and gets {b} more. How many apples are there now?");
        let events = events(&ask(&["--json", "--endpoint", &up.coordinator, &question]).await?.stdout)?;
        let text: String = events.iter().filter_map(|event| event["text"].as_str()).collect();
        assert!(text.contains(&(a + b).to_string()), "{question} {text}");
        winners.extend(events.iter().filter_map(|event| event["winner"].as_str().map(str::to_owned)));
        assert_eq!(events.last().map(|event| &event["reason"]), Some(&Value::from("stop")), "{question} {text}");
    }
    assert!(winners.len() >= 2, "only {winners:?} ever won");
    let trace = ask(&["--trace", "--endpoint", &up.coordinator, "What is 20 plus 30?"]).await?.stdout;
    assert!(trace.starts_with("round 1 ") && trace.contains("\nanswer "), "{trace}");
    up.child.kill().await?;
    Ok(())
}

fn events(lines: &str) -> Result<Vec<Value>> {
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_leaves_early_is_no_error() -> Result<()> {
    let up = Up::start().await?;
    let mut child = Command::new(PROGRAM)
        .args(["ask", "--endpoint", &up.coordinator, "What is 20 plus 30?"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    drop(child.stdout.take());
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await??;
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn up_stops_its_children_however_it_ends() -> Result<()> {
    for signal in ["INT", "TERM", "KILL"] {
        let mut up = Up::start().await?;
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

/// A running `specfuse up` of the bundled models.
struct Up {
    child: Child,
    coordinator: String,
    /// Of every process.
    urls: Vec<String>,
}

impl Up {
    async fn start() -> Result<Self> {
        let mut child = Command::new(PROGRAM)
            .args(["up", "--listen", "127.0.0.1:0"])
            .arg("--models")
            .arg(models())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut urls = Vec::new();
        while let Some(line) = tokio::time::timeout(DEADLINE, lines.next_line()).await??.filter(|line| !line.is_empty())
        {
            urls.push(line.split_whitespace().last().context("no URL")?.to_owned());
        }
        anyhow::ensure!(urls.len() >= 3, "up printed {urls:?}");
        Ok(Self { child, coordinator: urls[0].clone(), urls })
    }
}

async fn listens(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("http://")).await.is_ok()
}

async fn gone(url: &str) {
    while listens(url).await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
