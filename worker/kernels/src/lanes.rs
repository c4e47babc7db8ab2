//! Sixteen f32 at a time, on whatever the processor has. A kernel is written once over [`Lanes`]; [`run`] gives it the widest
//! instructions found when the program started. Multiply-adds are fused on every kind but the portable one, so the kinds agree
//! bit for bit where a kernel fixes the order of its sums.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;

/// How many f32 a vector has.
pub(crate) const LANES: usize = 16;

/// Operations on vectors of [`LANES`] f32. Pointers must be valid for what an operation reads or writes; no alignment is asked.
///
/// Every function is unsafe for a second reason: it may run only inside [`run`], which has made sure of the instructions.
pub(crate) trait Lanes: Copy {
    type V: Copy;
    /// Vectors that a kernel may keep in registers as sums.
    const SUMS: usize;

    unsafe fn load(from: *const f32) -> Self::V;
    unsafe fn store(to: *mut f32, v: Self::V);
    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// The larger; `b` where either is no number.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; `b` where either is no number.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// a b + c.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// 16 pairs of bf16: the even elements, and the odd ones.
    unsafe fn bf16_pairs(from: *const u16) -> (Self::V, Self::V);
    /// 16 f16.
    unsafe fn f16(from: *const u16) -> Self::V;
    /// Of 16 little-endian u32 the bits of `mask`, shifted right by `shift` before; as numbers, below 2²⁴.
    unsafe fn bits(from: *const u8, shift: u32, mask: u32) -> Self::V;
    /// 2ⁿ of integers n that were added to 1.5 · 2²³, -126 <= n <= 127.
    unsafe fn power_of_two(n: Self::V) -> Self::V;
    /// 0 where `x < limit`, else `v`.
    unsafe fn keep_from(v: Self::V, x: Self::V, limit: Self::V) -> Self::V;
    /// Asks for the cache line at `at`, which need not be memory of ours, to be near soon: in the second level, for several streams at
    /// once would push each other out of the first.
    unsafe fn prefetch(at: *const u8);

    /// Exchanges row i's element j and row j's element i.
    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self::V; LANES]) {
        // SAFETY: arrays of whole vectors.
        unsafe {
            let mut plain = [[0f32; LANES]; LANES];
            for (index, row) in rows.iter().enumerate() {
                for (lane, value) in Self::to_array(*row).into_iter().enumerate() {
                    plain[lane][index] = value;
                }
            }
            for (row, plain) in rows.iter_mut().zip(&plain) {
                *row = Self::load(plain.as_ptr());
            }
        }
    }

    /// The elements of `v`.
    #[inline(always)]
    unsafe fn to_array(v: Self::V) -> [f32; LANES] {
        let mut array = [0f32; LANES];
        // SAFETY: the array has room for a vector.
        unsafe { Self::store(array.as_mut_ptr(), v) };
        array
    }

    /// The sum of all lanes, in a fixed order.
    #[inline(always)]
    unsafe fn sum(v: Self::V) -> f32 {
        // SAFETY: the caller's.
        let mut lanes = unsafe { Self::to_array(v) };
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                lanes[lane] += lanes[lane + half];
            }
        }
        lanes[0]
    }

    #[inline(always)]
    unsafe fn largest(v: Self::V) -> f32 {
        // SAFETY: the caller's.
        unsafe { Self::to_array(v) }.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// eˣ within 2 units in the last place; 0 below -87, where it would soon be denormal; as at 88 above it; no number for none.
    #[inline(always)]
    unsafe fn exp(x: Self::V) -> Self::V {
        const MAGIC: f32 = 12_582_912.0;
        // ln 2 in two pieces, so that x - n ln 2 is exact enough.
        const LN2_HIGH: f32 = 0.693_359_4;
        const LN2_LOW: f32 = -2.121_944_4e-4;
        const LOWEST: f32 = -87.0;
        // The series of eʳ on |r| <= ln 2 / 2, fitted (Cephes' coefficients).
        const SERIES: [f32; 5] = [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5];
        // SAFETY: the caller's.
        unsafe {
            let inside = Self::min(Self::splat(88.0), Self::max(Self::splat(LOWEST), x));
            let shifted = Self::fma(inside, Self::splat(std::f32::consts::LOG2_E), Self::splat(MAGIC));
            let n = Self::sub(shifted, Self::splat(MAGIC));
            let r = Self::fma(n, Self::splat(-LN2_HIGH), inside);
            let r = Self::fma(n, Self::splat(-LN2_LOW), r);
            let mut sum = Self::splat(1.987_569_1e-4);
            for coefficient in SERIES {
                sum = Self::fma(sum, r, Self::splat(coefficient));
            }
            let e = Self::fma(sum, Self::mul(r, r), Self::add(r, Self::splat(1.0)));
            Self::keep_from(Self::mul(e, Self::power_of_two(shifted)), x, Self::splat(LOWEST))
        }
    }

    /// tanh x = 1 - 2 / (e²ˣ + 1).
    #[inline(always)]
    unsafe fn tanh(x: Self::V) -> Self::V {
        // SAFETY: the caller's.
        unsafe {
            let one = Self::splat(1.0);
            let e = Self::exp(Self::add(x, x));
            Self::sub(one, Self::div(Self::splat(2.0), Self::add(e, one)))
        }
    }
}

/// What can be run on any kind of lanes.
pub(crate) trait Kernel {
    /// Must be `#[inline(always)]`: only then is it compiled for the instructions of `L`.
    fn run<L: Lanes>(self);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

#[cfg(test)]
thread_local! {
    /// The kind that this thread runs on instead of the one found.
    pub(crate) static FORCED: std::cell::Cell<Option<Kind>> = const { std::cell::Cell::new(None) };
}

impl Kind {
    #[cfg(target_arch = "x86_64")]
    fn found() -> Self {
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        if avx512 {
            Self::Avx512
        } else if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
        {
            Self::Avx2
        } else {
            Self::Portable
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn found() -> Self {
        Self::Neon
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn found() -> Self {
        Self::Portable
    }
}

pub(crate) fn kind() -> Kind {
    #[cfg(test)]
    if let Some(forced) = FORCED.get() {
        return forced;
    }
    static KIND: OnceLock<Kind> = OnceLock::new();
    *KIND.get_or_init(Kind::found)
}

/// The instructions that kernels run on: "avx512", "avx2", "neon" or "portable".
pub fn instructions() -> &'static str {
    match kind() {
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => "avx512",
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => "avx2",
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => "neon",
        Kind::Portable => "portable",
    }
}

/// Vectors that a kernel may keep in registers as sums, on the lanes that [`run`] takes.
pub(crate) fn sums() -> usize {
    match kind() {
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => avx512::Avx512::SUMS,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => avx2::Avx2::SUMS,
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => neon::Neon::SUMS,
        Kind::Portable => Portable::SUMS,
    }
}

/// Runs a kernel on the widest lanes that this processor has.
pub(crate) fn run(kernel: impl Kernel) {
    match kind() {
        // SAFETY: the instructions were found on this processor.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 => unsafe { avx512::run(kernel) },
        // SAFETY: the same.
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => unsafe { avx2::run(kernel) },
        #[cfg(target_arch = "aarch64")]
        Kind::Neon => kernel.run::<neon::Neon>(),
        Kind::Portable => kernel.run::<Portable>(),
    }
}

#[cfg(test)]
mod tests;
