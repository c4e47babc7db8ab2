//! What the AVX-512 kernels share that sum whole tiles: how weights stream in, and where sums go.

use std::arch::x86_64::*;

use super::Group;
use super::weights::AHEAD;
use crate::lanes::LANES;

/// A vector of a tile's weights, and the request for one further on; leaves `weights` at the next.
///
/// # Safety
/// The processor has AVX-512; a vector of weights lies there.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn next(weights: &mut *const u8) -> __m512i {
    // SAFETY: the caller's.
    unsafe {
        let vector = _mm512_loadu_si512(weights.cast());
        _mm_prefetch::<_MM_HINT_T1>(weights.wrapping_add(AHEAD).cast());
        *weights = weights.add(LANES * 4);
        vector
    }
}

/// Writes the totals of block `block` of `M` rows and of the `C` tiles from tile `first` of the group on to `sums`, [rows][tiles][16].
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store<const M: usize, const C: usize>(
    group: &Group<'_>,
    (block, first): (usize, usize),
    totals: [[__m512; C]; M],
    sums: &mut [f32],
) {
    for (row, totals) in totals.into_iter().enumerate() {
        for (tile, total) in totals.into_iter().enumerate() {
            let at = ((block * M + row) * group.shape.tiles + first + tile) * LANES;
            // SAFETY: a whole vector of the sums.
            unsafe { _mm512_storeu_ps(sums[at..at + LANES].as_mut_ptr(), total) };
        }
    }
}
