//! `specfuse eval` as a person runs it: what it finds on the bundled models, that it goes on where it was stopped, and what it
//! refuses.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use specfuse_tests::{process::DEADLINE, program, up::bundled_models};
use tempfile::TempDir;
use tokio::process::Command;

use crate::PROGRAM;

/// Of the held-out questions: a few of each kind.
const QUESTIONS: usize = 30;

async fn eval(out: &TempDir, arguments: &[&str]) -> Result<program::Ran> {
    let out = out.path().display().to_string();
    let models = bundled_models().display().to_string();
    let common = ["eval", "--bundled", "--models", &models, "--out", &out];
    program::run(Path::new(PROGRAM), &[&common, arguments].concat()).await
}

fn rows(report: &str) -> Result<BTreeMap<String, Value>> {
    let report: Value = serde_json::from_str(report)?;
    let rows = report["rows"].as_array().context("no rows")?;
    let named = |row: &Value| Some((row["strategy"].as_str()?.to_owned(), row.clone()));
    rows.iter().map(|row| named(row).context("a row without a strategy")).collect()
}

fn number(row: &Value, key: &str) -> Result<f64> {
    row[key].as_f64().with_context(|| format!("{key} of {row}"))
}

/// Completes when so many answers are on disk.
async fn kept(out: &Path, answers: usize) -> Result<()> {
    let file = out.join("answers.jsonl");
    let some = async {
        while fs::read_to_string(&file).unwrap_or_default().lines().count() < answers {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, some).await.context("no answer is kept")
}

#[tokio::test(flavor = "multi_thread")]
async fn together_the_bundled_models_answer_better_than_the_best_of_them() -> Result<()> {
    let out = tempfile::tempdir()?;
    let limit = QUESTIONS.to_string();
    let ran = eval(&out, &["--limit", &limit, "--json"]).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    let rows = rows(&ran.stdout)?;
    let singles = rows.iter().filter(|(name, _)| name.starts_with("single/"));
    let singles = singles.map(|(_, row)| number(row, "quality")).collect::<Result<Vec<_>>>()?;
    let best = singles.iter().copied().fold(0.0, f64::max);
    let fuse = &rows["fuse"];
    let (quality, members) = (number(fuse, "quality")?, number(fuse, "members_per_round")?);
    assert_eq!(singles.len(), 5);
    assert!(quality >= best + 0.15, "fused {quality}, the best alone {best}");
    assert!(members <= 2.6, "{members} members per round");
    assert!(number(fuse, "p_vs_best_single")? < 0.01, "{fuse}");
    for name in ["oracle", "best_of_n", "self_fuse", "mixture", "vote", "route"] {
        let row = rows.get(name).with_context(|| format!("no row of {name}"))?;
        assert!(
            number(row, "low")? <= number(row, "quality")? && number(row, "quality")? <= number(row, "high")?,
            "{row}"
        );
    }
    for key in ["calls", "ttfs_ms", "tokens_s"] {
        assert!(number(fuse, key)? > 0.0, "{key}: {fuse}");
    }
    let page = fs::read_to_string(out.path().join("report.html"))?;
    assert!(page.contains("<svg") && !page.contains("src=\"http") && !page.contains("href=\"http"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_evaluation_goes_on_where_it_was() -> Result<()> {
    let out = tempfile::tempdir()?;
    let answers = out.path().join("answers.jsonl");
    let arguments = ["--limit", "40", "--strategy", "fuse", "--strategy", "single/abacus-llama", "--json"];
    let mut killed = Command::new(PROGRAM)
        .args(["eval", "--bundled", "--concurrency", "2", "--models"])
        .arg(bundled_models())
        .arg("--out")
        .arg(out.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    kept(out.path(), 5).await?;
    killed.kill().await?;
    let before = fs::read_to_string(&answers)?;
    ensure!(before.lines().count() < 80, "it was over before it was killed");
    let ran = eval(&out, &[&arguments[..], &["--concurrency", "2"]].concat()).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    let after = fs::read_to_string(&answers)?;
    let whole: Vec<&str> = before.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).collect();
    assert!(whole.iter().all(|line| after.contains(line)), "what was answered is not asked again");
    assert_eq!(after.lines().count(), 80, "every answer is there once");
    let refused = eval(&out, &["--limit", "40", "--strategy", "fuse", "--temperature", "0.5"]).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("--fresh") && refused.stderr.contains("temperature"), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_evaluation_keeps_its_answers_and_says_how_to_go_on() -> Result<()> {
    let out = tempfile::tempdir()?;
    let child = Command::new(PROGRAM)
        .args(["eval", "--bundled", "--strategy", "paper", "--models"])
        .arg(bundled_models())
        .arg("--out")
        .arg(out.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let process = child.id().context("it is over")?;
    kept(out.path(), 3).await?;
    program::signal(process, "INT").await?;
    let ended = tokio::time::timeout(DEADLINE, child.wait_with_output()).await??;
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("the same command goes on") && ended.stdout.is_empty(), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn exits_are_compared_in_one_command() -> Result<()> {
    let out = tempfile::tempdir()?;
    let ran = eval(&out, &["--ablate", "exit", "--limit", "5", "--json"]).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    let rows = rows(&ran.stdout)?;
    assert_eq!(number(&rows["exit/never"], "members_per_round")?, 5.0);
    for name in ["exit/no_entropy", "exit/first_rounds/2", "exit/theta=0.8,tau=0.25"] {
        let members = number(rows.get(name).with_context(|| format!("no row of {name}"))?, "members_per_round")?;
        assert!((1.0..5.0).contains(&members), "{name}: {members}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calibration_is_learnt_from_a_text_and_used() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (text, settings) = (folder.path().join("text.txt"), folder.path().join("settings.toml"));
    let sums = (10..90).map(|a| format!("The tens are {a} + 20 = {}. The answer is {}.\n", a + 20, a + 20));
    fs::write(&text, sums.collect::<String>())?;
    fs::write(&settings, "# ours\nsegment_tokens = 8\n")?;
    let models = bundled_models().display().to_string();
    let (text, settings) = (text.display().to_string(), settings.display().to_string());
    let learn = ["eval", "--calibrate", &text, "--models", &models, "--write", &settings];
    let ran = program::run(Path::new(PROGRAM), &learn).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    let written = fs::read_to_string(&settings)?;
    assert!(written.contains("# ours") && written.contains("abacus-llama") && written.contains("scale"), "{written}");
    let ask = ["ask", "--models", &models, "--settings", &settings, "How much is 41 × 6?"];
    let ran = program::run(Path::new(PROGRAM), &ask).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_are_none_are_refused_with_their_line() -> Result<()> {
    let out = tempfile::tempdir()?;
    let file = out.path().join("q.jsonl");
    fs::write(&file, "{\"question\": \"How much is 2 + 2?\", \"answer\": \"4\"}\n{\"colour\": 1}\n")?;
    let ran = program::run(Path::new(PROGRAM), &["eval", &file.display().to_string()]).await?;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("line 2"), "{ran:?}");
    Ok(())
}
