//! q kᵀ of a task, and the weights that come of it.

use super::{KEYS, Scratch, Task};
use crate::lanes::{LANES, Lanes};

/// Queries at once at the most.
const MOST: usize = 12;
/// Positions by which keys are asked for ahead.
const AHEAD: usize = KEYS;

/// Writes scaled q kᵀ, capped where the rule caps, to `scratch.scores`.
#[inline(always)]
pub(super) fn compute<L: Lanes>(task: &Task<'_>, scratch: &mut Scratch) {
    let (dim, padded, queries) = (task.rule.shape.head_dim, task.padded(), task.queries());
    scratch.scores.resize(queries * padded, 0.0);
    scratch.columns.resize(dim * KEYS, 0.0);
    let mut at = 0;
    while at < padded {
        let columns = &mut scratch.columns[..dim * KEYS];
        columns_of::<L>(task, at, columns);
        let mut first = 0;
        while first < queries {
            let block = Block {
                queries: scratch.queries[first * dim..].as_ptr(),
                columns: columns.as_ptr(),
                dim,
                out: scratch.scores[first * padded + at..].as_mut_ptr(),
                stride: padded,
            };
            // SAFETY: as many queries as are left, each with a whole block of scores.
            first += unsafe {
                match queries - first {
                    12.. => block.several::<L, MOST>(),
                    8.. => block.several::<L, 8>(),
                    4.. => block.several::<L, 4>(),
                    3 => block.several::<L, 3>(),
                    2.. => block.several::<L, 2>(),
                    _ => block.several::<L, 1>(),
                }
            };
        }
        at += KEYS;
    }
}

/// The keys of positions `at`… as columns, [head_dim][KEYS]. What lies beyond the last position is the last.
#[inline(always)]
fn columns_of<L: Lanes>(task: &Task<'_>, at: usize, columns: &mut [f32]) {
    let dim = task.rule.shape.head_dim;
    let last = task.slots.len() - 1;
    let mut half = 0;
    while half < KEYS {
        let mut keys = [std::ptr::null::<f32>(); LANES];
        let mut later = keys;
        for lane in 0..LANES {
            keys[lane] = task.key((at + half + lane).min(last)).as_ptr();
            later[lane] = task.key((at + AHEAD + half + lane).min(last)).as_ptr();
        }
        let mut from = 0;
        while from + LANES <= dim {
            // SAFETY: each key has `dim` elements, the columns `dim` rows of KEYS.
            unsafe {
                let mut rows = [L::splat(0.0); LANES];
                for ((row, key), later) in rows.iter_mut().zip(keys).zip(later) {
                    *row = L::load(key.add(from));
                    L::prefetch(later.wrapping_add(from).cast());
                }
                L::transpose(&mut rows);
                for (index, row) in rows.into_iter().enumerate() {
                    L::store(columns[(from + index) * KEYS + half..][..LANES].as_mut_ptr(), row);
                }
            }
            from += LANES;
        }
        while from < dim {
            for (lane, key) in keys.into_iter().enumerate() {
                // SAFETY: each key has `dim` elements.
                columns[from * KEYS + half + lane] = unsafe { *key.add(from) };
            }
            from += 1;
        }
        half += LANES;
    }
}

struct Block {
    queries: *const f32,
    columns: *const f32,
    dim: usize,
    out: *mut f32,
    stride: usize,
}

impl Block {
    /// Scores of `M` queries against a block of keys; returns M.
    #[inline(always)]
    unsafe fn several<L: Lanes, const M: usize>(&self) -> usize {
        if 2 * M > L::SUMS.max(2) {
            for query in 0..M {
                // SAFETY: the caller's, one query after the other.
                unsafe { self.from(query).several::<L, 1>() };
            }
            return M;
        }
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [[L::splat(0.0); 2]; M];
            for dim in 0..self.dim {
                let columns = [L::load(self.columns.add(dim * KEYS)), L::load(self.columns.add(dim * KEYS + LANES))];
                for (query, sums) in sums.iter_mut().enumerate() {
                    let q = L::splat(*self.queries.add(query * self.dim + dim));
                    sums[0] = L::fma(q, columns[0], sums[0]);
                    sums[1] = L::fma(q, columns[1], sums[1]);
                }
            }
            for (query, sums) in sums.into_iter().enumerate() {
                L::store(self.out.add(query * self.stride), sums[0]);
                L::store(self.out.add(query * self.stride + LANES), sums[1]);
            }
        }
        M
    }

    #[inline(always)]
    unsafe fn from(&self, query: usize) -> Self {
        // SAFETY: the caller's.
        unsafe { Self { queries: self.queries.add(query * self.dim), out: self.out.add(query * self.stride), ..*self } }
    }
}

/// Turns scores into weights, relative to the largest, and sums them: `scratch.sums`.
#[inline(always)]
pub(super) fn weigh<L: Lanes>(task: &Task<'_>, scratch: &mut Scratch) {
    let padded = task.padded();
    scratch.sums.clear();
    for query in 0..task.queries() {
        let scores = &mut scratch.scores[query * padded..(query + 1) * padded];
        if let Some(cap) = task.rule.softcap {
            capped::<L>(scores, cap);
        }
        let seen = task.seen(query);
        scores[..seen.start].fill(f32::NEG_INFINITY);
        scores[seen.end..].fill(f32::NEG_INFINITY);
        // SAFETY: whole vectors of the scores.
        let sum = unsafe {
            let mut most = L::splat(f32::NEG_INFINITY);
            for scores in scores.chunks_exact(LANES) {
                most = L::max(most, L::load(scores.as_ptr()));
            }
            let most = L::splat(L::largest(most));
            let mut sum = L::splat(0.0);
            for scores in scores.chunks_exact_mut(LANES) {
                let weight = L::exp(L::sub(L::load(scores.as_ptr()), most));
                L::store(scores.as_mut_ptr(), weight);
                sum = L::add(sum, weight);
            }
            L::sum(sum)
        };
        scratch.sums.push(sum);
    }
}

/// c tanh(x / c).
#[inline(always)]
fn capped<L: Lanes>(scores: &mut [f32], cap: f32) {
    for scores in scores.chunks_exact_mut(LANES) {
        // SAFETY: whole vectors of the scores.
        unsafe {
            let cap = L::splat(cap);
            let x = L::div(L::load(scores.as_ptr()), cap);
            L::store(scores.as_mut_ptr(), L::mul(cap, L::tanh(x)));
        }
    }
}
