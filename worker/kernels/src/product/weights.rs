//! How the weights of a tile become f32 in registers, or in a panel.

use std::ops::Range;

use crate::lanes::{LANES, Lanes};
use crate::matrix::Matrix;

/// Bytes that a stream of weights is asked for ahead of its use.
pub(super) const AHEAD: usize = 4096;

/// Weights that the innermost loop reads as they are.
pub(super) trait Weights {
    /// Inputs that one step covers, 1 or 2.
    const STEP: usize;
    /// Bytes of one step of a tile.
    const BYTES: usize;
    /// The weights of a step's inputs, for all 16 outputs; with a step of 1 both are the same.
    unsafe fn step<L: Lanes>(from: *const u8) -> [L::V; 2];
}

/// Weights that can be written as f32.
pub(super) trait Widen {
    /// They are f32 already, [input][16], and can be read where they are.
    const IN_PLACE: bool = false;
    /// Writes inputs `range` of a tile to `panel`, [input][16]. It begins at a multiple of 32, and ends at one or with the inputs.
    fn widen<L: Lanes>(matrix: &Matrix, tile: usize, range: Range<usize>, panel: &mut [f32]);
}

pub(super) struct F32;
pub(super) struct F16;
pub(super) struct Bf16;

impl Weights for F32 {
    const STEP: usize = 1;
    const BYTES: usize = LANES * 4;

    #[inline(always)]
    unsafe fn step<L: Lanes>(from: *const u8) -> [L::V; 2] {
        // SAFETY: the caller's.
        unsafe { [L::load(from.cast()); 2] }
    }
}

impl Weights for F16 {
    const STEP: usize = 1;
    const BYTES: usize = LANES * 2;

    #[inline(always)]
    unsafe fn step<L: Lanes>(from: *const u8) -> [L::V; 2] {
        // SAFETY: the caller's.
        unsafe { [L::f16(from.cast()); 2] }
    }
}

impl Weights for Bf16 {
    const STEP: usize = 2;
    const BYTES: usize = LANES * 4;

    #[inline(always)]
    unsafe fn step<L: Lanes>(from: *const u8) -> [L::V; 2] {
        // SAFETY: the caller's.
        unsafe { <[L::V; 2]>::from(L::bf16_pairs(from.cast())) }
    }
}

impl Widen for F32 {
    const IN_PLACE: bool = true;

    #[inline(always)]
    fn widen<L: Lanes>(_: &Matrix, _: usize, _: Range<usize>, _: &mut [f32]) {}
}

impl Widen for F16 {
    #[inline(always)]
    fn widen<L: Lanes>(matrix: &Matrix, tile: usize, range: Range<usize>, panel: &mut [f32]) {
        widen_steps::<L, Self>(matrix, tile, range, panel);
    }
}

impl Widen for Bf16 {
    #[inline(always)]
    fn widen<L: Lanes>(matrix: &Matrix, tile: usize, range: Range<usize>, panel: &mut [f32]) {
        widen_steps::<L, Self>(matrix, tile, range, panel);
    }
}

#[inline(always)]
fn widen_steps<L: Lanes, W: Weights>(matrix: &Matrix, tile: usize, range: Range<usize>, panel: &mut [f32]) {
    let (bytes, _) = matrix.tile(tile);
    let mut from = bytes[range.start / W::STEP * W::BYTES..].as_ptr();
    for inputs in panel[..range.len() * LANES].chunks_mut(W::STEP * LANES) {
        // SAFETY: a tile holds all steps of its inputs, and each part of the chunk is a vector.
        unsafe {
            L::prefetch(from.wrapping_add(AHEAD));
            let weights = W::step::<L>(from);
            for (part, input) in inputs.chunks_exact_mut(LANES).enumerate() {
                L::store(input.as_mut_ptr(), weights[part]);
            }
            from = from.wrapping_add(W::BYTES);
        }
    }
}
