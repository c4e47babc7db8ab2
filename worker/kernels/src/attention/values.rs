//! The values of a task, summed by weight.

use super::{Scratch, Task};
use crate::lanes::{LANES, Lanes};

/// Vectors of a value that are summed at once.
const WIDE: usize = 4;

/// Positions by which values are asked for ahead.
const AHEAD: usize = 32;

/// Writes Σ weight · value of each query to `scratch.out`, in whole vectors.
#[inline(always)]
pub(super) fn sum<L: Lanes>(task: &Task<'_>, scratch: &mut Scratch) {
    let (dim, queries) = (task.rule.shape.head_dim, task.queries());
    let width = dim.next_multiple_of(LANES);
    scratch.out.resize(queries * width, 0.0);
    let in_place = width == dim;
    if !in_place {
        pad(task, width, &mut scratch.padded);
    }
    let mut first = 0;
    while first < queries {
        let block = Block {
            task,
            padded: if in_place { None } else { Some(&scratch.padded) },
            width,
            weights: scratch.scores[first * task.padded()..].as_ptr(),
            stride: task.padded(),
            out: scratch.out[first * width..].as_mut_ptr(),
        };
        // SAFETY: as many queries as are left, each with all its weights and its outputs.
        first += unsafe {
            match queries - first {
                6.. => block.several::<L, 6>(),
                4.. => block.several::<L, 4>(),
                3 => block.several::<L, 3>(),
                2.. => block.several::<L, 2>(),
                _ => block.several::<L, 1>(),
            }
        };
    }
}

/// The values of all positions, one after the other and in whole vectors.
fn pad(task: &Task<'_>, width: usize, padded: &mut Vec<f32>) {
    let dim = task.rule.shape.head_dim;
    padded.clear();
    padded.resize(task.slots.len() * width, 0.0);
    for (position, to) in padded.chunks_exact_mut(width).enumerate() {
        to[..dim].copy_from_slice(task.value(position));
    }
}

#[inline(always)]
fn prefetch_row<L: Lanes>(row: &[f32]) {
    let mut at = 0;
    while at < row.len() {
        // SAFETY: a prefetch may name any address.
        unsafe { L::prefetch(row[at..].as_ptr().cast()) };
        at += LANES;
    }
}

struct Block<'a> {
    task: &'a Task<'a>,
    /// Values in whole vectors, position after position, where they are none in their slots.
    padded: Option<&'a [f32]>,
    width: usize,
    weights: *const f32,
    stride: usize,
    out: *mut f32,
}

impl Block<'_> {
    /// The sums of `M` queries; returns M.
    #[inline(always)]
    unsafe fn several<L: Lanes, const M: usize>(&self) -> usize {
        if M * WIDE > L::SUMS.max(WIDE) {
            for query in 0..M {
                // SAFETY: the caller's, one query after the other.
                unsafe { self.from(query).several::<L, 1>() };
            }
            return M;
        }
        let mut from = 0;
        while from < self.width {
            // SAFETY: the caller's; all these vectors lie inside the width.
            unsafe {
                if from + WIDE * LANES <= self.width {
                    self.vectors::<L, M, WIDE>(from);
                    from += WIDE * LANES;
                } else {
                    self.vectors::<L, M, 1>(from);
                    from += LANES;
                }
            }
        }
        M
    }

    #[inline(always)]
    unsafe fn vectors<L: Lanes, const M: usize, const C: usize>(&self, from: usize) {
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [[L::splat(0.0); C]; M];
            for position in 0..self.task.slots.len() {
                let ahead = (position + AHEAD).min(self.task.slots.len() - 1);
                prefetch_row::<L>(&self.value(ahead)[from..from + C * LANES]);
                let value = self.value(position)[from..from + C * LANES].as_ptr();
                let mut vectors = [L::splat(0.0); C];
                for (index, vector) in vectors.iter_mut().enumerate() {
                    *vector = L::load(value.add(index * LANES));
                }
                for (query, sums) in sums.iter_mut().enumerate() {
                    let weight = L::splat(*self.weights.add(query * self.stride + position));
                    for (sum, vector) in sums.iter_mut().zip(vectors) {
                        *sum = L::fma(weight, vector, *sum);
                    }
                }
            }
            for (query, sums) in sums.into_iter().enumerate() {
                for (index, sum) in sums.into_iter().enumerate() {
                    L::store(self.out.add(query * self.width + from + index * LANES), sum);
                }
            }
        }
    }

    #[inline(always)]
    fn value(&self, position: usize) -> &[f32] {
        match self.padded {
            None => self.task.value(position),
            Some(padded) => &padded[position * self.width..(position + 1) * self.width],
        }
    }

    #[inline(always)]
    unsafe fn from(&self, query: usize) -> Self {
        // SAFETY: the caller's.
        unsafe {
            Self { weights: self.weights.add(query * self.stride), out: self.out.add(query * self.width), ..*self }
        }
    }
}
