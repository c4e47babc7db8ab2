//! AVX-512 VNNI: one instruction multiplies four inputs of 16 outputs.

mod k;
mod q8_0;

use std::arch::x86_64::*;
use std::sync::OnceLock;

use super::{FOURS, Rows};
use crate::matrix::Format;
use crate::product::{Group, tiles};

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
    let format = group.matrix.format();
    for block in 0..group.shape.blocks {
        let block = Block { group, rows, block };
        // SAFETY: the block's rows exist, and were quantised for this format.
        unsafe {
            match format {
                Format::Q8_0 => block.by_rows::<q8_0::Q8_0>(sums),
                Format::Q4K => block.by_rows::<k::Q4K>(sums),
                Format::Q6K => block.by_rows::<k::Q6K>(sums),
                Format::F32 | Format::F16 | Format::Bf16 => unreachable!("{format:?} has no bytes"),
            }
        }
    }
}

/// `C` tiles, from where a block of 32 inputs begins on.
struct Tiles<const C: usize> {
    weights: [*const u8; C],
    scales: [*const u16; C],
}

/// Rows, from where a block begins on.
struct At {
    fours: *const i32,
    scales: *const f32,
    offsets: *const i32,
    sums: *const f32,
}

/// Scales of 16 outputs.
#[inline]
#[target_feature(enable = "avx512f,f16c")]
unsafe fn halves(from: *const u16) -> __m512 {
    // SAFETY: the caller's.
    unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
}

/// How 32 inputs of a format are multiplied.
trait Blocks {
    /// Adds block `index` of `M` rows times `C` tiles to the totals, and leaves tiles and rows at the next.
    ///
    /// # Safety
    /// [`is_found`]; tiles and rows hold this block.
    unsafe fn add<const M: usize, const C: usize>(
        index: usize,
        tiles: &mut Tiles<C>,
        x: &mut At,
        totals: &mut [[__m512; C]; M],
    );
}

struct Block<'a> {
    group: &'a Group<'a>,
    rows: &'a Rows,
    block: usize,
}

impl Block<'_> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
    unsafe fn by_rows<B: Blocks>(&self, sums: &mut [f32]) {
        // SAFETY: the caller's.
        unsafe {
            match self.group.shape.rows {
                1 => self.all::<B, 1, 8>(sums),
                2 => self.all::<B, 2, 4>(sums),
                3 => self.all::<B, 3, 4>(sums),
                4 => self.all::<B, 4, 2>(sums),
                6 => self.all::<B, 6, 2>(sums),
                8 => self.all::<B, 8, 1>(sums),
                10 => self.all::<B, 10, 1>(sums),
                12 => self.all::<B, 12, 1>(sums),
                16 => self.all::<B, 16, 1>(sums),
                20 => self.all::<B, 20, 1>(sums),
                24 => self.all::<B, 24, 1>(sums),
                rows => unreachable!("a block of {rows} rows"),
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
    unsafe fn all<B: Blocks, const M: usize, const C: usize>(&self, sums: &mut [f32]) {
        assert!(self.group.shape.tiles.is_multiple_of(C), "tiles beyond the sums");
        for first in (0..self.group.shape.tiles).step_by(C) {
            // SAFETY: the caller's.
            unsafe { self.some::<B, M, C>(sums, first) };
        }
    }

    /// `M` rows times `C` tiles from tile `first` of the group on. Each sum is one chain over the blocks of 32 inputs.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,f16c")]
    unsafe fn some<B: Blocks, const M: usize, const C: usize>(&self, sums: &mut [f32], first: usize) {
        let blocks = self.rows.blocks;
        let mut tiles = Tiles { weights: [std::ptr::null::<u8>(); C], scales: [std::ptr::null::<u16>(); C] };
        for tile in 0..C {
            let (bytes, of_blocks) = self.group.matrix.tile(self.group.first + first + tile);
            (tiles.weights[tile], tiles.scales[tile]) = (bytes.as_ptr(), of_blocks.as_ptr());
        }
        let from = self.block * blocks * M;
        let parts = self.rows.offsets.len() / self.rows.scales.len().max(1);
        let mut x = At {
            fours: self.rows.fours[from * FOURS..].as_ptr(),
            scales: self.rows.scales[from..].as_ptr(),
            offsets: self.rows.offsets[from * parts..].as_ptr(),
            sums: self.rows.sums[from.min(self.rows.sums.len())..].as_ptr(),
        };
        let mut totals = [[_mm512_setzero_ps(); C]; M];
        for index in 0..blocks {
            // SAFETY: the tiles hold `blocks` blocks with their scales, the rows as many.
            unsafe { B::add(index, &mut tiles, &mut x, &mut totals) };
        }
        tiles::store(self.group, (self.block, first), totals, sums);
    }
}
