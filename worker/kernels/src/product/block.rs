//! The innermost loops: a block of rows times a few tiles, every sum in a register.

use super::weights::Weights;
use crate::lanes::{self, LANES, Lanes};
use crate::parallel::{self, Shared};

/// Tiles of a group at the most.
pub(super) const MOST_TILES: usize = 8;
/// Rows of a block at the most: two tiles at once have twelve each.
const MOST_ROWS: usize = 24;

/// Rows that need not be packed.
pub(super) const MOST_APART: usize = 12;

/// How many rows and tiles are summed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Rows of a block.
    pub(super) rows: usize,
    /// Tiles of a group.
    pub(super) tiles: usize,
    pub(super) blocks: usize,
}

impl Shape {
    /// Of `rows` and a matrix of `tiles`. One block while registers hold the sums of all rows and a tile, else blocks of two tiles and
    /// of equal size; rounded up to a size that there is code for.
    pub(super) fn of(rows: usize, tiles: usize) -> Self {
        let sums = MOST_ROWS.min(lanes::sums());
        let most = if rows <= sums { sums } else { (sums / 2).max(6).min(sums) };
        let blocks = rows.div_ceil(most);
        let even = rows.div_ceil(blocks.max(1));
        let rows =
            [1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24].into_iter().find(|size| *size >= even).unwrap_or(MOST_ROWS);
        let at_once = Self { rows, tiles: 0, blocks }.at_once();
        // As many as a thread can keep without leaving another without work.
        let fair = tiles / (4 * rayon::current_num_threads());
        let tiles = if blocks > 1 { 2 } else { (fair / at_once * at_once).clamp(at_once, MOST_TILES) };
        Self { rows, tiles, blocks }
    }

    /// Tiles whose sums are in registers at once.
    pub(super) fn at_once(self) -> usize {
        match self.rows {
            1..=3 => 8,
            4..=6 => 4,
            7..=12 => 2,
            _ => 1,
        }
    }

    pub(super) fn padded_rows(self) -> usize {
        self.rows * self.blocks
    }
}

/// Where the innermost loop finds a block's inputs.
pub(super) trait X: Copy {
    /// Block `block` of `rows` rows, from input `from` of `inputs` on. What lies beyond the last row is any row.
    fn at(self, block: usize, rows: usize, from: usize, inputs: usize) -> Self;
    /// An input of one of the block's `M` rows.
    unsafe fn get<const M: usize>(&self, row: usize, input: usize) -> f32;
}

/// Rows that lie one after the other.
#[derive(Clone, Copy)]
pub(super) struct Apart<'a> {
    x: &'a [f32],
    count: usize,
    rows: [*const f32; MOST_APART],
}

impl<'a> Apart<'a> {
    pub(super) fn new(x: &'a [f32], count: usize) -> Self {
        Self { x, count, rows: [std::ptr::null(); MOST_APART] }
    }
}

impl X for Apart<'_> {
    #[inline(always)]
    fn at(mut self, block: usize, rows: usize, from: usize, inputs: usize) -> Self {
        for (index, row) in self.rows.iter_mut().enumerate() {
            *row = self.x[(block * rows + index).min(self.count - 1) * inputs + from..].as_ptr();
        }
        self
    }

    #[inline(always)]
    unsafe fn get<const M: usize>(&self, row: usize, input: usize) -> f32 {
        // SAFETY: the caller's.
        unsafe { *self.rows[if M <= MOST_APART { row } else { 0 }].add(input) }
    }
}

/// Blocks of rows that lie beside each other, [blocks][inputs][M].
#[derive(Clone, Copy)]
pub(super) struct Packed<'a>(pub(super) &'a [f32]);

impl X for Packed<'_> {
    #[inline(always)]
    fn at(self, block: usize, rows: usize, from: usize, inputs: usize) -> Self {
        Self(&self.0[(block * inputs + from) * rows..])
    }

    #[inline(always)]
    unsafe fn get<const M: usize>(&self, row: usize, input: usize) -> f32 {
        // SAFETY: the caller's.
        unsafe { *self.0.as_ptr().add(input * M + row) }
    }
}

/// Rows laid out for [`Packed`]; what lies beyond the last is zero.
pub(super) fn packed(x: &[f32], rows: usize, shape: Shape) -> Vec<f32> {
    let inputs = x.len() / rows;
    let mut packed = vec![0f32; shape.padded_rows() * inputs];
    let size = shape.rows * inputs;
    let shared = Shared::new(&mut packed);
    parallel::each(shape.blocks, |block| {
        // SAFETY: each block is packed once.
        let block_of = unsafe { shared.part(block * size, size) };
        for (row, x) in x.chunks_exact(inputs).skip(block * shape.rows).take(shape.rows).enumerate() {
            for (to, from) in block_of[row..].iter_mut().step_by(shape.rows).zip(x) {
                *to = *from;
            }
        }
    });
    packed
}

