//! The decoder: embedding, layers, norm and head, over all rows of a batch at once. Linear layers see one [rows, hidden] matrix;
//! attention runs per span. Owns the weights; knows no sequence and no request. Names equal the checkpoint's. The same for every
//! family: what differs is in the configuration.

mod layer;

use candle_core::{DType, Device, Result, Tensor, bail};

use super::LoadError;
use super::attention::HeadShape;
use super::config::{LayerConfig, ModelConfig};
use super::host;
use super::kv::KvStore;
use super::linear::{Embedding, Linear, Part};
use super::norm::Norm;
use super::options::Compute;
use super::pass::Pass;
use super::rope::Rope;
use super::weights::Weights;
use crate::engine::batch::Batch;
use layer::Layer;

/// Of logits in memory at a time: a score of five drafts of ten tokens over the largest vocabularies.
const LOGITS_BYTES: usize = 64 << 20;

pub(super) struct Decoder {
    embed_tokens: Embedding,
    vocab: usize,
    compute: Compute,
    layers: Vec<Layer>,
    norm: Norm,
    lm_head: Linear,
    tied: bool,
    ropes: Vec<Rope>,
    /// Of each layer's attention.
    windows: Vec<Option<usize>>,
    embedding_scale: Option<f64>,
    logit_softcap: Option<f64>,
    kv_shape: HeadShape,
}

/// What every step reads, however few its rows, and multiplies for each.
#[derive(Clone, Debug)]
pub(crate) struct StepShape {
    /// Of the layers and the head.
    pub(crate) step_bytes: u64,
    /// Elements that each row is multiplied with.
    pub(crate) layer_weights: u64,
    /// Elements that each row read is multiplied with.
    pub(crate) head_weights: u64,
    /// Query elements of a row in one layer.
    pub(crate) layer_width: u64,
    /// Of a slot's keys and values in one layer.
    pub(crate) layer_slot_bytes: u64,
    /// Of each layer: how many keys a row sees; None: all.
    pub(crate) windows: Vec<Option<usize>>,
}

impl Decoder {
    pub(super) fn load(config: &ModelConfig, weights: &mut Weights<'_>) -> std::result::Result<Self, LoadError> {
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        let (root, head, norm) = root(config, weights)?;
        let embed_tokens = Embedding::load(weights, &format!("{root}.embed_tokens"), vocab, hidden)?;
        let layer = |(index, layer): (usize, &LayerConfig)| {
            Layer::load(config, weights, &format!("{root}.layers.{index}"), *layer)
        };
        let layers = config.layers.iter().enumerate().map(layer).collect::<std::result::Result<_, _>>()?;
        let lm_head = match config.tied_embeddings {
            true => embed_tokens.tied_head(),
            false => Linear::load(weights, &[part(head, vocab)], hidden, false)?,
        };
        Ok(Self {
            embed_tokens,
            vocab,
            compute: weights.compute(),
            layers,
            norm,
            lm_head,
            tied: config.tied_embeddings,
            ropes: config.ropes.iter().map(Rope::new).collect(),
            windows: config.layers.iter().map(|layer| layer.window).collect(),
            embedding_scale: config.embedding_scale,
            logit_softcap: config.logit_softcap,
            kv_shape: HeadShape { heads: config.heads, kv_heads: config.kv_heads, head_dim: config.head_dim },
        })
    }

    pub(super) fn layers(&self) -> usize {
        self.layers.len()
    }

    pub(super) fn kv_shape(&self) -> HeadShape {
        self.kv_shape
    }

    /// Bytes of all weights.
    pub(super) fn weight_bytes(&self) -> u64 {
        let head = if self.tied { 0 } else { self.lm_head.bytes() };
        self.embed_tokens.bytes() + head + self.layers.iter().map(Layer::weight_bytes).sum::<u64>()
    }

    pub(super) fn step_shape(&self) -> StepShape {
        StepShape {
            step_bytes: self.lm_head.bytes() + self.layers.iter().map(Layer::weight_bytes).sum::<u64>(),
            layer_weights: self.layers.iter().map(Layer::weights).sum(),
            head_weights: self.lm_head.weights(),
            layer_width: self.kv_shape.width() as u64,
            layer_slot_bytes: (2 * self.kv_shape.kv_width() * self.compute.dtype.size_in_bytes()) as u64,
            windows: self.windows.clone(),
        }
    }

    /// Of the largest products.
    pub(super) fn weight_format(&self) -> &'static str {
        self.layers.first().map_or("f32", Layer::weight_format)
    }

    pub(super) fn compute(&self) -> &Compute {
        &self.compute
    }

    /// Computes every row of the batch, then hands the logits of each row read to `each`, in order.
    pub(super) fn forward(&self, batch: &Batch, store: &mut KvStore, mut each: impl FnMut(&[f32])) -> Result<()> {
        let vocab = self.vocab;
        if batch.tokens.iter().any(|token| *token as usize >= vocab) {
            bail!("a token id beyond the vocabulary of {vocab}");
        }
        let pass = Pass::new(batch, &self.ropes, &self.windows, store, &self.compute)?;
        let mut x = self.embed_tokens.forward(&batch.tokens)?; // [rows, hidden]
        if let Some(scale) = self.embedding_scale {
            x = (x * scale)?;
        }
        for (layer, kv) in self.layers.iter().zip(store.layers_mut()) {
            x = layer.forward(&x, &pass, kv)?;
        }
        for reads in batch.reads.chunks(reads_at_once(vocab)) {
            let logits = self.logits(&x, reads)?.to_device(&Device::Cpu)?;
            host::read(&logits, |logits| {
                logits.chunks_exact(vocab).for_each(&mut each);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// [reads, vocab], in f32
    fn logits(&self, x: &Tensor, reads: &[u32]) -> Result<Tensor> {
        let x = x.index_select(&Tensor::new(reads, &self.compute.device)?, 0)?; // [reads, hidden]
        let logits = self.lm_head.forward(&self.norm.forward(&x)?)?.to_dtype(DType::F32)?; // [reads, vocab]
        match self.logit_softcap {
            Some(cap) => (logits / cap)?.tanh()? * cap,
            None => Ok(logits),
        }
    }
}

/// Rows whose logits are in memory at a time: a call may ask for those of as many rows as a pass has.
fn reads_at_once(vocab: usize) -> usize {
    (LOGITS_BYTES / (vocab * size_of::<f32>())).max(1)
}

/// The names of the decoder and of the head in this checkpoint, and the final norm, which tells.
fn root(
    config: &ModelConfig,
    weights: &mut Weights<'_>,
) -> std::result::Result<(&'static str, &'static str, Norm), LoadError> {
    let mut missing = None;
    for (root, head) in config.names.roots {
        match Norm::load(config, weights, &format!("{root}.norm"), config.hidden_size) {
            Ok(norm) => return Ok((root, head, norm)),
            Err(error @ LoadError::MissingTensor { .. }) => missing = missing.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or(LoadError::ConfigFieldMissing { field: "model_type" }))
}

fn part(name: &str, rows: usize) -> Part {
    Part { name: name.to_owned(), rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_take_no_more_memory_the_more_rows_are_read() {
        for (vocab, rows) in [(1 << 10, 1 << 14), (32_000, 524), (262_144, 64), (300_000, 55), (1 << 25, 1)] {
            assert_eq!(reads_at_once(vocab), rows);
            assert!(rows == 1 || rows * vocab * size_of::<f32>() <= LOGITS_BYTES);
        }
    }
}
