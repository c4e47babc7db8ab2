//! Lanes of AVX2 with FMA and F16C: two registers each.

use std::arch::x86_64::*;

use super::{Kernel, LANES, Lanes};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2;

/// # Safety
/// The processor has these instructions.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn run(kernel: impl Kernel) {
    kernel.run::<Avx2>();
}

#[inline(always)]
fn both(a: [__m256; 2], b: [__m256; 2], of: impl Fn(__m256, __m256) -> __m256) -> [__m256; 2] {
    [of(a[0], b[0]), of(a[1], b[1])]
}

impl Lanes for Avx2 {
    type V = [__m256; 2];
    const SUMS: usize = 6;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller's, here and below.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        unsafe {
            _mm256_storeu_ps(to, v[0]);
            _mm256_storeu_ps(to.add(8), v[1]);
        }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        both(a, b, |a, b| unsafe { _mm256_add_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        both(a, b, |a, b| unsafe { _mm256_sub_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        both(a, b, |a, b| unsafe { _mm256_mul_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        both(a, b, |a, b| unsafe { _mm256_div_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        both(a, b, |a, b| unsafe { _mm256_max_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        both(a, b, |a, b| unsafe { _mm256_min_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    unsafe fn bf16_pairs(from: *const u16) -> (Self::V, Self::V) {
        unsafe {
            let pairs = [_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(LANES).cast())];
            let mask = _mm256_set1_epi32(0xffff_0000_u32 as i32);
            let even = [
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs[0])),
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs[1])),
            ];
            let odd = [
                _mm256_castsi256_ps(_mm256_and_si256(pairs[0], mask)),
                _mm256_castsi256_ps(_mm256_and_si256(pairs[1], mask)),
            ];
            (even, odd)
        }
    }

    #[inline(always)]
    unsafe fn f16(from: *const u16) -> Self::V {
        unsafe { [_mm256_cvtph_ps(_mm_loadu_si128(from.cast())), _mm256_cvtph_ps(_mm_loadu_si128(from.add(8).cast()))] }
    }

    #[inline(always)]
    unsafe fn bits(from: *const u8, shift: u32, mask: u32) -> Self::V {
        let half = |from: *const u8| unsafe {
            let shifted = _mm256_srl_epi32(_mm256_loadu_si256(from.cast()), _mm_cvtsi32_si128(shift.cast_signed()));
            _mm256_cvtepi32_ps(_mm256_and_si256(shifted, _mm256_set1_epi32(mask.cast_signed())))
        };
        unsafe { [half(from), half(from.add(32))] }
    }

    #[inline(always)]
    unsafe fn power_of_two(n: Self::V) -> Self::V {
        both(n, n, |n, _| unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(n));
            _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(1f32.to_bits() as i32)))
        })
    }

    #[inline(always)]
    unsafe fn keep_from(v: Self::V, x: Self::V, limit: Self::V) -> Self::V {
        both(v, both(x, limit, |x, limit| unsafe { _mm256_cmp_ps::<_CMP_NLT_UQ>(x, limit) }), |v, mask| unsafe {
            _mm256_and_ps(v, mask)
        })
    }

    #[inline(always)]
    unsafe fn prefetch(at: *const u8) {
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
    }
}
