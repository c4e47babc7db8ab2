//! Root-mean-square norms: of whole rows, or of every head of a row.

use candle_core::{DType, Result, Tensor, bail};
use specfuse_kernels::rows::rms_norm;

use super::LoadError;
use super::config::ModelConfig;
use super::host;
use super::weights::Weights;

/// x / √(mean x² + ε) · (weight + offset), over groups of as many elements as there are weights.
pub(super) struct Norm {
    weight: Tensor, // [width], the offset added; in f32 where there is one: a half would lose the sum's last bits
    /// The same, for the kernels.
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
        let dtype = if config.norm_offset == 0.0 { weights.dtype() } else { DType::F32 };
        let weight = weights.take(&name, &[width], dtype)?;
        let kernels = weights.kernels();
        let offset = |weight: Tensor| {
            let weight = (weight + f64::from(config.norm_offset))?;
            let host = if kernels { Some(weight.to_vec1::<f32>()?) } else { None };
            Ok(Self { weight, host, eps: config.norm_eps })
        };
        offset(weight).map_err(|source| LoadError::Tensor { name, source: Box::new(source) })
    }

    /// [rows, width]
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let Some(weight) = &self.host else {
            // The casts cost nothing where the types are equal.
            let normed = candle_nn::ops::rms_norm(&x.to_dtype(self.weight.dtype())?, &self.weight, self.eps)?;
            return normed.to_dtype(x.dtype());
        };
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
