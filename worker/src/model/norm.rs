//! Root-mean-square norms: of whole rows, or of every head of a row.

use candle_core::{Result, Tensor};

use super::LoadError;
use super::config::ModelConfig;
use super::weights::Weights;

/// x / √(mean x² + ε) · (weight + offset), over groups of as many elements as there are weights.
pub(super) struct Norm {
    weight: Tensor, // [width], the offset added
    eps: f32,
}

impl Norm {
    pub(super) fn load(
        config: &ModelConfig,
        weights: &mut Weights,
        name: &str,
        width: usize,
    ) -> std::result::Result<Self, LoadError> {
        let name = format!("{name}.weight");
        let weight = weights.take(&name, &[width])?;
        let weight = (weight + f64::from(config.norm_offset))
            .map_err(|source| LoadError::Tensor { name, source: Box::new(source) })?;
        Ok(Self { weight, eps: config.norm_eps })
    }

    /// [rows, width]
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::ops::rms_norm(x, &self.weight, self.eps)
    }

    /// [rows, heads * width], each head on its own.
    pub(super) fn forward_heads(&self, x: &Tensor) -> Result<Tensor> {
        self.forward(&x.reshape(((), self.weight.dim(0)?))?)?.reshape(x.shape())
    }
}
