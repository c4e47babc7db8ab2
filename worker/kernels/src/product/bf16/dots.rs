//! AVX-512 BF16: one instruction multiplies a pair of inputs of 16 outputs.

use std::arch::x86_64::*;
use std::sync::OnceLock;

use super::Rows;
use crate::lanes::{Avx512, LANES, Lanes};
use crate::product::{Group, tiles};

/// AMD's do since they have it: on Zen 4 at twice the rate of floats, as `specfuse bench engine` prints both. Intel's are slower than
/// their floats where they were tried (Sapphire Rapids).
pub(super) fn is_fast() -> bool {
    static FAST: OnceLock<bool> = OnceLock::new();
    *FAST.get_or_init(|| {
        let vendor = __cpuid(0);
        let vendor = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
        vendor.as_flattened() == b"AuthenticAMD"
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bf16")
    })
}

/// Rounds rows of `inputs` to pairs, [steps][rows]; rows that there are not stay zero.
///
/// # Safety
/// [`is_fast`].
#[target_feature(enable = "avx512f,avx512dq,avx512bf16")]
pub(super) fn round(x: &[f32], inputs: usize, rows: usize, pairs: &mut [u32]) {
    for first in (0..rows.min(x.len() / inputs)).step_by(LANES) {
        let present = LANES.min(x.len() / inputs - first).min(rows - first);
        for (index, pairs) in pairs.chunks_mut(LANES * rows).enumerate() {
            let from = index * 2 * LANES;
            let mut vectors = [_mm512_setzero_ps(); LANES];
            for (row, vector) in vectors.iter_mut().take(present).enumerate() {
                let row = &x[(first + row) * inputs + from..(first + row + 1) * inputs];
                *vector = _mm512_castsi512_ps(thirty_two(row));
            }
            // SAFETY: the instructions of the caller are all that it takes.
            unsafe { Avx512::transpose(&mut vectors) };
            let mask = u16::MAX >> (LANES - LANES.min(rows - first));
            for (vector, pairs) in vectors.into_iter().zip(pairs.chunks_exact_mut(rows)) {
                // SAFETY: the lanes of the mask are rows of this step.
                unsafe {
                    _mm512_mask_storeu_epi32(pairs[first..].as_mut_ptr().cast(), mask, _mm512_castps_si512(vector));
                }
            }
        }
    }
}

/// The first 32 elements as bf16, in their order; zeros where there are fewer.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn thirty_two(row: &[f32]) -> __m512i {
    let lanes = |from: usize| {
        let present = row.len().saturating_sub(from).min(LANES);
        let mask = u16::MAX.checked_shr((LANES - present) as u32).unwrap_or(0);
        // SAFETY: the lanes of the mask are elements of the row.
        unsafe { _mm512_maskz_loadu_ps(mask, row.as_ptr().wrapping_add(from)) }
    };
    let pairs = _mm512_cvtne2ps_pbh(lanes(LANES), lanes(0));
    // SAFETY: both are 64 bytes, and every pattern of bits is a value of either.
    unsafe { std::mem::transmute(pairs) }
}

/// # Safety
/// [`is_fast`].
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn run(group: &Group<'_>, rows: &Rows, sums: &mut [f32]) {
    let shape = group.shape;
    for block in 0..shape.blocks {
        let block = Block { group, rows, block };
        // SAFETY: the block's rows exist, and the sums hold them all.
        unsafe {
            match shape.rows {
                1 => block.all::<1, 8>(sums),
                2 => block.all::<2, 8>(sums),
                3 => block.all::<3, 8>(sums),
                4 => block.all::<4, 4>(sums),
                6 => block.all::<6, 4>(sums),
                8 => block.all::<8, 2>(sums),
                10 => block.all::<10, 2>(sums),
                12 => block.all::<12, 2>(sums),
                14 => block.all::<14, 1>(sums),
                16 => block.all::<16, 1>(sums),
                20 => block.all::<20, 1>(sums),
                24 => block.all::<24, 1>(sums),
                rows => unreachable!("a block of {rows} rows"),
            }
        }
    }
}

struct Block<'a> {
    group: &'a Group<'a>,
    rows: &'a Rows,
    block: usize,
}

impl Block<'_> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn all<const M: usize, const C: usize>(&self, sums: &mut [f32]) {
        assert!(self.group.shape.tiles.is_multiple_of(C), "tiles beyond the sums");
        for first in (0..self.group.shape.tiles).step_by(C) {
            // SAFETY: the caller's.
            unsafe { self.some::<M, C>(sums, first) };
        }
    }

    /// `M` rows times `C` tiles from tile `first` of the group on. Each sum is one chain over the pairs of inputs.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn some<const M: usize, const C: usize>(&self, sums: &mut [f32], first: usize) {
        let steps = self.rows.steps;
        let mut weights = [std::ptr::null::<u8>(); C];
        for (tile, weights) in weights.iter_mut().enumerate() {
            *weights = self.group.matrix.tile(self.group.first + first + tile).0.as_ptr();
        }
        let mut x = self.rows.pairs[self.block * steps * M..][..steps * M].as_ptr();
        let mut totals = [[_mm512_setzero_ps(); C]; M];
        for _ in 0..steps {
            // SAFETY: a tile holds `steps` vectors, a block of rows as many times M pairs.
            unsafe {
                let mut pairs = [_mm512_setzero_si512(); C];
                for (pairs, weights) in pairs.iter_mut().zip(&mut weights) {
                    *pairs = tiles::next(weights);
                }
                for (row, totals) in totals.iter_mut().enumerate() {
                    let x = _mm512_set1_epi32((*x.add(row)).cast_signed());
                    for (total, pairs) in totals.iter_mut().zip(pairs) {
                        *total = _mm512_dpbf16_ps(*total, as_bf16(pairs), as_bf16(x));
                    }
                }
                x = x.add(M);
            }
        }
        tiles::store(self.group, (self.block, first), totals, sums);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn as_bf16(pairs: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes, and every pattern of bits is a value of either.
    unsafe { std::mem::transmute(pairs) }
}
