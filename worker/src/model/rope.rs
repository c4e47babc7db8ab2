//! Rotary position embedding: the frequencies of a checkpoint and the angles of a batch's rows. Computed in f32 as the models
//! were trained, and rounded to what the rows are in; keeps no table, so no context is too long for it.

use std::f32::consts::PI;

use candle_core::{Result, Tensor, bail};
use candle_nn::rotary_emb::{rope_i, rope_thd};
use specfuse_kernels::rows;

use super::config::{Llama3, LongRope, Pairs, RopeConfig, RopeScaling};
use super::host;
use super::options::Compute;
use crate::engine::batch::Batch;

#[derive(Debug)]
pub(super) struct Rope {
    /// Radians per position, one for each pair of dimensions that turn.
    frequencies: Vec<f32>,
    /// Those of the sequences that are longer than a length.
    beyond: Option<(usize, Vec<f32>)>,
    /// Factor of cosines and sines.
    amplitude: f32,
    pairs: Pairs,
}

/// Cosines and sines of a batch's rows.
pub(super) struct Angles {
    cos: Tensor, // [rows, 1, rotary_dim / 2]
    sin: Tensor, // [rows, 1, rotary_dim / 2]
    pairs: Pairs,
    kernels: bool,
}

impl Rope {
    pub(super) fn new(config: &RopeConfig) -> Self {
        let RopeConfig { theta, rotary_dim, pairs, scaling } = config;
        let base: Vec<f32> = (0..rotary_dim / 2).map(|pair| base_frequency(*theta, pair, *rotary_dim)).collect();
        let (beyond, amplitude) = match scaling {
            RopeScaling::LongRope(LongRope { long, original_positions, attention_factor, .. }) => {
                (Some((*original_positions, divided(&base, long))), *attention_factor as f32)
            }
            RopeScaling::None | RopeScaling::Linear { .. } | RopeScaling::Llama3(_) => (None, 1.0),
        };
        Self { frequencies: scaled(scaling, base), beyond, amplitude, pairs: *pairs }
    }

    pub(super) fn angles(&self, batch: &Batch, compute: &Compute) -> Result<Angles> {
        let shape = (batch.rows(), 1, self.frequencies.len());
        let mut cos = Vec::with_capacity(shape.0 * shape.2);
        let mut sin = Vec::with_capacity(shape.0 * shape.2);
        for (position, length) in batch.positions.iter().zip(&batch.lengths) {
            for frequency in self.frequencies_of(*length as usize) {
                let (s, c) = (*position as f32 * frequency).sin_cos();
                cos.push(c * self.amplitude);
                sin.push(s * self.amplitude);
            }
        }
        let tensor = |values| Tensor::from_vec(values, shape, &compute.device)?.to_dtype(compute.dtype);
        Ok(Angles { cos: tensor(cos)?, sin: tensor(sin)?, pairs: self.pairs, kernels: compute.kernels })
    }

    /// Those of a sequence of this many tokens.
    fn frequencies_of(&self, length: usize) -> &[f32] {
        match &self.beyond {
            Some((limit, frequencies)) if length > *limit => frequencies,
            Some(_) | None => &self.frequencies,
        }
    }
}

impl Angles {
    /// Rotates the first dimensions of every head of `x`: [rows, heads * head_dim].
    pub(super) fn rotate(&self, x: &Tensor, heads: usize, head_dim: usize) -> Result<Tensor> {
        let (rows, rotary_dim) = (x.dim(0)?, 2 * self.cos.dim(2)?);
        if self.kernels {
            return self.rotate_here(x, heads, head_dim);
        }
        if rotary_dim == head_dim {
            return self.rotate_whole(x, heads, head_dim)?.reshape(x.shape());
        }
        let x = x.reshape((rows, heads, head_dim))?;
        let turned = self.rotate_whole(&x.narrow(2, 0, rotary_dim)?.contiguous()?, heads, rotary_dim)?;
        let passed = x.narrow(2, rotary_dim, head_dim - rotary_dim)?;
        Tensor::cat(&[&turned.reshape((rows, heads, rotary_dim))?, &passed], 2)?.reshape((rows, heads * head_dim))
    }

