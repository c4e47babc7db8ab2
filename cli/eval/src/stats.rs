//! How sure a number is: intervals and tests for answers to a sample of questions. Values in, values out; what is random follows from
//! a seed, and nothing depends on the order of the values.
//!
//! - [`bootstrap`]: the interval of a mean, and whether a mean difference could be nothing
//! - [`mcnemar`]: whether one of two right-or-wrong answerers is better
//! - [`permutation`]: whether a mean difference of a handful of pairs could be nothing
//! - [`power`]: how many questions a difference needs to be seen
//! - [`wilson`]: how sure a share is that is all or nothing

pub mod bootstrap;
pub mod mcnemar;
pub mod permutation;
pub mod power;
pub mod wilson;

/// Two-sided tests and intervals are at this level.
pub const ALPHA: f64 = 0.05;
/// Standard normal quantile of 1 - ALPHA / 2.
const Z_ALPHA: f64 = 1.959963984540054;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// None of no values. The same for every order of the values, to the last bit.
pub fn mean(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| sorted.iter().sum::<f64>() / sorted.len() as f64)
}

/// The mean of the two in the middle of an even number. None of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len().checked_sub(1)?) / 2)?;
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mean_and_a_median_of_nothing_are_nothing() {
        assert_eq!((mean(&[]), median(&[])), (None, None));
        assert_eq!((mean(&[3.0]), median(&[3.0])), (Some(3.0), Some(3.0)));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    proptest! {
        #[test]
        fn a_mean_does_not_depend_on_the_order(values in proptest::collection::vec(-1e3..1e3f64, 1..50), by in 0usize..50) {
            let mut turned = values.clone();
            turned.rotate_left(by % values.len());
            turned.reverse();
            prop_assert_eq!(mean(&values), mean(&turned));
        }
    }
}
