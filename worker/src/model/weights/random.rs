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

    /// A tensor of at most half a pool in each row.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Stored<'_> {
        let columns = shape.last().copied().unwrap_or_default();
        let order = if shape.len() > 1 { RowOrder::Anywhere { starts: POOL - columns } } else { RowOrder::Straight };
        let bytes = match shape.len() {
            2 => &self.pool[..],
            _ if name.ends_with("norm.weight") => &self.ones[..columns * size_of::<bf16>()],
            _ => &self.zeros[..columns * size_of::<bf16>()],
        };
        Stored { order, ..Stored::straight(Format::Bf16, shape, bytes) }
    }
}
