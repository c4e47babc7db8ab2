//! What decided an answer of the bundled models, written down and decided again by a program that has no model at hand.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use specfuse_tests::{program, up::bundled_models};

use crate::PROGRAM;

const QUESTION: &str = "A shop has 47 apples and gets 38 more. How many apples are there now?";

async fn specfuse(arguments: &[&str]) -> Result<program::Ran> {
    program::run(Path::new(PROGRAM), arguments).await
}

/// Asks the bundled models, and gives the recording.
async fn recorded(strategy: &str, file: &Path) -> Result<Value> {
    let (models, path) = (bundled_models().display().to_string(), file.display().to_string());
    let ran = specfuse(&["ask", "--models", &models, "--strategy", strategy, "--record", &path, QUESTION]).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_follows_from_its_recording_and_a_tampered_one_is_found_out() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("answer.json");
    let recording = recorded("cross", &file).await?;
    let path = file.display().to_string();
    let rounds = recording["rounds"].as_array().context("no rounds")?.len();

    let ran = specfuse(&["replay", &path]).await?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains(&format!("all {rounds} rounds follow, and the ending (stop)\n")), "{ran:?}");
    for member in recording["members"].as_array().context("no members")? {
        let fingerprint = member["fingerprints"][0].as_str().unwrap_or("unknown");
        assert!(ran.stdout.contains(member["name"].as_str().context("no name")?), "{ran:?}");
        assert!(ran.stdout.contains(&format!("fingerprint {fingerprint}")), "{ran:?}");
    }

    let mut tampered = recording.clone();
    let quality = tampered["rounds"][1]["quality"][0].as_f64().context("no quality")?;
    tampered["rounds"][1]["quality"][0] = f64::from_bits(quality.to_bits() ^ 1).into();
    let other = folder.path().join("tampered.json");
    fs::write(&other, tampered.to_string())?;
    let ran = specfuse(&["replay", &other.display().to_string()]).await?;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("round 2: quality does not follow\n"), "{ran:?}");

    let policy = folder.path().join("policy.toml");
    fs::write(&policy, "exit = { rule = \"never\" }\n")?;
    let ran = specfuse(&["replay", &path, "--policy", &policy.display().to_string()]).await?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("\n  round") && !ran.stdout.contains("(quality)"), "{ran:?}");
    let last = ran.stdout.lines().last().unwrap_or_default();
    assert!(last.contains("rounds agree"), "{ran:?}");

    let ran = specfuse(&["replay", &path, "--policy", &policy.display().to_string(), "--json"]).await?;
    let told: Value = serde_json::from_str(&ran.stdout)?;
    assert_eq!(told["replay"]["outcome"], "follows");
    assert_eq!(told["alternative"]["rounds"].as_array().map(Vec::len), Some(rounds));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mixture_is_recorded_in_all_its_generations_and_follows() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("answer.json");
    let recording = recorded("mixture", &file).await?;
    assert!(recording["stages"].as_array().is_some_and(|stages| stages.len() >= 2), "{recording}");
    let path = file.display().to_string();
    let ran = specfuse(&["replay", &path]).await?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let policy = folder.path().join("policy.toml");
    fs::write(&policy, "")?;
    let ran = specfuse(&["replay", &path, "--policy", &policy.display().to_string()]).await?;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("generations: another policy can be told of one alone"), "{ran:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_written_to_is_refused_before_anybody_is_asked() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("none/answer.json").display().to_string();
    let ran = specfuse(&["ask", "--endpoint", "http://127.0.0.1:1", "--record", &place, QUESTION]).await?;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.stderr.contains("--record") && ran.stderr.contains("no file can be written there"), "{ran:?}");
    Ok(())
}
