//! Our decoder against the golden logits: every case folder, in one pass, token by token, beside another sequence, and after a cached
//! prefix. A family that is still to come is named; anything else that differs fails.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use safetensors::SafeTensors;
use serde::Deserialize;
use specfuse_tests::golden;
use specfuse_worker::engine::batch::{Batch, Row};
use specfuse_worker::model::{KvStore, LoadError, Model};

/// Families the decoder does not know yet.
const WAITING: [&str; 6] = ["gemma2", "gemma3", "glm", "glm4", "phi3", "qwen3"];
/// Natural-log units, after log-softmax.
const TOLERANCE: f64 = 2e-4;

#[derive(Deserialize)]
struct Case {
    family: String,
    input_ids: Vec<u32>,
}

#[test]
fn golden_logits() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    let cases = folders(&golden.join("logits"))?;
    ensure!(!cases.is_empty(), "no case in {}", golden.display());
    for dir in cases {
        let case: Case = serde_json::from_slice(&std::fs::read(dir.join("case.json"))?)?;
        let model = match Model::load(&dir) {
            Err(LoadError::UnsupportedArchitecture { .. }) if WAITING.contains(&case.family.as_str()) => {
                eprintln!("waiting for family {}: {}", case.family, dir.display());
                continue;
            }
            loaded => loaded.with_context(|| dir.display().to_string())?,
        };
        compare(&model, &case.input_ids, &expected(&dir)?).with_context(|| dir.display().to_string())?;
    }
    Ok(())
}

fn compare(model: &Model, tokens: &[u32], expected: &[Vec<f32>]) -> Result<()> {
    let length = tokens.len();
    ensure!(expected.len() == length, "{} rows of logits for {length} tokens", expected.len());
    let whole = Pass { tokens, slots: (0..length as u32).collect(), rows: 0..length };
    let mut store = model.store(4 * length)?;
    check("one pass", 0, &forward(model, &mut store, &[&whole])?[0], expected)?;

    let mut store = model.store(4 * length)?;
    for position in 0..length {
        let one = Pass { rows: position..position + 1, ..whole.clone() };
        let found = forward(model, &mut store, &[&one])?;
        check("token by token", position, &found[0], &expected[position..=position])?;
    }

    // Slots in reverse and interleaved with the other sequence's: nothing may depend on where keys lie.
    let reversed: Vec<u32> = tokens.iter().rev().copied().collect();
    let mut store = model.store(4 * length)?;
    let scattered = Pass { slots: (0..length as u32).rev().map(|slot| 2 * slot).collect(), ..whole.clone() };
    let other = Pass { tokens: &reversed[..length - 5], slots: odd(length - 5), rows: 0..length - 5 };
    check("beside another", 0, &forward(model, &mut store, &[&other, &scattered])?[1], expected)?;

    let mut store = model.store(4 * length)?;
    let prefix = length / 3;
    forward(model, &mut store, &[&Pass { rows: 0..prefix, ..whole.clone() }])?;
    let rest = forward(model, &mut store, &[&Pass { rows: prefix..length, ..whole }])?;
    check("after a cached prefix", prefix, &rest[0], &expected[prefix..])
}

/// Some rows of a sequence; the earlier ones are in the store.
#[derive(Clone)]
struct Pass<'a> {
    tokens: &'a [u32],
    slots: Vec<u32>,
    rows: Range<usize>,
}

fn odd(count: usize) -> Vec<u32> {
    (0..count as u32).map(|slot| 2 * slot + 1).collect()
}

/// The logits of all rows of each pass.
fn forward(model: &Model, store: &mut KvStore, passes: &[&Pass<'_>]) -> Result<Vec<Vec<Vec<f32>>>> {
    let mut batch = Batch::default();
    for pass in passes {
        let row = |position: usize| Row { token: pass.tokens[position], write: Some(pass.slots[position]), read: true };
        let rows: Vec<Row> = pass.rows.clone().map(row).collect();
        batch.push(pass.rows.start, pass.slots[..pass.rows.end].to_vec(), &rows);
    }
    let logits = model.forward(&batch, store)?;
    let mut next = 0..batch.rows();
    let mut take = |pass: &&Pass<'_>| next.by_ref().take(pass.rows.len()).map(|row| logits.row(row).to_vec()).collect();
    Ok(passes.iter().map(&mut take).collect())
}

fn check(how: &str, first: usize, found: &[Vec<f32>], expected: &[Vec<f32>]) -> Result<()> {
    ensure!(found.len() == expected.len(), "{how}: {} rows, expected {}", found.len(), expected.len());
    for (position, (found, expected)) in (first..).zip(found.iter().zip(expected)) {
        ensure!(found.len() == expected.len(), "{how}: {} logits, expected {}", found.len(), expected.len());
        let pairs = log_softmax(found).into_iter().zip(log_softmax(expected));
        let most = pairs.map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max);
        ensure!(most <= TOLERANCE, "{how}: off by {most:e} at position {position}");
    }
    Ok(())
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
    logits.iter().map(|logit| f64::from(logit - most) - total.ln()).collect()
}

fn expected(dir: &Path) -> Result<Vec<Vec<f32>>> {
    let bytes = std::fs::read(dir.join("logits.safetensors"))?;
    let file = SafeTensors::deserialize(&bytes)?;
    let view = file.tensor("logits")?;
    ensure!(view.dtype() == safetensors::Dtype::F32 && view.shape().len() == 2, "logits of an unexpected kind");
    let values: Vec<f32> = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    Ok(values.chunks(view.shape()[1]).map(<[f32]>::to_vec).collect())
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut found = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}
