//! Quantised weights on a processor that multiplies bytes faster than floats: the rows are quantised too, in blocks of 32.

#[cfg(target_arch = "x86_64")]
mod vnni;

use super::Group;
use super::block::Shape;
use crate::lanes::{self, Kernel, Lanes};
use crate::matrix::{Format, Q8_0_BLOCK};
use crate::parallel::{self, Shared};

/// Four bytes of a row, which one instruction multiplies.
const FOURS: usize = Q8_0_BLOCK / 4;

/// Rows in blocks of 32 i8 with a scale, those of a block of rows beside each other.
pub(super) struct Rows {
    /// [blocks of rows][blocks][8][rows of a block], each four i8.
    fours: Vec<i32>,
    /// [blocks of rows][blocks][rows of a block].
    scales: Vec<f32>,
    /// What the offset of the weights takes from each product, [blocks of rows][blocks][parts of a block][rows of a block].
    offsets: Vec<i32>,
    /// Sums of a block's elements, which a minimum of the weights is multiplied by; as the scales. Only of Q4_K.
    sums: Vec<f32>,
    /// Of 32 inputs.
    blocks: usize,
}

/// What the bytes of weights are offset by, and the parts of a block of 32 that have scales of their own.
fn offset(format: Format) -> (i32, usize) {
    match format {
        Format::Q8_0 => (128, 1),
        Format::Q6K => (32, 2),
        Format::F32 | Format::F16 | Format::Bf16 | Format::Q4K => (0, 0),
    }
}

impl Rows {
    pub(super) fn of(x: &[f32], rows: usize, shape: Shape, format: Format) -> Self {
        let inputs = x.len() / rows;
        let blocks = inputs / Q8_0_BLOCK;
        let scales = blocks * shape.padded_rows();
        let (offset, parts) = offset(format);
        let summed = usize::from(format == Format::Q4K);
        let mut all = Self {
            fours: vec![0; scales * FOURS],
            scales: vec![0.0; scales],
            offsets: vec![0; scales * parts],
            sums: vec![0.0; scales * summed],
            blocks,
        };
        let size = blocks * shape.rows;
        let (fours, scales) = (Shared::new(&mut all.fours), Shared::new(&mut all.scales));
        let (offsets, sums) = (Shared::new(&mut all.offsets), Shared::new(&mut all.sums));
        parallel::each(shape.blocks, |block| {
            // SAFETY: each block of rows is quantised once.
            let (fours, scales) =
                unsafe { (fours.part(block * size * FOURS, size * FOURS), scales.part(block * size, size)) };
            // SAFETY: the same.
            let (offsets, sums) = unsafe {
                (offsets.part(block * size * parts, size * parts), sums.part(block * size * summed, size * summed))
            };
            let x = &x[block * shape.rows * inputs..];
            lanes::run(Quantize { x, inputs, rows: shape.rows, offset, fours, scales, offsets, sums });
        });
        all
    }
}

/// Quantises the rows that there are of a block of `rows`.
struct Quantize<'a> {
    x: &'a [f32],
    inputs: usize,
    rows: usize,
    offset: i32,
    fours: &'a mut [i32],
    scales: &'a mut [f32],
    offsets: &'a mut [i32],
    sums: &'a mut [f32],
}

impl Kernel for Quantize<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let parts = self.offsets.len() / self.scales.len().max(1);
        for (row, x) in self.x.chunks_exact(self.inputs).take(self.rows).enumerate() {
            for (index, x) in x.as_chunks::<Q8_0_BLOCK>().0.iter().enumerate() {
                let (bytes, scale) = quantized(x);
                let at = index * self.rows + row;
                self.scales[at] = scale;
                for part in 0..parts {
                    let bytes = &bytes[part * Q8_0_BLOCK / parts..(part + 1) * Q8_0_BLOCK / parts];
                    self.offsets[(index * parts + part) * self.rows + row] = -self.offset * bytes.iter().sum::<i32>();
                }
                if let Some(sum) = self.sums.get_mut(at) {
                    *sum = scale * bytes.iter().sum::<i32>() as f32;
                }
                let bytes = bytes.map(|byte| byte as u8);
                for (four, bytes) in bytes.as_chunks::<4>().0.iter().enumerate() {
                    self.fours[(index * FOURS + four) * self.rows + row] = i32::from_le_bytes(*bytes);
                }
            }
        }
    }
}

/// A block as i8, each in an i32, and their scale; plain loops over whole arrays, which become vector instructions. A value that is
/// no number must not vanish in the rounding: its scale is none either.
#[inline(always)]
fn quantized(block: &[f32; Q8_0_BLOCK]) -> ([i32; Q8_0_BLOCK], f32) {
    // Added to a small number it leaves the nearest integer, even on a tie, in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let mut most = [0f32; Q8_0_BLOCK];
    let mut poison = [0f32; Q8_0_BLOCK];
    for ((most, poison), value) in most.iter_mut().zip(&mut poison).zip(block) {
        (*most, *poison) = (value.abs(), value * 0.0);
    }
    let mut half = Q8_0_BLOCK / 2;
    while half > 0 {
        for index in 0..half {
            most[index] = if most[index] > most[index + half] { most[index] } else { most[index + half] };
            poison[index] += poison[index + half];
        }
        half /= 2;
    }
    if poison[0] != 0.0 {
        return ([0; Q8_0_BLOCK], f32::NAN);
    }
    let inverse = if most[0] > 0.0 { 127.0 / most[0] } else { 0.0 };
    let byte = |value: f32| (value * inverse + MAGIC).to_bits().cast_signed() - MAGIC.to_bits().cast_signed();
    (block.map(byte), most[0] / 127.0)
}

/// The processor multiplies bytes faster than floats.
pub(super) fn is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return lanes::kind() == lanes::Kind::Avx512 && vnni::is_found();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Rows and tiles at once. Beyond twelve rows the totals no longer fit the registers beside the exact sums: they wait in memory.
pub(super) fn shape(rows: usize) -> Shape {
    let blocks = if rows <= 24 { 1 } else { rows.div_ceil(12) };
    let (rows, tiles) = match rows.div_ceil(blocks.max(1)) {
        0..=1 => (1, 8),
        2 => (2, 8),
        3 => (3, 8),
        4 => (4, 4),
        5..=6 => (6, 4),
        7..=8 => (8, 2),
        9..=10 => (10, 2),
        11..=12 => (12, 2),
        13..=16 => (16, 2),
        17..=20 => (20, 2),
        _ => (24, 2),
    };
    Shape { rows, tiles, blocks }
}

/// The sums of a group.
///
/// # Safety
/// [`is_fast`].
pub(super) unsafe fn run(group: &Group<'_>, rows: &Rows, sums: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's.
    unsafe {
        vnni::run(group, rows, sums);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (group, rows, sums);
}
