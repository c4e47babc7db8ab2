//! Q8_0 weights on a processor that multiplies bytes faster than floats: the rows are quantised too, in blocks of 32 like the weights.

#[cfg(target_arch = "x86_64")]
mod vnni;

use super::Group;
use super::block::Shape;
use crate::matrix::Q8_0_BLOCK;
use crate::parallel::{self, Shared};

/// Four bytes of a row, which one instruction multiplies.
const FOURS: usize = Q8_0_BLOCK / 4;
/// What the weights are offset by.
const OFFSET: i32 = 128;

/// Rows in blocks of 32 i8 with a scale, those of a block of rows beside each other.
pub(super) struct Rows {
    /// [blocks of rows][blocks][8][rows of a block], each four i8.
    fours: Vec<i32>,
    /// [blocks of rows][blocks][rows of a block].
    scales: Vec<f32>,
    /// -128 times the sum of a block's bytes: what the offset of the weights adds to each product. As the scales.
    offsets: Vec<i32>,
    /// Of 32 inputs.
    blocks: usize,
}

impl Rows {
    pub(super) fn of(x: &[f32], rows: usize, shape: Shape) -> Self {
        let inputs = x.len() / rows.max(1);
        let blocks = inputs / Q8_0_BLOCK;
        let scales = blocks * shape.padded_rows();
        let mut all =
            Self { fours: vec![0; scales * FOURS], scales: vec![0.0; scales], offsets: vec![0; scales], blocks };
        let size = blocks * shape.rows;
        let (fours, scales, offsets) =
            (Shared::new(&mut all.fours), Shared::new(&mut all.scales), Shared::new(&mut all.offsets));
        parallel::each(shape.blocks, |block| {
            // SAFETY: each block of rows is quantised once.
            let (fours, scales, offsets) = unsafe {
                (
                    fours.part(block * size * FOURS, size * FOURS),
                    scales.part(block * size, size),
                    offsets.part(block * size, size),
                )
            };
            for (row, x) in x.chunks_exact(inputs).skip(block * shape.rows).take(shape.rows).enumerate() {
                for (index, x) in x.chunks_exact(Q8_0_BLOCK).enumerate() {
                    let (bytes, scale) = quantized(x);
                    let at = index * shape.rows + row;
                    scales[at] = scale;
                    offsets[at] = -OFFSET * bytes.iter().map(|byte| i32::from(*byte)).sum::<i32>();
                    for (four, bytes) in bytes.chunks_exact(4).enumerate() {
                        fours[(index * FOURS + four) * shape.rows + row] =
                            i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]].map(i8::cast_unsigned));
                    }
                }
            }
        });
        all
    }
}

/// A block as i8 and their scale. A value that is no number must not vanish in the rounding: its scale is none either.
fn quantized(block: &[f32]) -> ([i8; Q8_0_BLOCK], f32) {
    let most = block.iter().fold(0f32, |most, value| most.max(value.abs()));
    let inverse = if most > 0.0 { 127.0 / most } else { 0.0 };
    let mut bytes = [0; Q8_0_BLOCK];
    let mut sum = 0f32;
    for (byte, value) in bytes.iter_mut().zip(block) {
        *byte = (value * inverse).round_ties_even() as i8;
        sum += value;
    }
    (bytes, if sum.is_finite() { most / 127.0 } else { f32::NAN })
}

/// The processor multiplies bytes faster than floats.
pub(super) fn is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return vnni::is_found();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Rows and tiles at once: each has two registers for every sum.
pub(super) fn shape(rows: usize) -> Shape {
    let blocks = rows.div_ceil(12);
    let even = rows.div_ceil(blocks.max(1));
    let (rows, tiles) = match even {
        0..=1 => (1, 8),
        2 => (2, 8),
        3 => (3, 8),
        4 => (4, 4),
        5..=6 => (6, 4),
        7..=8 => (8, 2),
        9..=10 => (10, 2),
        _ => (12, 2),
    };
    Shape { rows, tiles, blocks }
}

/// The sums of a group. Only where [`is_fast`].
pub(super) fn run(group: &Group<'_>, rows: &Rows, sums: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: `is_fast` has found the instructions.
    unsafe {
        vnni::run(group, rows, sums);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (group, rows, sums);
}
