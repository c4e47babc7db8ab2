//! The bundled models as a newcomer meets them: nothing configured, and the answers are right.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Result, ensure};
use specfuse_proto::v1::ensemble_service_client::EnsembleServiceClient;
use specfuse_tests::{
    answer::{self, Answer},
    program,
    up::{Up, bundled_models},
};

use crate::PROGRAM;

/// Additions that are asked.
const ADDITIONS: u32 = 40;

fn apples(a: u32, b: u32) -> String {
    format!("A shop has {a} apples and gets {b} more. How many apples are there now?")
}

async fn ask(arguments: &[&str]) -> Result<program::Ran> {
    let ran = program::run(Path::new(PROGRAM), &[&["ask"], arguments].concat()).await?;
    ensure!(ran.code == Some(0), "{arguments:?}: {ran:?}");
    Ok(ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_asks_and_reads_a_plain_answer() -> Result<()> {
    let folder = bundled_models().display().to_string();
    let ran = ask(&["--models", &folder, &apples(47, 38)]).await?;
    assert_eq!(last_number(&ran.stdout), Some(85), "{ran:?}");
    assert!(ran.stdout.ends_with('\n') && !ran.stdout.contains('\u{1b}'), "{ran:?}");
    let summary = ran.stderr.lines().last().unwrap_or_default();
    let parts = ["rounds", "members per round", "%", "tokens/s", "first segment after"];
    assert!(parts.iter().all(|part| summary.contains(part)), "{ran:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundled_models_add_any_two_digit_numbers() -> Result<()> {
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let mut client = EnsembleServiceClient::connect(up.coordinator.clone()).await?;
    let mut wrong = Vec::new();
    for step in 0..ADDITIONS {
        // Strides without a common factor with 90: forty pairs from all over the square.
        let (a, b) = (10 + step * 37 % 90, 10 + step * 53 % 90);
        let stream = client.generate(answer::question(&apples(a, b), 256)).await?.into_inner();
        let text = Answer::read(stream).await?.text();
        if last_number(&text) != Some(a + b) {
            wrong.push(format!("{a} + {b}: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {ADDITIONS} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_shows_that_the_bundled_models_take_turns() -> Result<()> {
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let questions = [
        "A shop has 47 apples and gets 38 more. How many apples are there now?",
        "Sort these numbers from largest to smallest: 56, 27, 62.",
        "How do you spell \"rabbit\"?",
        "Ben was born on a Tuesday. What day was it 11 days later?",
        "What is \"rabbit\" backwards?",
    ];
    let mut winners = BTreeSet::new();
    for question in questions {
        let trace = ask(&["--trace", "--endpoint", &up.coordinator, question]).await?.stdout;
        ensure!(trace.starts_with("round 1 ") && trace.contains("\nanswer (stop)\n"), "{trace}");
        // "* 2  author, author  "text"": the winner is the first author.
        let starred = trace.lines().filter_map(|line| line.strip_prefix("* "));
        let authors = starred.filter_map(|line| line.split_whitespace().nth(1));
        winners.extend(authors.map(|author| author.trim_end_matches(',').to_owned()));
    }
    assert!(winners.len() >= 2, "only {winners:?} ever won");
    Ok(())
}

/// The result stands at the end of the last sentence.
fn last_number(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).rfind(|digits| !digits.is_empty())?.parse().ok()
}
