//! Linear layers and the embedding: matrices of weights, whatever their format. A layer may be laid together from several tensors
//! of the checkpoint (query, key and value; gate and up), so that one product computes them all.

mod block;

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::LoadError;
use super::weights::Weights;
use block::Block;

/// A tensor `<name>.weight` of `rows` outputs, with `<name>.bias` where the layer has biases.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) rows: usize,
}

/// x wᵀ + b; its outputs are those of its parts, one after the other.
pub(super) struct Linear {
    blocks: Vec<Arc<Block>>,
    /// Of all outputs.
    bias: Option<Tensor>,
    outputs: usize,
    inputs: usize,
}

impl Linear {
    pub(super) fn load(
        weights: &mut Weights<'_>,
        parts: &[Part],
        inputs: usize,
        bias: bool,
    ) -> std::result::Result<Self, LoadError> {
        let mut blocks = Vec::new();
        for (target, alike) in weights.alike(parts, inputs)? {
            blocks.push(Arc::new(Block::load(weights, target, alike, inputs)?));
        }
        let bias = match bias {
            true => {
                let dtype = weights.dtype();
                let one = |part: &Part| weights.take(&format!("{}.bias", part.name), &[part.rows], dtype);
                let biases = parts.iter().map(one).collect::<std::result::Result<Vec<_>, _>>()?;
                Some(Tensor::cat(&biases, 0).map_err(|source| LoadError::unusable(parts, source))?)
            }
            false => None,
        };
        Ok(Self { blocks, bias, outputs: parts.iter().map(|part| part.rows).sum(), inputs })
    }

    /// [rows, inputs] to [rows, outputs].
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if let [block] = self.blocks.as_slice() {
            return block.forward(x, self.bias.as_ref());
        }
        let outputs = self.blocks.iter().map(|block| block.forward(x, None)).collect::<Result<Vec<_>>>()?;
        let y = Tensor::cat(&outputs, 1)?;
        debug_assert_eq!(y.dim(1)?, self.outputs);
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// Elements of the matrix.
    pub(super) fn weights(&self) -> u64 {
        (self.outputs * self.inputs) as u64
    }

    /// Element format of the weights.
    pub(super) fn format(&self) -> &'static str {
        self.blocks.first().map_or("f32", |block| block.format())
    }

    /// Bytes that a product reads.
    pub(super) fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.bytes()).sum()
    }
}

pub(super) fn names(parts: &[Part]) -> String {
    parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(" + ")
}

/// One row for each token; the same matrix can be the head that gives logits.
#[derive(Clone)]
pub(super) struct Embedding {
    block: Arc<Block>,
    vocab: usize,
    hidden: usize,
}

impl Embedding {
    pub(super) fn load(
        weights: &mut Weights<'_>,
        name: &str,
        vocab: usize,
        hidden: usize,
    ) -> std::result::Result<Self, LoadError> {
        let head = Linear::load(weights, &[Part { name: name.to_owned(), rows: vocab }], hidden, false)?;
        let block = head.blocks.into_iter().next().ok_or(LoadError::ConfigFieldMissing { field: "vocab_size" })?;
        Ok(Self { block, vocab, hidden })
    }

    /// The rows of `tokens`: [tokens, hidden].
    pub(super) fn forward(&self, tokens: &[u32]) -> Result<Tensor> {
        self.block.rows(tokens)
    }

    /// The head that shares this matrix.
    pub(super) fn tied_head(&self) -> Linear {
        Linear { blocks: vec![Arc::clone(&self.block)], bias: None, outputs: self.vocab, inputs: self.hidden }
    }

    /// Bytes of the matrix, of which a lookup reads a few rows.
    pub(super) fn bytes(&self) -> u64 {
        self.block.bytes()
    }
}
