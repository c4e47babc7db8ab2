//! What candle's operations reach at best where a model computes: large products, and copies on a device. Yardsticks of the bench;
//! no pass uses them.

use std::time::Instant;

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{DType, Device, Module, Result, Tensor};

use super::{ForwardError, Model, WeightFormat};

/// Where candle computes, and the sizes that are large there.
#[derive(Clone)]
pub(crate) struct Place {
    device: Device,
    /// Of rows, and of weights that are floats.
    dtype: DType,
    large: Large,
}

/// A large product, ready to be computed again and again.
pub(crate) struct Product {
    place: Place,
    weights: QMatMul,
    x: Tensor,
}

#[derive(Clone, Copy)]
struct Large {
    rows: usize,
    /// Inputs and outputs of a product.
    width: usize,
    copied_bytes: usize,
    /// Operations that are waited for together: a device takes them faster than one at a time.
    at_once: usize,
}

const LARGE_ON_HOST: Large = Large { rows: 256, width: 2048, copied_bytes: 1 << 28, at_once: 1 };
const LARGE_ON_DEVICE: Large = Large { rows: 4096, width: 4096, copied_bytes: 1 << 28, at_once: 8 };

impl Model {
    /// Where it computes.
    pub(crate) fn place(&self) -> Place {
        let compute = self.decoder.compute();
        if compute.kernels {
            return Place::host();
        }
        Place { device: compute.device.clone(), dtype: compute.dtype, large: LARGE_ON_DEVICE }
    }
}

impl Place {
    pub(crate) fn host() -> Self {
        Self { device: Device::Cpu, dtype: DType::F32, large: LARGE_ON_HOST }
    }

    /// Bytes a second, read and written, of a copy.
    pub(crate) fn copy_bandwidth(&self, tries: usize) -> std::result::Result<f64, ForwardError> {
        let bytes = self.large.copied_bytes;
        let source = Tensor::zeros(bytes / size_of::<u32>(), DType::U32, &self.device)?;
        Ok(self.rate(tries, 2.0 * bytes as f64, || source.copy())?)
    }

    /// A large product with weights in this format; of floats with weights as the rows are.
    pub(crate) fn product(self, format: WeightFormat) -> std::result::Result<Product, ForwardError> {
        let weights = self.values(self.large.width)?;
        let weights = match format.is_float() {
            false => QMatMul::from_qtensor(QTensor::quantize(&weights, format.ggml())?)?,
            true => QMatMul::Tensor(weights.to_dtype(self.dtype)?),
        };
        let x = self.values(self.large.rows)?.to_dtype(self.dtype)?; // [rows, width]
        Ok(Product { place: self, weights, x })
    }

    /// Numbers unlike each other: a device multiplies equal ones faster. [rows, width]
    fn values(&self, rows: usize) -> Result<Tensor> {
        let width = self.large.width;
        let value = |index: usize| (index.wrapping_mul(0x9e37_79b9) >> 8 & 0xffff) as f32 / 65536.0 - 0.5;
        let values: Vec<f32> = (0..rows * width).map(value).collect();
        Tensor::from_vec(values, (rows, width), &self.device)
    }

    /// The rate of the fastest of some tries at `amount`.
    fn rate(&self, tries: usize, amount: f64, work: impl Fn() -> Result<Tensor>) -> Result<f64> {
        work()?;
        self.device.synchronize()?;
        let mut best: f64 = 0.0;
        for _ in 0..tries {
            let from = Instant::now();
            for _ in 0..self.large.at_once {
                work()?;
            }
            self.device.synchronize()?;
            best = best.max(amount * self.large.at_once as f64 / from.elapsed().as_secs_f64());
        }
        Ok(best)
    }
}

impl Product {
    /// Operations a second.
    pub(crate) fn rate(&self, tries: usize) -> std::result::Result<f64, ForwardError> {
        let Large { rows, width, .. } = self.place.large;
        Ok(self.place.rate(tries, (2 * rows * width * width) as f64, || self.weights.forward(&self.x))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The CPU as a device like any other.
    fn place(dtype: DType) -> Place {
        Place { device: Device::Cpu, dtype, large: Large { rows: 8, width: 256, copied_bytes: 1 << 16, at_once: 2 } }
    }

    #[test]
    fn what_a_device_reaches_is_measured_in_every_format() {
        let sane = |rate: f64| assert!(rate.is_finite() && rate > 1e3, "{rate}");
        sane(place(DType::F32).copy_bandwidth(1).unwrap());
        for format in WeightFormat::ALL {
            sane(place(DType::F32).product(format).unwrap().rate(1).unwrap());
        }
        sane(place(DType::BF16).product(WeightFormat::Bf16).unwrap().rate(1).unwrap());
    }
}
