//! What is read from a row of logits: their largest, their sum, their weights.

use crate::lanes::{self, Kernel, LANES, Lanes};

/// Exponentials that are summed in f32 before they join a sum in f64.
const BLOCK: usize = 64 * LANES;

/// log Σ eˣ. None: a logit is no finite number, or there is none.
pub fn log_sum_exp(logits: &[f32]) -> Option<f64> {
    let most = largest(logits)?;
    let mut total = 0f64;
    lanes::run(Exponentials {
        logits,
        most,
        inverse: 1.0,
        each: &mut |weights: &[f32]| {
            total += weights.chunks(BLOCK).map(|block| f64::from(pairwise(block))).sum::<f64>();
        },
    });
    Some(f64::from(most) + total.ln())
}

/// The largest. None: a logit is no finite number, or there is none.
pub fn largest(logits: &[f32]) -> Option<f32> {
    let mut found = (f32::NEG_INFINITY, 0.0);
    lanes::run(Largest { logits, found: &mut found });
    let (most, poison) = found;
    (most.is_finite() && poison == 0.0).then_some(most)
}

/// e^((x - most) / temperature) of each; 0 where that is below e⁻⁸⁷.
pub fn weights(logits: &[f32], most: f32, temperature: f32) -> Vec<f32> {
    let mut all = Vec::with_capacity(logits.len());
    let inverse = 1.0 / temperature;
    lanes::run(Exponentials { logits, most, inverse, each: &mut |weights: &[f32]| all.extend_from_slice(weights) });
    all
}

/// A sum whose error does not grow with the count as that of one chain does.
fn pairwise(values: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    for chunk in values.chunks(LANES) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().sum()
}

struct Largest<'a> {
    logits: &'a [f32],
    /// And a sum that is 0 only if all are finite.
    found: &'a mut (f32, f32),
}

impl Kernel for Largest<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let chunks = self.logits.chunks_exact(LANES);
        let rest = chunks.remainder();
        // SAFETY: chunks are whole vectors.
        unsafe {
            let (mut most, mut poison) = (L::splat(f32::NEG_INFINITY), L::splat(0.0));
            for chunk in chunks {
                let x = L::load(chunk.as_ptr());
                most = L::max(x, most);
                poison = L::add(poison, L::sub(x, x));
            }
            *self.found = (L::largest(most), L::sum(poison));
        }
        for x in rest {
            self.found.0 = self.found.0.max(*x);
            self.found.1 += x * 0.0;
        }
    }
}

/// Hands e^((x - most) · inverse) to `each`, a few at a time and in order.
struct Exponentials<'a, E> {
    logits: &'a [f32],
    most: f32,
    inverse: f32,
    each: &'a mut E,
}

impl<E: FnMut(&[f32])> Kernel for Exponentials<'_, E> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let mut block = [0f32; BLOCK];
        for logits in self.logits.chunks(BLOCK) {
            block[..logits.len()].copy_from_slice(logits);
            let mut at = 0;
            while at < logits.len() {
                // SAFETY: the block is whole vectors.
                unsafe {
                    let x = L::sub(L::load(block[at..].as_ptr()), L::splat(self.most));
                    L::store(block[at..].as_mut_ptr(), L::exp(L::mul(x, L::splat(self.inverse))));
                }
                at += LANES;
            }
            (self.each)(&block[..logits.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(count: usize) -> Vec<f32> {
        (0..count).map(|i| (i as f32 * 0.73).sin() * 20.0).collect()
    }

    #[test]
    fn sums_and_weights_are_those_of_the_exponentials() {
        for count in [1, 15, 16, 17, 1024, 5000, 40_003] {
            let logits = logits(count);
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(largest(&logits), Some(most));
            let exact = logits.iter().map(|x| f64::from(*x).exp()).sum::<f64>().ln();
            assert!((log_sum_exp(&logits).unwrap() - exact).abs() < 1e-6, "{count}");
            for (weight, x) in weights(&logits, most, 0.7).iter().zip(&logits) {
                let exact = (f64::from(x - most) / 0.7).exp();
                assert!((f64::from(*weight) - exact).abs() < 1e-5 * exact + 1e-12, "{weight} for {exact}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_told_wherever_it_is() {
        assert_eq!(log_sum_exp(&[]), None);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in [0, 7, 16, 35, 36] {
                let mut logits = logits(37);
                logits[place] = bad;
                assert_eq!((largest(&logits), log_sum_exp(&logits)), (None, None), "{bad} at {place}");
            }
        }
    }
}
