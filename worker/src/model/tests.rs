//! What a device computes, computed by the CPU with the same operations: equal to what our kernels compute, for the bundled models and
//! for every golden case there is.

use std::path::{Path, PathBuf};

use super::*;
use crate::engine::batch::Row;

#[path = "../../../tests/src/golden.rs"]
#[expect(dead_code, unreachable_pub, reason = "the integration tests', which read more")]
mod golden;
#[path = "../../../tests/src/prerequisite.rs"]
#[expect(unreachable_pub, reason = "likewise")]
mod prerequisite;

/// Sequences that lie interleaved in one store.
const SEQUENCES: usize = 3;
/// Tokens of each.
const LENGTH: usize = 40;

/// Natural-log units: f32 sums in another order.
const CLOSE: f32 = 2e-4;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = checkpoints(&root.join("models"));
    assert_eq!(folders.len(), 5, "the bundled models");
    folders.extend(golden::folder().into_iter().flat_map(|golden| checkpoints(&golden.join("logits"))));
    folders
}

fn checkpoints(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|folder| folder.join("config.json").exists()).collect()
}

/// Rows `rows` of a sequence; `read`: all of them are.
fn push(batch: &mut Batch, sequence: usize, rows: std::ops::Range<usize>, read: bool, vocab: usize) {
    let slot = |position: usize| (position * SEQUENCES + sequence) as u32;
    let row = |position: usize| {
        // The second sequence begins as the first does.
        let from = if sequence == 1 && position < 4 { 0 } else { sequence };
        Row { token: ((from * 31 + position * 97 + 5) % vocab) as u32, write: Some(slot(position)), read }
    };
    let of: Vec<Row> = rows.clone().map(row).collect();
    batch.push_part(LENGTH, rows.start, (0..rows.end).map(slot).collect(), &of);
}

/// Prefills of several lengths without and with reads, then steps of one row each.
fn batches(vocab: usize) -> Vec<Batch> {
    let mut batches = vec![Batch::default(); 4];
    push(&mut batches[0], 0, 0..20, false, vocab);
    push(&mut batches[0], 1, 0..7, false, vocab);
    push(&mut batches[1], 2, 0..39, true, vocab);
    push(&mut batches[1], 0, 20..39, true, vocab);
    push(&mut batches[1], 1, 7..26, true, vocab);
    push(&mut batches[2], 1, 26..39, true, vocab);
    (0..SEQUENCES).for_each(|sequence| push(&mut batches[3], sequence, 39..40, true, vocab));
    batches
}

/// Log-probabilities of all rows read.
fn logprobs(model: &Model) -> Vec<f32> {
    let mut store = model.store(SEQUENCES * LENGTH).unwrap();
    let mut all = Vec::new();
    for batch in batches(model.info.vocab_size) {
        let logits = model.forward(&batch, &mut store).unwrap();
        for index in 0..batch.reads.len() {
            let row = logits.row(index);
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f32 = row.iter().map(|logit| (logit - most).exp()).sum();
            all.extend(row.iter().map(|logit| logit - most - total.ln()));
        }
    }
    all
}

/// How far operations and kernels are apart, for each log-probability.
fn distances(folder: &Path, operations: Precision, kernels: Precision) -> Vec<f32> {
    let options = LoadOptions { precision: kernels, ..LoadOptions::default() };
    let expected = logprobs(&Model::from_folder(folder, &options).unwrap());
    let found = logprobs(&Model::from_folder(folder, &LoadOptions::operations(operations)).unwrap());
    assert_eq!(found.len(), expected.len());
    found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs()).collect()
}

#[test]
fn operations_compute_what_kernels_compute() {
    for folder in folders() {
        let off = distances(&folder, Precision::F32, Precision::F32);
        let far: Vec<&f32> = off.iter().filter(|off| off.is_nan() || **off > CLOSE).collect();
        assert!(far.is_empty(), "{}: {far:?}", folder.display());
    }
}

#[test]
fn operations_on_halves_and_on_quantised_weights_stay_near() {
    for folder in folders() {
        for (operations, kernels, near) in [
            (Precision::Bf16, Precision::F32, 0.1),
            (Precision::F16, Precision::F32, 0.01),
            // candle quantises the rows as well.
            (Precision::Q8_0, Precision::Q8_0, 0.1),
        ] {
            let off = distances(&folder, operations, kernels);
            let mean = off.iter().sum::<f32>() / off.len() as f32;
            assert!(mean <= near, "{} as {operations:?}: {mean}", folder.display());
        }
    }
}

/// A model of one small layer.
fn random(vocab: usize) -> Model {
    let config = serde_json::json!({
        "model_type": "llama", "vocab_size": vocab, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": 1024,
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    std::fs::write(&path, config.to_string()).unwrap();
    Model::random(&path, &LoadOptions::default()).unwrap()
}

#[test]
fn logits_are_handed_over_in_order_however_many_rows_are_read() {
    const VOCAB: usize = 300_000;
    const ROWS: usize = 120;
    let model = random(VOCAB);
    let rows = |read: &dyn Fn(usize) -> bool| {
        let row = |slot: usize| Row { token: (slot * 97 % VOCAB) as u32, write: Some(slot as u32), read: read(slot) };
        let mut batch = Batch::default();
        batch.push(0, (0..ROWS as u32).collect(), &(0..ROWS).map(row).collect::<Vec<_>>());
        batch
    };
    let mut store = model.store(ROWS).unwrap();
    let (mut handed, mut kept) = (0, Vec::new());
    let last_of_a_slice = 54;
    let looked_at = [0, last_of_a_slice, last_of_a_slice + 1, ROWS - 1];
    let keep = |logits: &[f32]| {
        if looked_at.contains(&handed) {
            kept.push(logits.to_vec());
        }
        handed += 1;
    };
    model.forward_each(&rows(&|_| true), &mut store, keep).unwrap();
    assert_eq!(handed, ROWS);
    for (kept, index) in kept.iter().zip(looked_at) {
        let alone = model.forward(&rows(&|row| row == index), &mut store).unwrap();
        assert!(alone.row(0) == kept.as_slice() && kept.len() == VOCAB, "row {index}");
    }
}
