//! The two ceilings of the roofline, as the best implementation at hand reaches them on this machine.

use anyhow::Result;
use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{Device, Module, Tensor};
use specfuse_kernels::ceiling::{best, product_rate, read_bandwidth};
use specfuse_kernels::matrix::Format;

use super::roofline::Cost;

/// Larger than the caches of any processor known to us.
const BUFFER: usize = 1 << 30;
const TRIES: usize = 5;
const ROWS: usize = 256;
const WIDTH: usize = 2048;

/// Bytes and operations a second, with all threads.
#[derive(Clone, Copy, Debug)]
pub struct Ceilings {
    pub bandwidth: f64,
    /// Of large products of floats: the best of ours and candle's.
    pub matrix: f64,
    /// Of large products with Q8_0 weights: the best of ours and candle's.
    pub matrix_q8_0: f64,
    /// Of large products with Q4_K weights: candle's.
    pub matrix_q4k: f64,
}

impl Ceilings {
    pub(super) fn measure() -> Result<Self> {
        let mut matrix: f64 = candle_floats()?;
        for format in [Format::F32, Format::Bf16, Format::F16] {
            matrix = matrix.max(product_rate(format, TRIES)?);
        }
        Ok(Self {
            bandwidth: read_bandwidth(BUFFER, TRIES)?,
            matrix,
            matrix_q8_0: product_rate(Format::Q8_0, TRIES)?.max(candle_quantized(GgmlDType::Q8_0)?),
            matrix_q4k: candle_quantized(GgmlDType::Q4K)?,
        })
    }

    pub(super) fn or_better(self, other: Self) -> Self {
        Self {
            bandwidth: self.bandwidth.max(other.bandwidth),
            matrix: self.matrix.max(other.matrix),
            matrix_q8_0: self.matrix_q8_0.max(other.matrix_q8_0),
            matrix_q4k: self.matrix_q4k.max(other.matrix_q4k),
        }
    }

    /// Seconds that a step of this cost takes at least.
    pub(super) fn fastest(&self, cost: &Cost, dtype: &str) -> f64 {
        let linear = match dtype {
            "q8_0" => self.matrix_q8_0,
            "q4_k" => self.matrix_q4k,
            _ => self.matrix,
        };
        let operations = cost.linear_operations / linear + cost.attention_operations / self.matrix;
        (cost.bytes / self.bandwidth).max(operations)
    }
}

fn candle_floats() -> Result<f64> {
    let weights = Tensor::randn(0f32, 1.0, (WIDTH, WIDTH), &Device::Cpu)?.t()?;
    let x = Tensor::randn(0f32, 1.0, (ROWS, WIDTH), &Device::Cpu)?;
    rate(|| x.matmul(&weights))
}

fn candle_quantized(dtype: GgmlDType) -> Result<f64> {
    let weights = Tensor::randn(0f32, 1.0, (WIDTH, WIDTH), &Device::Cpu)?;
    let product = QMatMul::from_qtensor(QTensor::quantize(&weights, dtype)?)?;
    let x = Tensor::randn(0f32, 1.0, (ROWS, WIDTH), &Device::Cpu)?;
    rate(|| product.forward(&x))
}

fn rate(product: impl Fn() -> candle_core::Result<Tensor>) -> Result<f64> {
    product()?;
    Ok(best(TRIES, (2 * ROWS * WIDTH * WIDTH) as f64, || {
        // It succeeded once with the same shapes.
        let _ = std::hint::black_box(product());
    }))
}
