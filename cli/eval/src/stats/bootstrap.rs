//! The percentile bootstrap: the same sample drawn again and again with replacement, and how its mean varies.
//!
//! A sample with few distinct values (right and wrong; better, equal and worse) is not drawn value by value: how often each value
//! comes up is multinomial, so it is drawn as a chain of binomials. That is the same distribution for a hundredth of the work.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::Binomial;

use super::{ALPHA, Interval, mean, wilson};

pub const RESAMPLES: usize = 10_000;
/// With more distinct values than this, each is drawn on its own.
const FEW: usize = 8;
/// Mean differences nearer to zero than this are rounding.
const ROUNDING: f64 = 1e-12;

/// The 95 % interval of the mean. None of no values. Where every value is 0, or every value is 1, all resamples are alike and would
/// leave no doubt: there it is Wilson's interval. Other equal values have an interval without width.
pub fn mean_interval(values: &[f64], seed: u64) -> Option<Interval> {
    let first = *values.first()?;
    let doubt = wilson::doubt(values.len());
    if is_all(values, first) && first == 0.0 {
        return Some(Interval { low: 0.0, high: doubt });
    }
    if is_all(values, first) && first == 1.0 {
        return Some(Interval { low: 1.0 - doubt, high: 1.0 });
    }
    interval(&resampled_means(values, seed))
}

fn is_all(values: &[f64], wanted: f64) -> bool {
    values.iter().all(|value| *value == wanted)
}

/// What pairs of values say about the mean difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    pub mean: f64,
    pub interval: Interval,
    /// Two-sided: twice the share of resamples in which the difference is nothing or has the other sign. At least 2 / (resamples + 1).
    pub p: f64,
}

/// `differences` are one for each pair. Where all of them are -1, 0 or 1 alike, the interval allows for as many pairs of another kind as
/// Wilson's does. The p of a handful of pairs looks certain to any bootstrap; it is not: see [`super::permutation`].
pub fn mean_difference(differences: &[f64], seed: u64) -> Option<Difference> {
    let means = resampled_means(differences, seed);
    let at_most_zero = means.iter().filter(|mean| **mean <= ROUNDING).count();
    let at_least_zero = means.iter().filter(|mean| **mean >= -ROUNDING).count();
    let tail = (at_most_zero.min(at_least_zero) + 1) as f64 / (RESAMPLES + 1) as f64;
    let first = *differences.first()?;
    let interval = if is_all(differences, first) && [-1.0, 0.0, 1.0].contains(&first) {
        let doubt = wilson::doubt(differences.len());
        Interval { low: (first - doubt).max(-1.0), high: (first + doubt).min(1.0) }
    } else {
        interval(&means)?
    };
    Some(Difference { mean: mean(differences)?, interval, p: (2.0 * tail).min(1.0) })
}

fn interval(ascending: &[f64]) -> Option<Interval> {
    let tail = (ascending.len() as f64 * ALPHA / 2.0) as usize;
    Some(Interval { low: *ascending.get(tail)?, high: *ascending.iter().rev().nth(tail)? })
}

/// Ascending.
fn resampled_means(values: &[f64], seed: u64) -> Vec<f64> {
    if values.is_empty() {
        return Vec::new();
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let distinct = sorted.chunk_by(|a, b| a == b).count();
    let mut means: Vec<f64> = if distinct <= FEW {
        let counts: Vec<(f64, usize)> =
            sorted.chunk_by(|a, b| a == b).filter_map(|run| Some((*run.first()?, run.len()))).collect();
        (0..RESAMPLES).map(|_| mean_by_counts(&counts, sorted.len(), &mut random)).collect()
    } else {
        let mut draws = vec![0; sorted.len()];
        (0..RESAMPLES).map(|_| mean_by_draws(&sorted, &mut draws, &mut random)).collect()
    };
    means.sort_by(f64::total_cmp);
    means
}

/// `counts`: each distinct value and how often the sample of `size` has it.
fn mean_by_counts(counts: &[(f64, usize)], size: usize, random: &mut ChaCha8Rng) -> f64 {
    let (mut undrawn, mut others, mut sum) = (size as u64, size, 0.0);
    for &(value, count) in counts {
        let share = count as f64 / others as f64;
        // The last value has a share of 1 and takes what is left. No other share is outside (0, 1).
        let drawn = Binomial::new(undrawn, share).map_or(undrawn, |binomial| random.sample(binomial));
        sum += value * drawn as f64;
        undrawn -= drawn;
        others -= count;
    }
    sum / size as f64
}

/// `draws`: as many as values; overwritten.
fn mean_by_draws(values: &[f64], draws: &mut [u32], random: &mut ChaCha8Rng) -> f64 {
    let size = values.len() as u64;
    random.fill(draws);
    // A 32-bit number scaled to the size: uniform to one part in 2^32 / size.
    let drawn = |draw: &u32| values.get(((u64::from(*draw) * size) >> 32) as usize);
    draws.iter().filter_map(drawn).sum::<f64>() / size as f64
}

#[cfg(test)]
mod tests;
