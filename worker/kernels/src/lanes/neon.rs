//! Lanes of NEON, which every 64-bit ARM processor has: four registers each.

use std::arch::aarch64::*;

use super::{Lanes, Portable};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon;

#[inline(always)]
fn each(of: impl Fn(usize) -> float32x4_t) -> [float32x4_t; 4] {
    std::array::from_fn(of)
}

impl Lanes for Neon {
    type V = [float32x4_t; 4];
    const SUMS: usize = 6;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller's, here and below.
        each(|i| unsafe { vld1q_f32(from.add(4 * i)) })
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        for (i, v) in v.into_iter().enumerate() {
            unsafe { vst1q_f32(to.add(4 * i), v) }
        }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        unsafe { [vdupq_n_f32(value); 4] }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        each(|i| unsafe { vaddq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        each(|i| unsafe { vsubq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        each(|i| unsafe { vmulq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        each(|i| unsafe { vdivq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        each(|i| unsafe { vmaxq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        each(|i| unsafe { vminq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        each(|i| unsafe { vfmaq_f32(c[i], a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn bf16_pairs(from: *const u16) -> (Self::V, Self::V) {
        unsafe {
            let pairs: [uint32x4_t; 4] = std::array::from_fn(|i| vreinterpretq_u32_u16(vld1q_u16(from.add(8 * i))));
            let high = vdupq_n_u32(0xffff_0000);
            (
                each(|i| vreinterpretq_f32_u32(vshlq_n_u32::<16>(pairs[i]))),
                each(|i| vreinterpretq_f32_u32(vandq_u32(pairs[i], high))),
            )
        }
    }

    #[inline(always)]
    unsafe fn f16(from: *const u16) -> Self::V {
        unsafe { Self::load(Portable::f16(from).as_ptr()) }
    }

    #[inline(always)]
    unsafe fn bits(from: *const u8, shift: u32, mask: u32) -> Self::V {
        each(|i| unsafe {
            let words = vreinterpretq_u32_u8(vld1q_u8(from.add(16 * i)));
            let shifted = vshlq_u32(words, vdupq_n_s32(-shift.cast_signed()));
            vcvtq_f32_u32(vandq_u32(shifted, vdupq_n_u32(mask)))
        })
    }

    #[inline(always)]
    unsafe fn power_of_two(n: Self::V) -> Self::V {
        each(|i| unsafe {
            let exponent = vshlq_n_u32::<23>(vreinterpretq_u32_f32(n[i]));
            vreinterpretq_f32_u32(vaddq_u32(exponent, vdupq_n_u32(1f32.to_bits())))
        })
    }

    #[inline(always)]
    unsafe fn keep_from(v: Self::V, x: Self::V, limit: Self::V) -> Self::V {
        each(|i| unsafe { vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(v[i]), vcltq_f32(x[i], limit[i]))) })
    }

    #[inline(always)]
    unsafe fn prefetch(_: *const u8) {}
}
