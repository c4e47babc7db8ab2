//! Rows times a packed matrix: out = x wᵀ + b. Each output is one chain of fused multiply-adds in the order of the inputs, so
//! a row's result is the same alone and in any batch, on any number of threads.
//!
//! Threads take groups of tiles. Few rows: many tiles at once, so that enough sums are under way while memory streams by. Many rows:
//! few tiles, widened to f32 once in a buffer that fits the second-level cache, and a block of rows at a time against it.

mod bf16;
mod block;
mod blocks;
mod int8;
#[cfg(target_arch = "x86_64")]
mod tiles;
mod weights;

use std::cell::Cell;
use std::mem::MaybeUninit;

use crate::lanes::{self, Kernel, LANES, Lanes};
use crate::matrix::{Format, Matrix};
use crate::parallel::{self, Shared};
use block::{Apart, MOST_TILES, Next, Packed, Shape, X};
use blocks::{Q4K, Q6K, Q8_0};
use weights::{AHEAD, Bf16, F16, F32, Weights, Widen};

/// Inputs of one panel of widened weights: a panel of two tiles is 64 KiB, the rows' part of it a first-level cache's.
const PANEL: usize = 512;
/// Elements of the rows that a panel of one block covers: with what else is in use they fit a first-level cache.
const NEAR: usize = 4096;
/// Multiply-adds of a product below which threads cost more than they save.
const PARALLEL_FROM: usize = 1 << 16;

thread_local! {
    /// Taken by the group that a thread works at, and put back.
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch { sums: Vec::new(), panel: Vec::new() }) };
}

/// Sums of a group and its panel of widened weights.
#[derive(Default)]
struct Scratch {
    sums: Vec<f32>,
    panel: Vec<f32>,
}

/// The rows as the innermost loop wants them.
enum Rows<'a> {
    /// One block, where they are.
    Apart(&'a [f32]),
    /// Several blocks, each [inputs][rows of a block].
    Packed(Vec<f32>),
    Bytes(int8::Rows),
    Pairs(bf16::Rows),
}

impl Matrix {
    /// x wᵀ + b as [rows, outputs], of x [rows, inputs] and b [outputs].
    ///
    /// # Panics
    /// When x is not rows × inputs or b not outputs long.
    pub fn product(&self, x: &[f32], rows: usize, bias: Option<&[f32]>) -> Vec<f32> {
        assert_eq!(x.len(), rows * self.inputs(), "x is not rows × inputs");
        assert!(bias.is_none_or(|bias| bias.len() == self.outputs()), "bias is not outputs long");
        let length = rows * self.outputs();
        let mut out = Vec::with_capacity(length);
        if rows == 0 {
            return out;
        }
        let (shape, wanted) = self.wanted(x, rows);
        assert!(shape.padded_rows() >= rows, "not all rows");
        let shared = Shared::new(out.spare_capacity_mut());
        let groups = self.tiles().div_ceil(shape.tiles);
        let group = |index: usize| {
            let first = index * shape.tiles;
            let group = Group { matrix: self, x: &wanted, rows, bias, shape, first, out: shared };
            group.compute();
        };
        if length * self.inputs() < PARALLEL_FROM {
            (0..groups).for_each(group);
        } else {
            parallel::each(groups, group);
        }
        // SAFETY: the groups cover all outputs, and each writes its outputs of every row.
        unsafe { out.set_len(length) };
        out
    }

    /// How the product is computed, and the rows as that wants them.
    fn wanted<'a>(&self, x: &'a [f32], rows: usize) -> (Shape, Rows<'a>) {
        match self.format() {
            format @ (Format::Q8_0 | Format::Q4K | Format::Q6K) if int8::is_fast() => {
                let shape = int8::shape(rows);
                (shape, Rows::Bytes(int8::Rows::of(x, rows, shape, format)))
            }
            Format::Bf16 if self.rounds() && bf16::is_fast() => {
                let shape = Shape::of(rows, self.tiles());
                // SAFETY: it is fast.
                (shape, Rows::Pairs(unsafe { bf16::Rows::of(x, rows, shape) }))
            }
            Format::F32 | Format::F16 | Format::Bf16 | Format::Q8_0 | Format::Q4K | Format::Q6K => {
                let shape = Shape::of(rows, self.tiles());
                let apart = shape.blocks == 1 && shape.rows <= block::MOST_APART;
                (shape, if apart { Rows::Apart(x) } else { Rows::Packed(block::packed(x, rows, shape)) })
            }
        }
    }
}

