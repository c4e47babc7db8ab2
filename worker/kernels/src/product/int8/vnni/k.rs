//! ggml's K blocks: 32 inputs at a time, unpacked to bytes in registers, once for all rows.

use std::arch::x86_64::*;

use super::{At, Blocks, Tiles, halves};
use crate::lanes::LANES;
use crate::matrix::k::{Q4K_SCALES, Q6K_SCALES};
use crate::product::tiles::next;

pub(super) struct Q4K;
pub(super) struct Q6K;

/// Blocks of 32 inputs in one of 256.
const IN_K: usize = 8;

impl Blocks for Q4K {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
    unsafe fn add<const M: usize, const C: usize>(
        index: usize,
        tiles: &mut Tiles<C>,
        x: &mut At,
        totals: &mut [[__m512; C]; M],
    ) {
        let mask = _mm512_set1_epi8(0xf);
        // The compiler must not know this number: it would unroll the loop over it and run out of registers.
        let eights = std::hint::black_box(4);
        // SAFETY: the caller's.
        unsafe {
            let mut exact = [[_mm512_setzero_si512(); C]; M];
            for _ in 0..eights {
                for (tile, weights) in tiles.weights.iter_mut().enumerate() {
                    let nibbles = next(weights);
                    let low = _mm512_and_si512(nibbles, mask);
                    let high = _mm512_and_si512(_mm512_srli_epi16::<4>(nibbles), mask);
                    for (row, exact) in exact.iter_mut().enumerate() {
                        let first = _mm512_dpbusd_epi32(exact[tile], low, _mm512_set1_epi32(*x.fours.add(row)));
                        exact[tile] = _mm512_dpbusd_epi32(first, high, _mm512_set1_epi32(*x.fours.add(M + row)));
                    }
                }
                x.fours = x.fours.add(2 * M);
            }
            for (tile, scales) in tiles.scales.iter_mut().enumerate() {
                let pairs = _mm256_loadu_si256(scales.add((2 + index % IN_K) * LANES).cast());
                let pairs = _mm512_cvtepu16_epi32(pairs);
                let scale = _mm512_cvtepi32_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(0xff)));
                let scale = _mm512_mul_ps(halves(*scales), scale);
                let minimum = _mm512_cvtepi32_ps(_mm512_srli_epi32::<8>(pairs));
                let minimum = _mm512_mul_ps(halves(scales.add(LANES)), minimum);
                if index % IN_K == IN_K - 1 {
                    *scales = scales.add(Q4K_SCALES);
                }
                for (row, totals) in totals.iter_mut().enumerate() {
                    let of_row = _mm512_mul_ps(scale, _mm512_set1_ps(*x.scales.add(row)));
                    let total = _mm512_fnmadd_ps(minimum, _mm512_set1_ps(*x.sums.add(row)), totals[tile]);
                    totals[tile] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact[row][tile]), of_row, total);
                }
            }
            (x.scales, x.sums) = (x.scales.add(M), x.sums.add(M));
        }
    }
}

impl Blocks for Q6K {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
    unsafe fn add<const M: usize, const C: usize>(
        index: usize,
        tiles: &mut Tiles<C>,
        x: &mut At,
        totals: &mut [[__m512; C]; M],
    ) {
        // SAFETY: the caller's, also of both halves.
        unsafe {
            for half in 0..std::hint::black_box(2) {
                add_sixteen(index % IN_K, half, tiles, x, totals);
            }
            if index % IN_K == IN_K - 1 {
                for scales in &mut tiles.scales {
                    *scales = scales.add(Q6K_SCALES);
                }
            }
            x.scales = x.scales.add(M);
        }
    }
}

/// Adds the first or the second 16 inputs of block `index` of eight, which have a scale of their own.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
unsafe fn add_sixteen<const M: usize, const C: usize>(
    index: usize,
    half: usize,
    tiles: &mut Tiles<C>,
    x: &mut At,
    totals: &mut [[__m512; C]; M],
) {
    let (low, high) = (_mm512_set1_epi8(0xf), _mm512_set1_epi8(0x30));
    // SAFETY: the caller's.
    unsafe {
        for (tile, weights) in tiles.weights.iter_mut().enumerate() {
            let (a, b, pairs) = (next(weights), next(weights), next(weights));
            let six = |nibbles, pairs| _mm512_or_si512(_mm512_and_si512(nibbles, low), _mm512_and_si512(pairs, high));
            let fours = [
                six(a, _mm512_slli_epi16::<4>(pairs)),
                six(_mm512_srli_epi16::<4>(a), _mm512_slli_epi16::<2>(pairs)),
                six(b, pairs),
                six(_mm512_srli_epi16::<4>(b), _mm512_srli_epi16::<2>(pairs)),
            ];
            let scales = tiles.scales[tile];
            let both = _mm512_cvtepi16_epi32(_mm256_loadu_si256(scales.add((1 + index) * LANES).cast()));
            // The first scale is the low byte, and both have a sign.
            let shift = _mm_cvtsi32_si128(if half == 0 { 24 } else { 16 });
            let scale = _mm512_srai_epi32::<24>(_mm512_sll_epi32(both, shift));
            let scale = _mm512_mul_ps(halves(scales), _mm512_cvtepi32_ps(scale));
            for (row, totals) in totals.iter_mut().enumerate() {
                let mut exact = _mm512_set1_epi32(*x.offsets.add(row));
                for (four, weights) in fours.into_iter().enumerate() {
                    exact = _mm512_dpbusd_epi32(exact, weights, _mm512_set1_epi32(*x.fours.add(four * M + row)));
                }
                let of_row = _mm512_mul_ps(scale, _mm512_set1_ps(*x.scales.add(row)));
                totals[tile] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact), of_row, totals[tile]);
            }
        }
        (x.fours, x.offsets) = (x.fours.add(4 * M), x.offsets.add(M));
    }
}
