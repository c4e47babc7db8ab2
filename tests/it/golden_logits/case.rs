//! One recorded case: a checkpoint, some tokens, and the reference's log-probabilities after each of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use safetensors::SafeTensors;
use serde::Deserialize;
use specfuse_tests::device;
use specfuse_worker::model::Model;

/// Natural-log units, after log-softmax.
pub(super) const TOLERANCE: f64 = 2e-4;

pub(super) struct Case {
    folder: PathBuf,
    pub(super) tokens: Vec<u32>,
    /// After each token, one for each token of the vocabulary.
    pub(super) logprobs: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Description {
    input_ids: Vec<u32>,
}

impl Case {
    pub(super) fn name(&self) -> String {
        self.folder.display().to_string()
    }

    pub(super) fn model(&self) -> Result<Model> {
        device::model(&self.folder)
    }

    fn load(folder: PathBuf) -> Result<Self> {
        let description: Description = serde_json::from_slice(&std::fs::read(folder.join("case.json"))?)?;
        let tokens = description.input_ids;
        let bytes = std::fs::read(folder.join("logits.safetensors"))?;
        let file = SafeTensors::deserialize(&bytes)?;
        let view = file.tensor("logits")?;
        ensure!(view.dtype() == safetensors::Dtype::F32 && view.shape().len() == 2, "logits of an unexpected kind");
        let logits: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let logprobs: Vec<_> = logits.chunks(view.shape()[1]).map(log_softmax).collect();
        ensure!(logprobs.len() == tokens.len(), "{} rows of logits for {} tokens", logprobs.len(), tokens.len());
        Ok(Self { folder, tokens, logprobs })
    }
}

pub(super) fn load_all(dir: &Path) -> Result<Vec<Case>> {
    let entries = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    let load = |folder: PathBuf| Case::load(folder.clone()).with_context(|| folder.display().to_string());
    folders.into_iter().map(load).collect()
}

pub(super) fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
    logits.iter().map(|logit| f64::from(logit - most) - total.ln()).collect()
}