/// A product's outputs from tile `first` on, as many as a thread takes at once.
struct Group<'a> {
    matrix: &'a Matrix,
    x: &'a Rows<'a>,
    rows: usize,
    bias: Option<&'a [f32]>,
    shape: Shape,
    first: usize,
    out: Shared<MaybeUninit<f32>>,
}

impl Group<'_> {
    fn compute(&self) {
        let mut scratch = SCRATCH.take();
        scratch.sums.clear();
        scratch.sums.resize(self.shape.padded_rows() * self.shape.tiles * LANES, 0.0);
        match self.x {
            // SAFETY: rows are made so only where it is fast, and the sums are those of the shape.
            Rows::Bytes(rows) => unsafe { int8::run(self, rows, &mut scratch.sums) },
            // SAFETY: the same.
            Rows::Pairs(rows) => unsafe { bf16::run(self, rows, &mut scratch.sums) },
            Rows::Apart(_) | Rows::Packed(_) => lanes::run(Sums { group: self, scratch: &mut scratch }),
        }
        self.deliver(&scratch.sums);
        SCRATCH.set(scratch);
    }

    /// Adds the bias, and writes what belongs to outputs that exist.
    fn deliver(&self, sums: &[f32]) {
        let outputs = self.matrix.outputs();
        let width = self.shape.tiles * LANES;
        let from = self.first * LANES;
        let count = width.min(outputs - from);
        for (row, sums) in sums.chunks_exact(width).take(self.rows).enumerate() {
            // SAFETY: no other group has these outputs.
            let out = unsafe { self.out.part(row * outputs + from, count) };
            match self.bias {
                Some(bias) => {
                    for ((out, sum), bias) in out.iter_mut().zip(sums).zip(&bias[from..]) {
                        out.write(sum + bias);
                    }
                }
                None => {
                    for (out, sum) in out.iter_mut().zip(sums) {
                        out.write(*sum);
                    }
                }
            }
        }
    }
}

/// Computes the sums of a group.
struct Sums<'a> {
    group: &'a Group<'a>,
    scratch: &'a mut Scratch,
}

impl Kernel for Sums<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let group = self.group;
        match (group.matrix.format(), group.x) {
            (Format::F32, Rows::Apart(x)) => self.streamed::<L, F32, Apart<'_>>(Apart::new(x, group.rows)),
            (Format::F16, Rows::Apart(x)) => self.streamed::<L, F16, Apart<'_>>(Apart::new(x, group.rows)),
            (Format::Bf16, Rows::Apart(x)) => self.streamed::<L, Bf16, Apart<'_>>(Apart::new(x, group.rows)),
            (Format::Q8_0, Rows::Apart(x)) => self.widened::<L, Q8_0, Apart<'_>>(Apart::new(x, group.rows)),
            (Format::Q4K, Rows::Apart(x)) => self.widened::<L, Q4K, Apart<'_>>(Apart::new(x, group.rows)),
            (Format::Q6K, Rows::Apart(x)) => self.widened::<L, Q6K, Apart<'_>>(Apart::new(x, group.rows)),
            (Format::F32, Rows::Packed(x)) => self.packed::<L, F32>(Packed(x)),
            (Format::F16, Rows::Packed(x)) => self.packed::<L, F16>(Packed(x)),
            (Format::Bf16, Rows::Packed(x)) => self.packed::<L, Bf16>(Packed(x)),
            (Format::Q8_0, Rows::Packed(x)) => self.widened::<L, Q8_0, Packed<'_>>(Packed(x)),
            (Format::Q4K, Rows::Packed(x)) => self.widened::<L, Q4K, Packed<'_>>(Packed(x)),
            (Format::Q6K, Rows::Packed(x)) => self.widened::<L, Q6K, Packed<'_>>(Packed(x)),
            (_, Rows::Bytes(_) | Rows::Pairs(_)) => {}
        }
    }
}

