//! Root-mean-square norms: of whole rows, or of every head of a row.

use candle_core::{Result, Tensor, bail};
use specfuse_kernels::rows::rms_norm;

use super::LoadError;
use super::config::ModelConfig;
use super::host;
use super::weights::Weights;

/// x / √(mean x² + ε) · (weight + offset), over groups of as many elements as there are weights.
pub(super) struct Norm {
    weight: Tensor, // [width], the offset added
    /// The same, where the kernels can read it.
    host: Option<Vec<f32>>,
    eps: f32,
}

impl Norm {
    pub(super) fn load(
        config: &ModelConfig,
        weights: &mut Weights<'_>,
        name: &str,
        width: usize,
    ) -> std::result::Result<Self, LoadError> {
        let name = format!("{name}.weight");
        let weight = weights.take(&name, &[width])?;
        let offset = |weight: Tensor| {
            let weight = (weight + f64::from(config.norm_offset))?;
            let host = if weight.device().is_cpu() { Some(weight.to_vec1::<f32>()?) } else { None };
            Ok(Self { weight, host, eps: config.norm_eps })
        };
        offset(weight).map_err(|source| LoadError::Tensor { name, source: Box::new(source) })
    }

    /// [rows, width]
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let Some(weight) = &self.host else { return candle_nn::ops::rms_norm(x, &self.weight, self.eps) };
        host::apply(x, "norm", weight.len(), |x| {
            if !x.len().is_multiple_of(weight.len()) {
                bail!("a norm of {} for {} elements", weight.len(), x.len());
            }
            Ok(rms_norm(x, weight, self.eps))
        })
    }

    /// [rows, heads * width], each head on its own.
    pub(super) fn forward_heads(&self, x: &Tensor) -> Result<Tensor> {
        self.forward(&x.reshape(((), self.weight.dim(0)?))?)?.reshape(x.shape())
    }
}
