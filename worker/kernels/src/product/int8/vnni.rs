//! AVX-512 VNNI: one instruction multiplies four inputs of 16 outputs.

use std::arch::x86_64::*;
use std::sync::OnceLock;

use super::{FOURS, Rows};
use crate::lanes::LANES;
use crate::product::Group;

/// Bytes that the stream of weights is asked for ahead of its use.
const AHEAD: usize = 4096;

pub(super) fn is_found() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("f16c")
    })
}

/// # Safety
/// [`is_found`].
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
pub(super) fn run(group: &Group<'_>, rows: &Rows, sums: &mut [f32]) {
    let shape = group.shape;
    assert!(sums.len() >= shape.padded_rows() * shape.tiles * LANES, "not all sums");
    for block in 0..shape.blocks {
        let block = Block { group, rows, block };
        // SAFETY: the block's rows exist, and the sums hold them all.
        unsafe {
            match shape.rows {
                1 => block.all::<1, 8>(sums),
                2 => block.all::<2, 4>(sums),
                3 => block.all::<3, 4>(sums),
                4 => block.all::<4, 2>(sums),
                6 => block.all::<6, 2>(sums),
                8 => block.all::<8, 1>(sums),
                10 => block.all::<10, 1>(sums),
                12 => block.all::<12, 1>(sums),
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
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
    unsafe fn all<const M: usize, const C: usize>(&self, sums: &mut [f32]) {
        assert!(self.group.shape.tiles.is_multiple_of(C), "tiles beyond the sums");
        for first in (0..self.group.shape.tiles).step_by(C) {
            // SAFETY: the caller's.
            unsafe { self.some::<M, C>(sums, first) };
        }
    }

    /// `M` rows times `C` tiles from tile `first` of the group on. Each sum is one chain over the blocks of 32 inputs.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
    unsafe fn some<const M: usize, const C: usize>(&self, sums: &mut [f32], first: usize) {
        let blocks = self.rows.blocks;
        let mut weights = [std::ptr::null::<u8>(); C];
        let mut scales = [std::ptr::null::<u16>(); C];
        for tile in 0..C {
            let (bytes, of_blocks) = self.group.matrix.tile(self.group.first + first + tile);
            (weights[tile], scales[tile]) = (bytes.as_ptr(), of_blocks.as_ptr());
        }
        let from = self.block * blocks * M;
        let mut x = self.rows.fours[from * FOURS..].as_ptr();
        let (mut x_scales, mut offsets) = (self.rows.scales[from..].as_ptr(), self.rows.offsets[from..].as_ptr());
        // The compiler must not know this number: it would unroll the loop over it and run out of registers.
        let fours = std::hint::black_box(FOURS);
        let mut totals = [[_mm512_setzero_ps(); C]; M];
        for _ in 0..blocks {
            // SAFETY: the tiles hold `blocks` blocks with their scales, the rows as many.
            unsafe {
                let mut exact = [[_mm512_setzero_si512(); C]; M];
                for (row, exact) in exact.iter_mut().enumerate() {
                    *exact = [_mm512_set1_epi32(*offsets.add(row)); C];
                }
                for _ in 0..fours {
                    for (tile, weights) in weights.iter_mut().enumerate() {
                        let four = _mm512_loadu_si512(weights.cast());
                        _mm_prefetch::<_MM_HINT_T1>(weights.wrapping_add(AHEAD).cast());
                        *weights = weights.add(LANES * 4);
                        for (row, exact) in exact.iter_mut().enumerate() {
                            exact[tile] = _mm512_dpbusd_epi32(exact[tile], four, _mm512_set1_epi32(*x.add(row)));
                        }
                    }
                    x = x.add(M);
                }
                for (tile, scales) in scales.iter_mut().enumerate() {
                    let scale = _mm512_cvtph_ps(_mm256_loadu_si256(scales.cast()));
                    *scales = scales.add(LANES);
                    for (row, totals) in totals.iter_mut().enumerate() {
                        let scale = _mm512_mul_ps(scale, _mm512_set1_ps(*x_scales.add(row)));
                        totals[tile] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact[row][tile]), scale, totals[tile]);
                    }
                }
                (x_scales, offsets) = (x_scales.add(M), offsets.add(M));
            }
        }
        for (row, totals) in totals.into_iter().enumerate() {
            for (tile, total) in totals.into_iter().enumerate() {
                let at = ((self.block * M + row) * self.group.shape.tiles + first + tile) * LANES;
                // SAFETY: a whole vector of the sums.
                unsafe { _mm512_storeu_ps(sums[at..at + LANES].as_mut_ptr(), total) };
            }
        }
    }
}