impl Sums<'_> {
    #[inline(always)]
    fn packed<L: Lanes, W: Weights + Widen>(self, x: Packed<'_>) {
        match self.group.shape.blocks {
            1 => self.streamed::<L, W, Packed<'_>>(x),
            _ => self.widened::<L, W, Packed<'_>>(x),
        }
    }

    /// One block of rows against the weights as they are, so many inputs at a time that the rows stay near.
    #[inline(always)]
    fn streamed<L: Lanes, W: Weights, R: X>(self, x: R) {
        let Group { matrix, shape, .. } = *self.group;
        let per_input = W::BYTES / W::STEP;
        let panel = (NEAR / shape.rows).next_multiple_of(2);
        let mut from = 0;
        while from < matrix.inputs() {
            let inputs = panel.min(matrix.inputs() - from);
            let tiles = self.group.tiles(self.group.first, from * per_input);
            let next = match shape.rows {
                // Many tiles at once: each goes on being read for long.
                ..=6 => tiles.map(|tile| tile.wrapping_add(AHEAD)),
                // Few at once: those that are summed after them, of this panel or the next.
                _ => self.group.following(tiles, from + inputs, per_input),
            };
            let x = x.at(0, shape.rows, from, matrix.inputs());
            let next = Next { at: next, stride: W::BYTES };
            // SAFETY: a tile and a row hold `inputs` inputs from here on.
            unsafe { block::add::<L, W, R>(shape, tiles, x, (inputs, next), &mut self.scratch.sums) };
            from += inputs;
        }
    }

    /// All blocks of rows against panels of weights widened to f32, [tile][input][16].
    #[inline(always)]
    fn widened<L: Lanes, W: Widen, R: X>(self, x: R) {
        let Group { matrix, shape, first, .. } = *self.group;
        let Scratch { sums, panel } = self.scratch;
        panel.resize(shape.tiles * PANEL * LANES, 0.0);
        let mut from = 0;
        while from < matrix.inputs() {
            let inputs = PANEL.min(matrix.inputs() - from);
            let mut tiles = [std::ptr::null(); MOST_TILES];
            for (index, panel) in panel.chunks_exact_mut(PANEL * LANES).enumerate() {
                tiles[index] = if W::IN_PLACE {
                    matrix.tile(first + index).0[from * LANES * size_of::<f32>()..].as_ptr()
                } else {
                    W::widen::<L>(matrix, first + index, from..from + inputs, panel);
                    panel.as_ptr().cast()
                };
            }
            for (block, sums) in sums.chunks_exact_mut(shape.rows * shape.tiles * LANES).enumerate() {
                let x = x.at(block, shape.rows, from, matrix.inputs());
                let next = self.group.next(block, from + inputs);
                // SAFETY: the panel and the rows hold `inputs` inputs from here on.
                unsafe { block::add::<L, F32, R>(shape, tiles, x, (inputs, next), sums) };
            }
            from += inputs;
        }
    }
}

impl Group<'_> {
    /// Where the tiles from `first` on lie, from byte `from` on. A tile beyond the last is the last.
    #[inline(always)]
    fn tiles(&self, first: usize, from: usize) -> [*const u8; MOST_TILES] {
        let mut tiles = [std::ptr::null(); MOST_TILES];
        for (index, tile) in tiles.iter_mut().enumerate() {
            *tile = self.matrix.tile(first + index).0[from..].as_ptr();
        }
        tiles
    }

    /// For each tile the one that is summed when it is: so many tiles on in this panel, or where there is none in the next panel,
    /// which begins at input `from`.
    #[inline(always)]
    fn following(&self, tiles: [*const u8; MOST_TILES], from: usize, per_input: usize) -> [*const u8; MOST_TILES] {
        let (first, from) = self.later(from);
        let later = self.tiles(first, from * per_input);
        let (width, at_once) = (self.shape.tiles, self.shape.at_once());
        let mut following = tiles;
        for (index, tile) in following.iter_mut().enumerate().take(width) {
            let next = index + at_once;
            *tile = if next < width { tiles[next] } else { later[next - width] };
        }
        following
    }

    /// What follows the panels up to input `from`: a tile and an input of this group, or of the one that this thread takes next.
    #[inline(always)]
    fn later(&self, from: usize) -> (usize, usize) {
        match from < self.matrix.inputs() {
            true => (self.first, from),
            false => (self.first + self.shape.tiles * rayon::current_num_threads(), 0),
        }
    }

    /// What the first block of rows asks for: the panel after the one that ends at input `from`.
    #[inline(always)]
    fn next(&self, block: usize, from: usize) -> Next {
        let (first, from) = self.later(from);
        let per_input = self.matrix.tile(first).0.len() / self.matrix.inputs();
        let stride = if block == 0 { per_input } else { 0 };
        Next { at: self.tiles(first, from * per_input), stride }
    }
}

#[cfg(test)]
mod tests;
