//! Linear layers and the embedding: matrices of weights, whatever their format. A layer may be laid together from several tensors
//! of the checkpoint (query, key and value; gate and up), so that one product computes them all.

use candle_core::{Result, Tensor};

use super::LoadError;
use super::weights::Weights;

/// A tensor `<name>.weight` of `rows` outputs, with `<name>.bias` where the layer has biases.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) rows: usize,
}

/// x wᵀ + b; its outputs are those of its parts, one after the other.
pub(super) struct Linear {
    weight: Tensor, // [outputs, inputs]
    bias: Option<Tensor>,
}

impl Linear {
    pub(super) fn load(
        weights: &mut Weights,
        parts: &[Part],
        inputs: usize,
        bias: bool,
    ) -> std::result::Result<Self, LoadError> {
        let (mut blocks, mut biases) = (Vec::new(), Vec::new());
        for Part { name, rows } in parts {
            blocks.push(weights.take(&format!("{name}.weight"), &[*rows, inputs])?);
            if bias {
                biases.push(weights.take(&format!("{name}.bias"), &[*rows])?);
            }
        }
        let joined = |tensors: &[Tensor]| Tensor::cat(tensors, 0).map_err(|source| LoadError::unusable(parts, source));
        let bias = bias.then(|| joined(&biases)).transpose()?;
        Ok(Self { weight: joined(&blocks)?, bias })
    }

    /// [rows, inputs] to [rows, outputs].
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.matmul(&self.weight.t()?)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}

/// One row for each token; the same matrix can be the head that gives logits.
#[derive(Clone)]
pub(super) struct Embedding {
    weight: Tensor, // [vocab, hidden]
}

impl Embedding {
    pub(super) fn load(
        weights: &mut Weights,
        name: &str,
        vocab: usize,
        hidden: usize,
    ) -> std::result::Result<Self, LoadError> {
        Ok(Self { weight: weights.take(&format!("{name}.weight"), &[vocab, hidden])? })
    }

    /// The rows of `tokens`, as f32: [tokens, hidden].
    pub(super) fn forward(&self, tokens: &[u32]) -> Result<Tensor> {
        self.weight.index_select(&Tensor::new(tokens, self.weight.device())?, 0)
    }

    /// The head that shares this matrix.
    pub(super) fn tied_head(&self) -> Linear {
        Linear { weight: self.weight.clone(), bias: None }
    }
}
