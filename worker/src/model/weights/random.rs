//! Weights of any shape without a checkpoint, for timing and sizing: bf16 from one small pool, norms of 1, no biases.

use half::bf16;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::stored::{Format, RowOrder, Stored};

/// Elements of the pool: rows of any model begin anywhere in its first half.
const POOL: usize = 1 << 21;
/// Weights spread like those of a trained model.
const SPREAD: f32 = 0.03;

#[derive(Debug)]
pub(super) struct RandomTensors {
    pool: Vec<u8>,
    ones: Vec<u8>,
    zeros: Vec<u8>,
}

impl RandomTensors {
    pub(super) fn new() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut value = || bf16::from_f32(rng.random_range(-SPREAD..SPREAD)).to_le_bytes();
        Self {
            pool: (0..POOL).flat_map(|_| value()).collect(),
            ones: (0..POOL).flat_map(|_| bf16::ONE.to_le_bytes()).collect(),
            zeros: vec![0; POOL * size_of::<bf16>()],
        }
    }

    /// A tensor of this shape; rows beyond a pool are empty, and refused where they are used.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Stored<'_> {
        let columns = shape.last().copied().unwrap_or_default();
        let order = if shape.len() > 1 {
            RowOrder::Anywhere { starts: POOL.saturating_sub(columns) }
        } else {
            RowOrder::Straight
        };
        let bytes = match shape.len() {
            2 => &self.pool[..],
            _ if name.ends_with("norm.weight") => self.ones.get(..columns * size_of::<bf16>()).unwrap_or_default(),
            _ => self.zeros.get(..columns * size_of::<bf16>()).unwrap_or_default(),
        };
        Stored { order, ..Stored::straight(Format::Bf16, shape, bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_random_norms_are_one_and_biases_zero() {
        let tensors = RandomTensors::new();
        let matrix = tensors.tensor("model.layers.0.mlp.up_proj.weight", &[50, 40]);
        assert_eq!((matrix.format, matrix.row_bytes), (Format::Bf16, 80));
        let mut values = Vec::new();
        (0..50).for_each(|row| matrix.format.widen(matrix.row(row), &mut values));
        assert_eq!(values.len(), 2000);
        // bf16 rounds outwards too.
        assert!(values.iter().all(|value| value.abs() <= SPREAD * 1.01));
        let mean = values.iter().sum::<f32>() / 2000.0;
        let spread = (values.iter().map(|value| value * value).sum::<f32>() / 2000.0).sqrt();
        // A uniform distribution's: its half width over the root of 3.
        assert!(mean.abs() < 0.002 && (spread - SPREAD / 3f32.sqrt()).abs() < 0.002, "{mean} {spread}");
        assert_ne!(matrix.row(0), matrix.row(1));
        assert_eq!(tensors.tensor("model.layers.0.input_layernorm.weight", &[3]).widened(), [1.0; 3]);
        assert_eq!(tensors.tensor("model.layers.0.self_attn.q_proj.bias", &[3]).widened(), [0.0; 3]);
    }

    #[test]
    fn the_same_shape_has_the_same_weights_every_time() {
        let (one, other) = (RandomTensors::new(), RandomTensors::new());
        assert_eq!(one.tensor("w.weight", &[9, 64]).row(8), other.tensor("w.weight", &[9, 64]).row(8));
    }

    #[test]
    fn a_row_that_no_pool_holds_is_empty() {
        let tensors = RandomTensors::new();
        assert!(tensors.tensor("w.weight", &[2, POOL + 1]).row(1).is_empty());
        assert!(tensors.tensor("w.bias", &[POOL + 1]).widened().is_empty());
        assert_eq!(tensors.tensor("w.weight", &[2, POOL]).row(1).len(), POOL * 2);
    }
}
