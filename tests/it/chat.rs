//! `specfuse chat` as a script and as an impatient person use it.

use std::{fs, path::Path, process::Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use specfuse_tests::{
    golden,
    process::DEADLINE,
    program::{self, Ran},
    up::{Up, bundled_models},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::Command,
};

use crate::{ENDLESS, PROGRAM};

const APPLES: &str = "A shop has 47 apples and gets 38 more. How many apples are there now?";

async fn chat(arguments: &[&str], lines: &[&str]) -> Result<Ran> {
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    program::run_with(Path::new(PROGRAM), &[&["chat"], arguments].concat(), &[], &text).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_turn_is_asked_with_all_that_was_said() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let saved = |name: &str| folder.path().join(name).display().to_string();
    let (whole, shorter) = (saved("whole.json"), saved("shorter.json"));
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let lines = [
        APPLES,
        "",
        "A shop has 12 pears \\",
        "and gets 30 more. How many pears are there now?",
        &format!("/save {whole}"),
        "/undo",
        "/strategy single/abacus-llama",
        &format!("/save {shorter}"),
        "/strategy",
        "/reset",
        APPLES,
        "/quit",
        "never asked",
    ];
    let ran = chat(&["--endpoint", &up.coordinator], &lines).await?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let messages: Vec<Value> = serde_json::from_str(&fs::read_to_string(&whole)?)?;
    let roles: Vec<_> = messages.iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    assert_eq!(messages[0], json!({ "role": "user", "content": APPLES }));
    assert_eq!(messages[2]["content"], "A shop has 12 pears \nand gets 30 more. How many pears are there now?");
    let answer = messages[1]["content"].as_str().context("no text")?;
    assert!(answer.contains("85") && ran.stdout.starts_with(answer), "{ran:?}");
    let messages: Vec<Value> = serde_json::from_str(&fs::read_to_string(&shorter)?)?;
    assert_eq!(messages.len(), 2);
    assert!(ran.stdout.contains("single/abacus-llama; there are: "), "{ran:?}");
    // After a reset the same question has the same answer as at first, and alone.
    assert!(ran.stderr.contains("2 messages are forgotten") && ran.stderr.contains("abacus-llama 100%"), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_in_one_turn_does_not_end_the_chat() -> Result<()> {
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let lines = ["/nonsense", "/strategy nonsense", "/trace on", APPLES, "/undo", "/undo"];
    let ran = chat(&["--endpoint", &up.coordinator], &lines).await?;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let errors: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(
        matches!(errors.as_slice(), [no_command, no_strategy, nothing]
        if no_command.contains("/nonsense") && no_strategy.contains("fuse") && nothing.contains("nothing")),
        "{ran:?}"
    );
    assert!(ran.stdout.starts_with("round 1 ") && ran.stdout.contains("85"), "{ran:?}");
    let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string();
    let nobody = chat(&["--endpoint", &closed], &["one?", "two?"]).await?;
    let errors = nobody.stderr.lines().filter(|line| line.contains(&closed) && line.contains("specfuse up")).count();
    assert_eq!((errors, nobody.code), (2, Some(1)), "{nobody:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signal_stops_an_answer_and_the_script_that_asked() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let mut child = Command::new(PROGRAM)
        .args(["chat", "--max-tokens", "900", "--model"])
        .arg(golden.join("models/llama"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let mut stdout = child.stdout.take().context("no standard output")?;
    stdin.write_all(format!("{ENDLESS}\n{ENDLESS}\n").as_bytes()).await?;
    let mut first = [0; 1];
    tokio::time::timeout(DEADLINE, stdout.read_exact(&mut first)).await??;
    program::signal(child.id().context("it has ended")?, "INT").await?;
    // Its standard input is still open, and there is another question in it.
    let status = tokio::time::timeout(DEADLINE, child.wait()).await??;
    assert_eq!(status.code(), Some(130));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_ends_with_the_coordinator_that_it_started() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let mut child = Command::new(PROGRAM)
        .args(["chat", "--max-tokens", "4", "--model"])
        .arg(golden.join("models/llama"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let mut stdout = child.stdout.take().context("no standard output")?;
    let mut stderr = child.stderr.take().context("no standard error")?;
    stdin.write_all(format!("{ENDLESS}\n").as_bytes()).await?;
    let mut first = [0; 1];
    tokio::time::timeout(DEADLINE, stdout.read_exact(&mut first)).await??;
    // Only Linux tells who its children are: each thread has its own.
    let Ok(threads) = fs::read_dir(format!("/proc/{}/task", child.id().context("it has ended")?)) else {
        return Ok(());
    };
    for thread in threads {
        // A thread may have ended meanwhile.
        let Ok(children) = fs::read_to_string(thread?.path().join("children")) else { continue };
        for id in children.split_whitespace().map(str::parse) {
            let id: u32 = id?;
            if fs::read_to_string(format!("/proc/{id}/cmdline"))?.contains("\0coordinator\0") {
                program::signal(id, "KILL").await?;
            }
        }
    }
    let mut said = String::new();
    tokio::time::timeout(DEADLINE, stderr.read_to_string(&mut said)).await??;
    let status = tokio::time::timeout(DEADLINE, child.wait()).await??;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("error: the coordinator ended: "), "{said}");
    Ok(())
}
