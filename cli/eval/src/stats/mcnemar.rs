//! McNemar's test, exact: of the questions that only one of two answers rightly, is it a coin's toss who does?

use std::f64::consts::LN_2;

/// Two-sided p of `only_one` questions that only the one answers rightly and `only_other` that only the other does: 1 without any.
///
/// Under the null hypothesis the smaller count is binomial with n = `only_one + only_other` and 1/2, so p = 2 P(X ≤ smaller), at most 1.
/// The terms are made from logarithms of the gamma function: exact for few pairs and for many.
pub fn p(only_one: usize, only_other: usize) -> f64 {
    let pairs = only_one + only_other;
    let ln_factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
    let term = |k: usize| (ln_factorial(pairs) - ln_factorial(k) - ln_factorial(pairs - k) - pairs as f64 * LN_2).exp();
    (2.0 * (0..=only_one.min(only_other)).map(term).sum::<f64>()).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-9 * b, "{a} is not {b}");
    }

    #[test]
    fn few_pairs_are_counted_by_hand() {
        near(p(0, 0), 1.0);
        near(p(1, 0), 1.0);
        near(p(0, 5), 2.0 / 32.0);
        near(p(1, 5), 2.0 * 7.0 / 64.0);
        near(p(3, 3), 1.0);
        near(p(8, 2), 2.0 * (1.0 + 10.0 + 45.0) / 1024.0);
    }

    /// `scipy.stats.binomtest(smaller, pairs, 0.5).pvalue`
    #[test]
    fn any_number_of_pairs_is_as_scipy_has_it() {
        near(p(5, 14), 0.063568115234375);
        near(p(12, 31), 0.00540157265459129);
        near(p(60, 85), 0.0458770685100829);
        near(p(400, 470), 0.019267052848609);
        near(p(1500, 1500), 1.0);
        near(p(0, 30), 1.86264514923096e-09);
        near(p(2, 50), 6.12399020383236e-13);
    }

    proptest! {
        #[test]
        fn it_is_a_probability_and_has_no_side(one in 0usize..3000, other in 0usize..3000) {
            prop_assert!(p(one, other) > 0.0 || one.abs_diff(other) > 1000);
            prop_assert!(p(one, other) <= 1.0);
            prop_assert_eq!(p(one, other), p(other, one));
        }
    }
}
