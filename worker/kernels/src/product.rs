//! Rows times a packed matrix: out = x wᵀ + b. Each output is one chain of fused multiply-adds in the order of the inputs, so
//! a row's result is the same alone and in any batch, on any number of threads.
//!
//! Threads take groups of tiles. Few rows: many tiles at once, so that enough sums are under way while memory streams by. Many rows:
//! few tiles, widened to f32 once in a buffer that fits the second-level cache, and a block of rows at a time against it.

mod block;
mod int8;
mod weights;

use std::cell::Cell;
use std::mem::MaybeUninit;

use crate::lanes::{self, Kernel, LANES, Lanes};
use crate::matrix::{Format, Matrix};
use crate::parallel::{self, Shared};
use block::{Apart, MOST_TILES, Next, Packed, Shape, X};
use weights::{Bf16, F16, F32, Q8_0, Weights, Widen};

/// Inputs of one panel of widened weights: a panel of two tiles is 64 KiB, the rows' part of it a first-level cache's.
const PANEL: usize = 512;
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
        let quantized = self.format() == Format::Q8_0 && int8::is_fast();
        let shape = if quantized { int8::shape(rows) } else { Shape::of(rows) };
        let rows_as_wanted = match (quantized, shape.blocks) {
            (true, _) => Rows::Bytes(int8::Rows::of(x, rows, shape)),
            (false, 0..=1) if shape.rows <= block::MOST_APART => Rows::Apart(x),
            (false, _) => Rows::Packed(block::packed(x, rows, shape)),
        };
        let shared = Shared::new(out.spare_capacity_mut());
        let groups = self.tiles().div_ceil(shape.tiles);
        let group = |index: usize| {
            let first = index * shape.tiles;
            let group = Group { matrix: self, x: &rows_as_wanted, rows, bias, shape, first, out: shared };
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
            Rows::Bytes(rows) => int8::run(self, rows, &mut scratch.sums),
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
            (Format::Q8_0, Rows::Apart(x)) => {
                let x = Apart::new(x, group.rows);
                self.widened::<L, Q8_0, Apart<'_>>(x);
            }
            (Format::F32, Rows::Packed(x)) => self.packed::<L, F32>(Packed(x)),
            (Format::F16, Rows::Packed(x)) => self.packed::<L, F16>(Packed(x)),
            (Format::Bf16, Rows::Packed(x)) => self.packed::<L, Bf16>(Packed(x)),
            (Format::Q8_0, Rows::Packed(x)) => self.widened::<L, Q8_0, Packed<'_>>(Packed(x)),
            (_, Rows::Bytes(_)) => {}
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

    /// One block of rows against the weights as they are.
    #[inline(always)]
    fn streamed<L: Lanes, W: Weights, R: X>(self, x: R) {
        let Group { matrix, shape, first, .. } = *self.group;
        let inputs = matrix.inputs();
        let mut tiles = [std::ptr::null(); MOST_TILES];
        for (index, tile) in tiles.iter_mut().enumerate() {
            *tile = matrix.tile(first + index).0.as_ptr();
        }
        let x = x.at(0, shape.rows, 0, inputs);
        let next = Next { at: tiles[0], stride: 0 };
        // SAFETY: a tile and a row hold all inputs.
        unsafe { block::add::<L, W, R>(shape, tiles, x, (inputs, next), &mut self.scratch.sums) };
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
    /// What block `block` of rows asks for: of tile `block` that which follows, in this group or the one that this thread takes next.
    #[inline(always)]
    fn next(&self, block: usize, from: usize) -> Next {
        let (tile, from) = match from < self.matrix.inputs() {
            true => (self.first + block, from),
            false => (self.first + self.shape.tiles * rayon::current_num_threads() + block, 0),
        };
        let (bytes, _) = self.matrix.tile(tile);
        let per_input = bytes.len() / self.matrix.inputs();
        let stride = if block < self.shape.tiles { per_input } else { 0 };
        Next { at: bytes.as_ptr().wrapping_add(from * per_input), stride }
    }
}

#[cfg(test)]
mod tests;
