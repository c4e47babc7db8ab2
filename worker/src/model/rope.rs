//! Rotary position embedding: the frequencies of a checkpoint and the angles of a batch's positions. Computed in f32 as the models
//! were trained; keeps no table, so no context is too long for it.

use std::f32::consts::PI;

use candle_core::{Device, Result, Tensor};

use super::config::{RopeConfig, RopeScaling};

#[derive(Debug)]
pub(super) struct Rope {
    /// Radians per position, one for each pair of dimensions (i, i + head_dim / 2).
    inv_freq: Vec<f32>,
}

/// Cosines and sines of a batch's positions.
pub(super) struct Angles {
    cos: Tensor, // [rows, 1, head_dim / 2]
    sin: Tensor, // [rows, 1, head_dim / 2]
}

impl Rope {
    pub(super) fn new(config: RopeConfig, head_dim: usize) -> Self {
        let inv_freq =
            (0..head_dim / 2).map(|pair| scaled(config.scaling, base_frequency(config.theta, pair, head_dim)));
        Self { inv_freq: inv_freq.collect() }
    }

    pub(super) fn angles(&self, positions: &[u32], device: &Device) -> Result<Angles> {
        let pairs = self.inv_freq.len();
        let (mut cos, mut sin) =
            (Vec::with_capacity(positions.len() * pairs), Vec::with_capacity(positions.len() * pairs));
        for position in positions {
            for frequency in &self.inv_freq {
                let (s, c) = (*position as f32 * frequency).sin_cos();
                cos.push(c);
                sin.push(s);
            }
        }
        let shape = (positions.len(), 1, pairs);
        Ok(Angles { cos: Tensor::from_vec(cos, shape, device)?, sin: Tensor::from_vec(sin, shape, device)? })
    }
}

impl Angles {
    /// Rotates every head of `x`.
    pub(super) fn rotate(&self, x: &Tensor, heads: usize, head_dim: usize) -> Result<Tensor> {
        let rows = x.dim(0)?;
        let x = x.reshape((rows, 1, heads, head_dim))?;
        candle_nn::rotary_emb::rope_thd(&x, &self.cos, &self.sin)?.reshape((rows, heads * head_dim))
    }
}

/// theta^(-2 pair / head_dim).
fn base_frequency(theta: f64, pair: usize, head_dim: usize) -> f32 {
    let exponent = (2 * pair) as f32 / head_dim as f32;
    1.0 / theta.powf(f64::from(exponent)) as f32
}

fn scaled(scaling: RopeScaling, frequency: f32) -> f32 {
    match scaling {
        RopeScaling::None => frequency,
        RopeScaling::Linear { factor } => frequency / factor as f32,
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_positions } => {
            let (factor, low, high) = (factor as f32, low_freq_factor as f32, high_freq_factor as f32);
            let original = original_positions as f32;
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(theta: f64, scaling: RopeScaling, head_dim: usize) -> Vec<f32> {
        Rope::new(RopeConfig { theta, scaling }, head_dim).inv_freq
    }

    fn assert_close(found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) / expected - 1.0).abs() < 1e-6, "{found} for {expected}");
        }
    }

    #[test]
    fn frequencies_fall_by_powers_of_theta() {
        assert_close(&frequencies(10_000.0, RopeScaling::None, 8), &[1.0, 0.1, 0.01, 0.001]);
    }

    #[test]
    fn linear_scaling_divides_every_frequency() {
        let scaling = RopeScaling::Linear { factor: 4.0 };
        assert_close(&frequencies(10_000.0, scaling, 8), &[0.25, 0.025, 0.0025, 0.00025]);
    }

    #[test]
    fn llama3_scaling_keeps_high_divides_low_and_blends_between() {
        let scaling =
            RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_positions: 64 };
        // Wavelengths 2π, 20π, 200π and 2000π against 16 (64 / 4) and 64 (64 / 1).
        let smooth = (64.0 / (20.0 * std::f64::consts::PI) - 1.0) / 3.0;
        let blended = (1.0 - smooth) * 0.1 / 8.0 + smooth * 0.1;
        assert_close(&frequencies(10_000.0, scaling, 8), &[1.0, blended, 0.01 / 8.0, 0.001 / 8.0]);
    }

    #[test]
    fn rotation_turns_each_pair_by_its_angle() {
        let rope = Rope::new(RopeConfig { theta: 100.0, scaling: RopeScaling::None }, 4);
        let angles = rope.angles(&[0, 3], &Device::Cpu).unwrap();
        let x = Tensor::new(&[[1f32, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]], &Device::Cpu).unwrap();
        let turned = angles.rotate(&x, 1, 4).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(turned[0], [1.0, 2.0, 3.0, 4.0]);
        let (s0, c0) = 3f64.sin_cos();
        let (s1, c1) = 0.3f64.sin_cos();
        let expected = [c0 - 3.0 * s0, 2.0 * c1 - 4.0 * s1, s0 + 3.0 * c0, 2.0 * s1 + 4.0 * c1];
        for (found, expected) in turned[1].iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }
}
