//! Real small models, trained and converted by others, against what the reference made of their prompts: the first step's logits and
//! the greedy continuation. Their weights are not random: attention looks far back, and one token is much likelier than the rest.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use specfuse_tests::{device, golden};
use specfuse_worker::engine::batch::{Batch, Row};
use specfuse_worker::engine::{DraftJob, Engine, EngineConfig, Sampling};
use specfuse_worker::model::{DeviceKind, LoadOptions, Logits, Model, Precision};
use specfuse_worker::{end_of_turn, tokenizer::Tokenizer};

/// The logits are recorded with four decimals.
const TOLERANCE: f32 = 1e-3;
/// The share of recorded tokens that are still the likeliest where weights and rows are rounded to bytes.
const AGREEMENT: f64 = 0.9;

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
    for folder in folders()? {
        repeat(&folder).await.with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

#[test]
fn golden_continuations_stay_likeliest_in_bytes() -> Result<()> {
    for folder in folders()? {
        let options = LoadOptions::new(Precision::Q8_0, DeviceKind::Cpu)?;
        let model = Model::from_folder(&folder, &options)?;
        let (mut same, mut all) = (0, 0);
        for one in recorded(&folder)? {
            let logits = logits(&model, &[one.input_ids.as_slice(), &one.greedy_ids].concat())?;
            for (place, greedy) in (one.input_ids.len() - 1..).zip(&one.greedy_ids) {
                let likeliest = (0u32..).zip(logits.row(place)).max_by(|a, b| a.1.total_cmp(b.1));
                same += usize::from(likeliest.is_some_and(|(token, _)| token == *greedy));
                all += 1;
            }
        }
        ensure!(same as f64 >= AGREEMENT * all as f64, "{}: {same} of {all}", folder.display());
    }
    Ok(())
}

/// Empty where there is no such folder.
fn folders() -> Result<Vec<PathBuf>> {
    let Some(root) = golden::sibling("real-models") else { return Ok(Vec::new()) };
    let entries = std::fs::read_dir(root)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let folders: Vec<_> = entries.into_iter().filter(|folder| folder.join("golden.json").exists()).collect();
    ensure!(!folders.is_empty(), "no real model");
    Ok(folders)
}

fn recorded(folder: &Path) -> Result<Vec<Continuation>> {
    let recorded: Vec<Continuation> = serde_json::from_slice(&std::fs::read(folder.join("golden.json"))?)?;
    ensure!(!recorded.is_empty(), "nothing recorded");
    Ok(recorded)
}

async fn repeat(folder: &Path) -> Result<()> {
    let recorded = recorded(folder)?;
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
    let logits = logits(model, &recorded.input_ids)?;
    let last = logits.row(recorded.input_ids.len() - 1);
    let mut found: Vec<(u32, f32)> = (0u32..).zip(last.iter().copied()).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (found, expected) in found.iter().zip(&recorded.first_step_top5) {
        let equal = found.0 == expected.0 && (found.1 - expected.1).abs() <= TOLERANCE;
        ensure!(equal, "{found:?} instead of {expected:?}");
    }
    Ok(())
}

/// After every token.
fn logits(model: &Model, tokens: &[u32]) -> Result<Logits> {
    let row = |(slot, token): (u32, &u32)| Row { token: *token, write: Some(slot), read: true };
    let rows: Vec<Row> = (0u32..).zip(tokens).map(row).collect();
    let mut batch = Batch::default();
    batch.push(0, (0..tokens.len() as u32).collect(), &rows);
    Ok(model.forward(&batch, &mut model.store(tokens.len())?)?)
}
