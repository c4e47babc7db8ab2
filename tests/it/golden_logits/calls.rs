//! The engine's calls. The terms of five candidates that are scored at once are those of one pass over each alone, at first, from the
//! cache, and in a cache so small that other calls in between have pushed everything out; a draft's tokens are as probable as when
//! they are scored.

use std::sync::Arc;

use anyhow::{Result, ensure};
use specfuse_tests::distance::distance;
use specfuse_worker::engine::{DraftJob, Engine, EngineConfig, Sampling, ScoreJob, ScoreSequence};

use super::case::{Case, TOLERANCE};

/// Of the recorded tokens, those that the candidates share.
const CONTEXT: usize = 30;
/// Tokens of a draft.
const DRAFT: usize = 8;

pub(super) async fn compare(case: &Case) -> Result<()> {
    let length = case.tokens.len();
    ensure!(length > CONTEXT, "{length} tokens only");
    let texts = texts(case);
    let mut expected = vec![recorded(case, CONTEXT)];
    for text in &texts[1..] {
        let (alone, _thread) = engine(case, length, length)?;
        expected.push(score(&alone, case, std::slice::from_ref(text)).await?.remove(0));
    }

    draft(case).await?;

    // A roomy cache with passes of any size; then one that holds nothing but the call.
    let whole = CONTEXT + texts.iter().map(Vec::len).sum::<usize>();
    for (tokens, rows) in [(1024, 512), (1024, 7), (whole, 512)] {
        let (engine, _thread) = engine(case, tokens, rows)?;
        for turn in ["first", "again", "after others"] {
            if turn == "after others" {
                others(&engine, case, whole).await?;
            }
            let found = score(&engine, case, &texts).await?;
            for (candidate, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let off = distance(found, expected)?;
                let how = format!("{tokens} tokens of cache, {rows} rows a pass, {turn}");
                ensure!(off <= TOLERANCE, "{how}: candidate {candidate} is off by {off:e}");
            }
        }
    }
    Ok(())
}

/// Every drawn token against what a call of its own gives it after exactly the tokens before it.
async fn draft(case: &Case) -> Result<()> {
    let (engine, _thread) = engine(case, 1024, 512)?;
    let sampling = Sampling { temperature: 0.0, top_p: 1.0, ..Sampling::default() };
    let mut tokens = case.tokens[..CONTEXT].to_vec();
    let (answer_from, end_of_turn) = (tokens.len(), Arc::new([]));
    let job = DraftJob { tokens: tokens.clone(), answer_from, max_new: DRAFT, end_of_turn, sampling };
    let drafted = engine.draft(job).await?;
    ensure!(drafted.tokens.len() == DRAFT, "drafted {:?}", drafted.tokens);
    for (token, logprob) in drafted.tokens.iter().zip(&drafted.logprobs) {
        let next = ScoreSequence { tokens: tokens.clone(), from: tokens.len(), finished: true };
        let scored = engine.score(ScoreJob { candidates: vec![next], end_of_turn: Arc::new([*token]) }).await?;
        let off = distance(&[f64::from(*logprob)], &[f64::from(scored.terms[0][0])])?;
        ensure!(off <= TOLERANCE, "a drafted token after {} is off by {off:e}", tokens.len());
        tokens.push(*token);
    }
    Ok(())
}

/// The recorded continuation first; the others part from it sooner or later.
fn texts(case: &Case) -> Vec<Vec<u32>> {
    let recorded = case.tokens[CONTEXT..].to_vec();
    let reversed: Vec<u32> = recorded.iter().rev().copied().collect();
    let parting = [&recorded[..4], &reversed].concat()[..recorded.len()].to_vec();
    let (short, early) = (recorded[..3].to_vec(), case.tokens[..9].to_vec());
    vec![recorded, reversed, parting, short, early]
}

/// The terms of the recorded tokens from `from` on.
fn recorded(case: &Case, from: usize) -> Vec<f64> {
    (from..case.tokens.len()).map(|place| case.logprobs[place - 1][case.tokens[place] as usize]).collect()
}

fn engine(case: &Case, tokens: usize, max_batch_rows: usize) -> Result<(Engine, impl Sized)> {
    let model = case.model()?;
    let cache_memory = tokens as u64 * model.bytes_per_token();
    Ok(Engine::start(model, EngineConfig { cache_memory, max_batch_rows, max_queue: 8 })?)
}

async fn score(engine: &Engine, case: &Case, texts: &[Vec<u32>]) -> Result<Vec<Vec<f64>>> {
    let candidate = |text: &Vec<u32>| ScoreSequence {
        tokens: [&case.tokens[..CONTEXT], text].concat(),
        from: CONTEXT,
        finished: false,
    };
    let candidates = texts.iter().map(candidate).collect();
    let scored = engine.score(ScoreJob { candidates, end_of_turn: Arc::new([]) }).await?;
    Ok(scored.terms.iter().map(|terms| terms.iter().map(|term| f64::from(*term)).collect()).collect())
}

/// As many other tokens as the small cache holds.
async fn others(engine: &Engine, case: &Case, whole: usize) -> Result<()> {
    for first in 1..4 {
        let tokens: Vec<u32> = case.tokens.iter().cycle().skip(first).step_by(5).take(whole).copied().collect();
        let candidates = vec![ScoreSequence { tokens, from: 1, finished: false }];
        engine.score(ScoreJob { candidates, end_of_turn: Arc::new([]) }).await?;
    }
    Ok(())
}
