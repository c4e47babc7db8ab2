//! Lanes of plain Rust, for processors without a kind of their own and as the yardstick of the others in tests.

use half::{bf16, f16};

use super::{LANES, Lanes};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

#[inline(always)]
fn each(value: impl Fn(usize) -> f32) -> [f32; LANES] {
    std::array::from_fn(value)
}

impl Lanes for Portable {
    type V = [f32; LANES];
    const SUMS: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the caller's.
        unsafe { from.cast::<[f32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(v) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        each(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        each(|lane| a[lane] - b[lane])
    }

    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        each(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        each(|lane| a[lane] / b[lane])
    }

    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        each(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        each(|lane| if a[lane] < b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        each(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    unsafe fn bf16_pairs(from: *const u16) -> (Self::V, Self::V) {
        // SAFETY: the caller's.
        let pairs = unsafe { from.cast::<[[u16; 2]; LANES]>().read_unaligned() };
        let side = |side: usize| each(|lane| bf16::from_bits(pairs[lane][side]).to_f32());
        (side(0), side(1))
    }

    #[inline(always)]
    unsafe fn f16(from: *const u16) -> Self::V {
        // SAFETY: the caller's.
        let halves = unsafe { from.cast::<[u16; LANES]>().read_unaligned() };
        each(|lane| f16::from_bits(halves[lane]).to_f32())
    }

    #[inline(always)]
    unsafe fn bits(from: *const u8, shift: u32, mask: u32) -> Self::V {
        // SAFETY: the caller's.
        let words = unsafe { from.cast::<[[u8; 4]; LANES]>().read_unaligned() };
        each(|lane| (u32::from_le_bytes(words[lane]) >> shift & mask) as f32)
    }

    #[inline(always)]
    unsafe fn power_of_two(n: Self::V) -> Self::V {
        each(|lane| f32::from_bits((n[lane].to_bits() << 23).wrapping_add(1f32.to_bits())))
    }

    #[inline(always)]
    unsafe fn keep_from(v: Self::V, x: Self::V, limit: Self::V) -> Self::V {
        each(|lane| if x[lane] < limit[lane] { 0.0 } else { v[lane] })
    }

    #[inline(always)]
    unsafe fn prefetch(_: *const u8) {}
}