    fn rotate_here(&self, x: &Tensor, heads: usize, head_dim: usize) -> Result<Tensor> {
        let pairs = match self.pairs {
            Pairs::Halves => rows::Pairs::Halves,
            Pairs::Interleaved => rows::Pairs::Neighbours,
        };
        let (count, width) = (x.dim(0)?, heads * head_dim);
        if self.cos.dim(0)? != count || x.dim(1)? != width || 2 * self.cos.dim(2)? > head_dim {
            bail!("angles of shape {:?} for {:?}", self.cos.shape(), x.shape());
        }
        host::read(&self.cos, |cos| {
            host::read(&self.sin, |sin| {
                let turns = rows::Turns { cos, sin, rows: count, pairs };
                host::apply(x, "rotate", width, |x| Ok(rows::rotated(x, head_dim, turns)))
            })
        })
    }

    fn rotate_whole(&self, x: &Tensor, heads: usize, head_dim: usize) -> Result<Tensor> {
        let rows = x.dim(0)?;
        match self.pairs {
            Pairs::Halves => rope_thd(&x.reshape((rows, 1, heads, head_dim))?, &self.cos, &self.sin),
            Pairs::Interleaved => rope_i(&x.reshape((rows, heads, 1, head_dim))?, &self.cos, &self.sin),
        }
    }
}

/// theta^(-2 pair / rotary_dim).
fn base_frequency(theta: f64, pair: usize, rotary_dim: usize) -> f32 {
    let exponent = (2 * pair) as f32 / rotary_dim as f32;
    1.0 / theta.powf(f64::from(exponent)) as f32
}

fn divided(frequencies: &[f32], divisors: &[f64]) -> Vec<f32> {
    frequencies.iter().zip(divisors).map(|(frequency, divisor)| frequency / *divisor as f32).collect()
}

fn scaled(scaling: &RopeScaling, frequencies: Vec<f32>) -> Vec<f32> {
    match scaling {
        RopeScaling::None => frequencies,
        RopeScaling::Linear { factor } => frequencies.iter().map(|frequency| frequency / *factor as f32).collect(),
        RopeScaling::Llama3(llama3) => frequencies.iter().map(|frequency| llama3_scaled(llama3, *frequency)).collect(),
        RopeScaling::LongRope(longrope) => divided(&frequencies, &longrope.short),
    }
}

