//! What a decoder does to each row by itself: norms, activations, rotations.

use std::ops::Range;

use crate::lanes::{self, Kernel, LANES, Lanes};
use crate::parallel::{self, Shared};

/// Elements below which threads cost more than they save.
const PARALLEL_FROM: usize = 1 << 15;

/// What the gate goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x / (1 + e⁻ˣ).
    Silu,
    /// x Φ(x), by its tanh approximation.
    GeluTanh,
}

/// x / √(mean(x²) + eps) · weight of each row, which has as many elements as the weight.
///
/// # Panics
/// When x is not whole rows.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let width = weight.len();
    assert!(width > 0 && x.len().is_multiple_of(width), "x is not whole rows");
    each_row(x.len() / width, width, |row, out| {
        lanes::run(Norm { x: &x[row * width..(row + 1) * width], weight, eps, out });
    })
}

/// activation(gate) · up, of rows [gate, up] of `inner` elements each.
///
/// # Panics
/// When x is not whole rows.
pub fn gated(x: &[f32], inner: usize, activation: Activation) -> Vec<f32> {
    assert!(inner > 0 && x.len().is_multiple_of(2 * inner), "x is not whole rows");
    each_row(x.len() / (2 * inner), inner, |row, out| {
        let (gate, up) = x[row * 2 * inner..(row + 1) * 2 * inner].split_at(inner);
        lanes::run(Gate { gate, up, activation, out });
    })
}

/// a + b.
///
/// # Panics
/// When they are not equally long.
pub fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    const PIECE: usize = 4096;
    assert_eq!(a.len(), b.len(), "sums of unequal length");
    if a.len() < PARALLEL_FROM || !a.len().is_multiple_of(PIECE) {
        return a.iter().zip(b).map(|(a, b)| a + b).collect();
    }
    each_row(a.len() / PIECE, PIECE, |piece, out| {
        let (a, b) = (&a[piece * PIECE..][..PIECE], &b[piece * PIECE..][..PIECE]);
        out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = a + b);
    })
}

/// Columns `range` of rows of `width` elements.
///
/// # Panics
/// When x is not whole rows, or the range lies outside them.
pub fn columns(x: &[f32], width: usize, range: Range<usize>) -> Vec<f32> {
    assert!(width > 0 && x.len().is_multiple_of(width) && range.end <= width, "no such columns");
    each_row(x.len() / width, range.len(), |row, out| out.copy_from_slice(&x[row * width..][range.clone()]))
}

/// Which dimensions of a head turn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// i and i + half of those that turn.
    Halves,
    /// 2i and 2i + 1.
    Neighbours,
}

/// The angles of some rows: cosines and sines, [rows, pairs] each.
#[derive(Clone, Copy, Debug)]
pub struct Turns<'a> {
    pub cos: &'a [f32],
    pub sin: &'a [f32],
    pub rows: usize,
    pub pairs: Pairs,
}

/// Turns the first dimensions of every head of x, [rows, heads * head_dim], by their angles; the other dimensions pass.
///
/// # Panics
/// When x is not rows of whole heads, or there are more angles than pairs of dimensions.
pub fn rotated(x: &[f32], head_dim: usize, turns: Turns<'_>) -> Vec<f32> {
    let Turns { cos, sin, rows, pairs } = turns;
    let (width, count) = (x.len() / rows.max(1), cos.len() / rows.max(1));
    assert!(head_dim > 0 && x.len() == rows * width && width.is_multiple_of(head_dim), "x is not rows of whole heads");
    assert!(2 * count <= head_dim && cos.len() == rows * count && sin.len() == cos.len(), "no such angles");
    each_row(rows, width, |row, out| {
        let (cos, sin) = (&cos[row * count..][..count], &sin[row * count..][..count]);
        for (x, out) in x[row * width..][..width].chunks_exact(head_dim).zip(out.chunks_exact_mut(head_dim)) {
            out.copy_from_slice(x);
            for (pair, (cos, sin)) in cos.iter().zip(sin).enumerate() {
                let (a, b) = match pairs {
                    Pairs::Halves => (pair, pair + count),
                    Pairs::Neighbours => (2 * pair, 2 * pair + 1),
                };
                (out[a], out[b]) = (x[a] * cos - x[b] * sin, x[a] * sin + x[b] * cos);
            }
        }
    })
}

/// Calls `work` for each row with its part of the result, on all threads where there is much to do.
pub fn each_row(rows: usize, width: usize, work: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut out = vec![0f32; rows * width];
    if out.len() < PARALLEL_FROM {
        out.chunks_exact_mut(width.max(1)).enumerate().for_each(|(row, out)| work(row, out));
        return out;
    }
    let shared = Shared::new(&mut out);
    // SAFETY: each row is taken once.
    parallel::each(rows, |row| work(row, unsafe { shared.part(row * width, width) }));
    out
}

struct Norm<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    eps: f32,
    out: &'a mut [f32],
}

