//! Real small models, trained and converted by others, against what the reference made of their prompts: the first step's logits and
//! the greedy continuation. Their weights are not random: attention looks far back, and one token is much likelier than the rest.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use specfuse_tests::{device, golden};
use specfuse_worker::engine::batch::{Batch, Row};
use specfuse_worker::engine::{DraftJob, Engine, EngineConfig, Sampling};
use specfuse_worker::model::Model;
use specfuse_worker::{end_of_turn, tokenizer::Tokenizer};

/// The logits are recorded with four decimals.
const TOLERANCE: f32 = 1e-3;

#[derive(Deserialize)]
struct Continuation {
    prompt: String,
    input_ids: Vec<u32>,
    /// Tokens and their logits, the likeliest first.
    first_step_top5: Vec<(u32, f32)>,
    greedy_ids: Vec<u32>,
    text: String,
}

#[tokio::test]
async fn golden_real_models() -> Result<()> {
    let Some(root) = golden::sibling("real-models") else { return Ok(()) };
    let mut models = 0;
    for entry in std::fs::read_dir(root)? {
        let folder = entry?.path();
        if folder.join("golden.json").exists() {
            repeat(&folder).await.with_context(|| folder.display().to_string())?;
            models += 1;
        }
    }
    ensure!(models > 0, "no real model");
    Ok(())
}

async fn repeat(folder: &Path) -> Result<()> {
    let recorded: Vec<Continuation> = serde_json::from_slice(&std::fs::read(folder.join("golden.json"))?)?;
    ensure!(!recorded.is_empty(), "nothing recorded");
    let tokenizer = Tokenizer::load(folder)?;
    let model = device::model(folder)?;
    for one in &recorded {
        first_step(&model, one).with_context(|| format!("{:?}", one.prompt))?;
    }
    let end_of_turn = end_of_turn::load(folder, model.info.vocab_size)?;
    let config = EngineConfig { cache_memory: 64 << 20, max_batch_rows: 64, max_queue: 16 };
    let (engine, _thread) = Engine::start(model, config)?;
    // All at once: they share passes.
    let drafts = recorded.iter().map(async |one| {
        let sampling = Sampling { temperature: 0.0, top_p: 1.0, ..Sampling::default() };
        let (tokens, end_of_turn) = (one.input_ids.clone(), Arc::clone(&end_of_turn));
        engine
            .draft(DraftJob { answer_from: tokens.len(), tokens, max_new: one.greedy_ids.len(), end_of_turn, sampling })
            .await
    });
    for (one, drafted) in recorded.iter().zip(futures::future::join_all(drafts).await) {
        let drafted = drafted?.tokens;
        ensure!(tokenizer.encode(&one.prompt, true)? == one.input_ids, "{:?} has other tokens", one.prompt);
        ensure!(drafted == one.greedy_ids, "{:?} goes on {drafted:?}, not {:?}", one.prompt, one.greedy_ids);
        let text = tokenizer.decode(&[one.input_ids.as_slice(), &drafted].concat(), true)?;
        ensure!(text == one.text, "{text:?} instead of {:?}", one.text);
    }
    Ok(())
}

fn first_step(model: &Model, recorded: &Continuation) -> Result<()> {
    let length = recorded.input_ids.len();
    let slots: Vec<u32> = (0..length as u32).collect();
    let row =
        |(slot, token): (&u32, &u32)| Row { token: *token, write: Some(*slot), read: *slot as usize + 1 == length };
    let rows: Vec<Row> = slots.iter().zip(&recorded.input_ids).map(row).collect();
    let mut batch = Batch::default();
    batch.push(0, slots, &rows);
    let logits = model.forward(&batch, &mut model.store(length)?)?;
    let mut found: Vec<(u32, f32)> = (0u32..).zip(logits.row(0).iter().copied()).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (found, expected) in found.iter().zip(&recorded.first_step_top5) {
        let equal = found.0 == expected.0 && (found.1 - expected.1).abs() <= TOLERANCE;
        ensure!(equal, "{found:?} instead of {expected:?}");
    }
    Ok(())
}