/// Keeps high frequencies, divides low ones, blends between.
fn llama3_scaled(scaling: &Llama3, frequency: f32) -> f32 {
    let (factor, low, high) = (scaling.factor as f32, scaling.low_freq_factor as f32, scaling.high_freq_factor as f32);
    let original = scaling.original_positions as f32;
    let wavelength = 2.0 * PI / frequency;
    if wavelength > original / low {
        frequency / factor
    } else if wavelength < original / high {
        frequency
    } else {
        let smooth = (original / wavelength - low) / (high - low);
        (1.0 - smooth) * frequency / factor + smooth * frequency
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::engine::batch::Row;

    fn rope(theta: f64, rotary_dim: usize, pairs: Pairs, scaling: RopeScaling) -> Rope {
        Rope::new(&RopeConfig { theta, rotary_dim, pairs, scaling })
    }

    fn frequencies(scaling: RopeScaling) -> Vec<f32> {
        rope(10_000.0, 8, Pairs::Halves, scaling).frequencies
    }

    fn assert_close(found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5 * expected.abs().max(0.01), "{found} for {expected}");
        }
    }

    /// One row for each (position, length of its sequence).
    fn batch(rows: &[(usize, usize)]) -> Batch {
        let mut batch = Batch::default();
        for (position, length) in rows {
            batch.push_part(*length, *position, Vec::new(), &[Row { token: 0, write: None, read: false }]);
        }
        batch
    }

    /// Head (1, 2, 3, 4) turned as at these positions.
    fn turned(rope: &Rope, rows: &[(usize, usize)]) -> Vec<Vec<f32>> {
        let angles =
            rope.angles(&batch(rows), &Compute { device: Device::Cpu, dtype: DType::F32, kernels: true }).unwrap();
        let x = Tensor::new(vec![vec![1f32, 2.0, 3.0, 4.0]; rows.len()], &Device::Cpu).unwrap();
        angles.rotate(&x, 1, 4).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn frequencies_fall_by_powers_of_theta() {
        assert_close(&frequencies(RopeScaling::None), &[1.0, 0.1, 0.01, 0.001]);
    }

    #[test]
    fn linear_scaling_divides_every_frequency() {
        assert_close(&frequencies(RopeScaling::Linear { factor: 4.0 }), &[0.25, 0.025, 0.0025, 0.00025]);
    }

    #[test]
    fn llama3_scaling_keeps_high_divides_low_and_blends_between() {
        let scaling = Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_positions: 64 };
        // Wavelengths 2π, 20π, 200π and 2000π against 16 (64 / 4) and 64 (64 / 1).
        let smooth = (64.0 / (20.0 * std::f64::consts::PI) - 1.0) / 3.0;
        let blended = (1.0 - smooth) * 0.1 / 8.0 + smooth * 0.1;
        assert_close(&frequencies(RopeScaling::Llama3(scaling)), &[1.0, blended, 0.01 / 8.0, 0.001 / 8.0]);
    }

    #[test]
    fn rotation_turns_each_pair_by_its_angle() {
        let (s0, c0) = 3f64.sin_cos();
        let (s1, c1) = 0.3f64.sin_cos();
        let halves = turned(&rope(100.0, 4, Pairs::Halves, RopeScaling::None), &[(0, 4), (3, 4)]);
        assert_eq!(halves[0], [1.0, 2.0, 3.0, 4.0]);
        assert_close(&halves[1], &[c0 - 3.0 * s0, 2.0 * c1 - 4.0 * s1, s0 + 3.0 * c0, 2.0 * s1 + 4.0 * c1]);
        let interleaved = turned(&rope(100.0, 4, Pairs::Interleaved, RopeScaling::None), &[(3, 4)]);
        assert_close(&interleaved[0], &[c0 - 2.0 * s0, s0 + 2.0 * c0, 3.0 * c1 - 4.0 * s1, 3.0 * s1 + 4.0 * c1]);
    }

    #[test]
    fn dimensions_beyond_the_rotary_ones_pass() {
        let (s, c) = 3f64.sin_cos();
        for pairs in [Pairs::Halves, Pairs::Interleaved] {
            let found = turned(&rope(100.0, 2, pairs, RopeScaling::None), &[(3, 4)]);
            assert_close(&found[0], &[c - 2.0 * s, s + 2.0 * c, 3.0, 4.0]);
        }
    }

    #[test]
    fn longrope_turns_all_rows_of_a_sequence_by_its_length() {
        let longrope =
            LongRope { short: vec![1.0, 2.0], long: vec![4.0, 8.0], original_positions: 5, attention_factor: 2.0 };
        let rope = rope(100.0, 4, Pairs::Halves, RopeScaling::LongRope(longrope));
        let found = turned(&rope, &[(3, 5), (3, 6)]);
        for (found, (first, second)) in found.iter().zip([(3.0, 0.15), (0.75, 0.0375)]) {
            let ((s0, c0), (s1, c1)) = (f64::sin_cos(first), f64::sin_cos(second));
            let expected = [c0 - 3.0 * s0, 2.0 * c1 - 4.0 * s1, s0 + 3.0 * c0, 2.0 * s1 + 4.0 * c1];
            assert_close(found, &expected.map(|x| 2.0 * x));
        }
    }
}