impl Kernel for Norm<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { x, weight, eps, out } = self;
        let whole = x.len() / LANES * LANES;
        let mut squares = x[whole..].iter().map(|x| x * x).sum::<f32>();
        // SAFETY: chunks are whole vectors.
        unsafe {
            let mut sum = L::splat(0.0);
            for x in x.chunks_exact(LANES) {
                let x = L::load(x.as_ptr());
                sum = L::fma(x, x, sum);
            }
            squares += L::sum(sum);
        }
        let scale = 1.0 / (squares / x.len() as f32 + eps).sqrt();
        for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
            *out = x * scale * weight;
        }
    }
}

struct Gate<'a> {
    gate: &'a [f32],
    up: &'a [f32],
    activation: Activation,
    out: &'a mut [f32],
}

impl Kernel for Gate<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { gate, up, activation, out } = self;
        let mut at = 0;
        while at < gate.len() {
            let count = LANES.min(gate.len() - at);
            let (mut g, mut u) = ([0f32; LANES], [0f32; LANES]);
            g[..count].copy_from_slice(&gate[at..at + count]);
            u[..count].copy_from_slice(&up[at..at + count]);
            // SAFETY: arrays of whole vectors.
            let product = unsafe {
                let g = L::load(g.as_ptr());
                let active = match activation {
                    Activation::Silu => silu::<L>(g),
                    Activation::GeluTanh => gelu::<L>(g),
                };
                L::to_array(L::mul(active, L::load(u.as_ptr())))
            };
            out[at..at + count].copy_from_slice(&product[..count]);
            at += count;
        }
    }
}

#[inline(always)]
unsafe fn silu<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: the caller's.
    unsafe { L::div(x, L::add(L::splat(1.0), L::exp(L::sub(L::splat(0.0), x)))) }
}

/// x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))).
#[inline(always)]
unsafe fn gelu<L: Lanes>(x: L::V) -> L::V {
    const ROOT: f32 = 0.797_884_6;
    // SAFETY: the caller's.
    unsafe {
        let cube = L::mul(x, L::mul(x, x));
        let inner = L::mul(L::splat(ROOT), L::fma(L::splat(0.044_715), cube, x));
        L::mul(L::mul(L::splat(0.5), x), L::add(L::splat(1.0), L::tanh(inner)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|i| (i as f32 * 0.61).sin() * 7.0).collect()
    }

    #[test]
    fn a_norm_has_mean_square_one_times_its_weight() {
        for width in [3, 16, 40] {
            let x = values(5 * width);
            let weight: Vec<f32> = (0..width).map(|i| 1.0 + i as f32).collect();
            for (x, out) in x.chunks_exact(width).zip(rms_norm(&x, &weight, 1e-5).chunks_exact(width)) {
                let mean = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / width as f64;
                for ((out, x), weight) in out.iter().zip(x).zip(&weight) {
                    let expected = f64::from(*x) / (mean + 1e-5).sqrt() * f64::from(*weight);
                    assert!((f64::from(*out) - expected).abs() < 1e-5 * f64::from(*weight), "{out} for {expected}");
                }
            }
        }
    }

    #[test]
    fn sums_and_columns_are_taken_element_by_element() {
        for count in [5, 4096 * 9] {
            let (a, b) = (values(count), values(count));
            let expected: Vec<f32> = a.iter().map(|x| x + x).collect();
            assert_eq!(sum(&a, &b), expected);
        }
        assert_eq!(columns(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 1..3), [2.0, 3.0, 5.0, 6.0]);
    }

    #[test]
    fn pairs_turn_and_the_rest_passes() {
        let (cos, sin) = ([0.6, 1.0], [0.8, 0.0]);
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
        let turns = |pairs| Turns { cos: &cos, sin: &sin, rows: 1, pairs };
        let close = |found: Vec<f32>, expected: [f32; 10]| {
            found
                .iter()
                .zip(expected)
                .for_each(|(found, expected)| assert!((found - expected).abs() < 1e-5, "{found}"));
        };
        let halves = rotated(&x, 5, turns(Pairs::Halves));
        close(halves, [0.6 - 2.4, 2.0, 0.8 + 1.8, 4.0, 5.0, 3.6 - 6.4, 7.0, 4.8 + 4.8, 9.0, 10.0]);
        let neighbours = rotated(&x, 5, turns(Pairs::Neighbours));
        close(neighbours, [0.6 - 1.6, 0.8 + 1.2, 3.0, 4.0, 5.0, 3.6 - 5.6, 4.8 + 4.2, 8.0, 9.0, 10.0]);
    }

    #[test]
    fn gates_are_the_functions_they_name() {
        let inner = 21;
        let x = values(3 * 2 * inner);
        for (activation, by_the_book) in [
            (Activation::Silu, (|x: f64| x / (1.0 + (-x).exp())) as fn(f64) -> f64),
            (Activation::GeluTanh, |x| {
                0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
            }),
        ] {
            let out = gated(&x, inner, activation);
            for (row, out) in out.chunks_exact(inner).enumerate() {
                for (index, out) in out.iter().enumerate() {
                    let at = row * 2 * inner + index;
                    let expected = by_the_book(f64::from(x[at])) * f64::from(x[at + inner]);
                    assert!((f64::from(*out) - expected).abs() < 1e-5, "{activation:?}: {out} for {expected}");
                }
            }
        }
        let nan = gated(&[f32::NAN, 1.0], 1, Activation::Silu);
        assert!(nan[0].is_nan());
    }
}
