//! Quantised weights widened to f32, where bytes are not multiplied faster.

use std::ops::Range;

use super::weights::{AHEAD, Widen};
use crate::lanes::{LANES, Lanes};
use crate::matrix::{Matrix, Q8_0_BLOCK, k};

pub(super) struct Q8_0;
pub(super) struct Q4K;
pub(super) struct Q6K;

/// Bytes of four inputs of all outputs.
const FOUR: usize = LANES * 4;

impl Widen for Q8_0 {
    #[inline(always)]
    fn widen<L: Lanes>(matrix: &Matrix, tile: usize, range: Range<usize>, panel: &mut [f32]) {
        let (bytes, scales) = matrix.tile(tile);
        for (index, panel) in panel[..range.len() * LANES].chunks_exact_mut(Q8_0_BLOCK * LANES).enumerate() {
            let block = range.start / Q8_0_BLOCK + index;
            let bytes = &bytes[block * Q8_0_BLOCK * LANES..][..Q8_0_BLOCK * LANES];
            // SAFETY: whole vectors of the block, its scales and the panel.
            unsafe {
                let scale = L::f16(scales[block * LANES..][..LANES].as_ptr());
                for (input, to) in panel.chunks_exact_mut(LANES).enumerate() {
                    let four = bytes[input / 4 * FOUR..][..FOUR].as_ptr();
                    L::prefetch(four.wrapping_add(AHEAD));
                    let byte = L::sub(L::bits(four, 8 * (input as u32 % 4), 0xff), L::splat(128.0));
                    L::store(to.as_mut_ptr(), L::mul(scale, byte));
                }
            }
        }
    }
}

impl Widen for Q4K {
    #[inline(always)]
    fn widen<L: Lanes>(matrix: &Matrix, tile: usize, range: Range<usize>, panel: &mut [f32]) {
        let (bytes, scales) = matrix.tile(tile);
        for (index, panel) in panel[..range.len() * LANES].chunks_exact_mut(32 * LANES).enumerate() {
            let from = range.start + index * 32;
            let bytes = &bytes[from / 8 * FOUR..][..4 * FOUR];
            let (mut scale, mut minimum) = ([0f32; LANES], [0f32; LANES]);
            for lane in 0..LANES {
                (scale[lane], minimum[lane]) = k::q4k_scales(scales, from, lane);
            }
            // SAFETY: whole vectors of the block and the panel.
            unsafe {
                let (scale, minimum) = (L::load(scale.as_ptr()), L::load(minimum.as_ptr()));
                for (input, to) in panel.chunks_exact_mut(LANES).enumerate() {
                    let eight = bytes[input / 8 * FOUR..][..FOUR].as_ptr();
                    L::prefetch(eight.wrapping_add(AHEAD));
                    let nibble = L::bits(eight, (8 * (input % 4) + input / 4 % 2 * 4) as u32, 0xf);
                    L::store(to.as_mut_ptr(), L::sub(L::mul(scale, nibble), minimum));
                }
            }
        }
    }
}

impl Widen for Q6K {
    #[inline(always)]
    fn widen<L: Lanes>(matrix: &Matrix, tile: usize, range: Range<usize>, panel: &mut [f32]) {
        let (bytes, scales) = matrix.tile(tile);
        for (index, panel) in panel[..range.len() * LANES].chunks_exact_mut(16 * LANES).enumerate() {
            let from = range.start + index * 16;
            let bytes = &bytes[from / 16 * 3 * FOUR..][..3 * FOUR];
            let scale: [f32; LANES] = std::array::from_fn(|lane| k::q6k_scale(scales, from, lane));
            // SAFETY: whole vectors of the block and the panel.
            unsafe {
                let (scale, high) = (L::load(scale.as_ptr()), bytes[2 * FOUR..].as_ptr());
                for (input, to) in panel.chunks_exact_mut(LANES).enumerate() {
                    let low = bytes[input / 8 * FOUR..][..FOUR].as_ptr();
                    L::prefetch(low.wrapping_add(AHEAD));
                    let low = L::bits(low, (8 * (input % 4) + input / 4 % 2 * 4) as u32, 0xf);
                    let high = L::bits(high, (8 * (input % 4) + input / 4 * 2) as u32, 3);
                    let six = L::fma(high, L::splat(16.0), L::sub(low, L::splat(32.0)));
                    L::store(to.as_mut_ptr(), L::mul(scale, six));
                }
            }
        }
    }
}