/// What is asked for at every step, so that it is near when it is its turn: for each tile that is summed, some memory.
#[derive(Clone, Copy)]
pub(super) struct Next {
    pub(super) at: [*const u8; MOST_TILES],
    /// Bytes between what two steps ask for.
    pub(super) stride: usize,
}

/// Adds all `inputs` of a block of rows, times a few tiles, to `sums`, [rows][tiles][16].
///
/// # Safety
/// Tiles and rows hold that many inputs.
#[inline(always)]
pub(super) unsafe fn add<L: Lanes, W: Weights, R: X>(
    shape: Shape,
    tiles: [*const u8; MOST_TILES],
    x: R,
    (inputs, next): (usize, Next),
    sums: &mut [f32],
) {
    assert!(sums.len() >= shape.rows * shape.tiles * LANES, "not all sums");
    let block = Block { tiles, x, inputs, next, sums: sums.as_mut_ptr(), width: shape.tiles };
    // SAFETY: the caller's, and the sums are all there.
    unsafe {
        match shape.rows {
            1 => block.by_tiles::<L, W, 1, 8>(),
            2 => block.by_tiles::<L, W, 2, 8>(),
            3 => block.by_tiles::<L, W, 3, 8>(),
            4 => block.by_tiles::<L, W, 4, 4>(),
            6 => block.by_tiles::<L, W, 6, 4>(),
            8 => block.by_tiles::<L, W, 8, 2>(),
            10 => block.by_tiles::<L, W, 10, 2>(),
            12 => block.by_tiles::<L, W, 12, 2>(),
            14 => block.by_tiles::<L, W, 14, 1>(),
            16 => block.by_tiles::<L, W, 16, 1>(),
            20 => block.by_tiles::<L, W, 20, 1>(),
            24 => block.by_tiles::<L, W, 24, 1>(),
            rows => unreachable!("a block of {rows} rows"),
        }
    }
}

struct Block<R> {
    tiles: [*const u8; MOST_TILES],
    x: R,
    inputs: usize,
    next: Next,
    sums: *mut f32,
    width: usize,
}

impl<R: X> Block<R> {
    /// As many tiles at once as the registers of `L` hold sums for, of the `C` there may be.
    #[inline(always)]
    unsafe fn by_tiles<L: Lanes, W: Weights, const M: usize, const C: usize>(&self) {
        // SAFETY: the caller's.
        unsafe {
            if M * C <= L::SUMS {
                self.all::<L, W, M, C>();
            } else if C > 4 && M * 4 <= L::SUMS {
                self.all::<L, W, M, 4>();
            } else if C > 2 && M * 2 <= L::SUMS {
                self.all::<L, W, M, 2>();
            } else {
                self.all::<L, W, M, 1>();
            }
        }
    }

    #[inline(always)]
    unsafe fn all<L: Lanes, W: Weights, const M: usize, const C: usize>(&self) {
        assert!(self.width.is_multiple_of(C), "tiles beyond the sums");
        let mut first = 0;
        while first < self.width {
            // SAFETY: the caller's.
            unsafe { self.some::<L, W, M, C>(first) };
            first += C;
        }
    }

    /// `M` rows times `C` tiles.
    #[inline(always)]
    unsafe fn some<L: Lanes, W: Weights, const M: usize, const C: usize>(&self, first: usize) {
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [[L::splat(0.0); C]; M];
            for (row, sums) in sums.iter_mut().enumerate() {
                for (tile, sum) in sums.iter_mut().enumerate() {
                    *sum = L::load(self.sum(row, first + tile));
                }
            }
            let whole = self.inputs / W::STEP;
            for step in 0..whole {
                for next in &self.next.at[first..first + C] {
                    L::prefetch(next.wrapping_add(step * self.next.stride));
                }
                let mut weights = [[L::splat(0.0); 2]; C];
                for (tile, weights) in weights.iter_mut().enumerate() {
                    *weights = W::step::<L>(self.tiles[first + tile].add(step * W::BYTES));
                }
                for part in 0..W::STEP {
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let x = L::splat(self.x.get::<M>(row, step * W::STEP + part));
                        for (sum, weights) in sums.iter_mut().zip(&weights) {
                            *sum = L::fma(x, weights[part], *sum);
                        }
                    }
                }
            }
            if whole * W::STEP < self.inputs {
                for (row, sums) in sums.iter_mut().enumerate() {
                    let x = L::splat(self.x.get::<M>(row, whole * W::STEP));
                    for (tile, sum) in sums.iter_mut().enumerate() {
                        let [weight, _] = W::step::<L>(self.tiles[first + tile].add(whole * W::BYTES));
                        *sum = L::fma(x, weight, *sum);
                    }
                }
            }
            for (row, sums) in sums.into_iter().enumerate() {
                for (tile, sum) in sums.into_iter().enumerate() {
                    L::store(self.sum(row, first + tile), sum);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn sum(&self, row: usize, tile: usize) -> *mut f32 {
        // SAFETY: the caller's.
        unsafe { self.sums.add((row * self.width + tile) * LANES) }
    }
}
