//! Blocks of 32 bytes offset by 128, with a scale.

use std::arch::x86_64::*;

use super::super::FOURS;
use super::{At, Blocks, Tiles, halves};
use crate::lanes::LANES;
use crate::product::tiles::next;

pub(super) struct Q8_0;

impl Blocks for Q8_0 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
    unsafe fn add<const M: usize, const C: usize>(
        _: usize,
        tiles: &mut Tiles<C>,
        x: &mut At,
        totals: &mut [[__m512; C]; M],
    ) {
        // The compiler must not know this number: it would unroll the loop over it and run out of registers.
        let fours = std::hint::black_box(FOURS);
        // SAFETY: the caller's.
        unsafe {
            let mut exact = [[_mm512_setzero_si512(); C]; M];
            for (row, exact) in exact.iter_mut().enumerate() {
                *exact = [_mm512_set1_epi32(*x.offsets.add(row)); C];
            }
            for _ in 0..fours {
                for (tile, weights) in tiles.weights.iter_mut().enumerate() {
                    let four = next(weights);
                    for (row, exact) in exact.iter_mut().enumerate() {
                        exact[tile] = _mm512_dpbusd_epi32(exact[tile], four, _mm512_set1_epi32(*x.fours.add(row)));
                    }
                }
                x.fours = x.fours.add(M);
            }
            for (tile, scales) in tiles.scales.iter_mut().enumerate() {
                let scale = halves(*scales);
                *scales = scales.add(LANES);
                for (row, totals) in totals.iter_mut().enumerate() {
                    let scale = _mm512_mul_ps(scale, _mm512_set1_ps(*x.scales.add(row)));
                    totals[tile] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact[row][tile]), scale, totals[tile]);
                }
            }
            (x.scales, x.offsets) = (x.scales.add(M), x.offsets.add(M));
        }
    }
}
