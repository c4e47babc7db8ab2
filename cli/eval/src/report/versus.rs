//! Two strategies over the questions that both answered.

use serde::{Deserialize, Serialize};

use super::answers::{Answers, are_right_or_wrong, is_right};
use crate::stats::{bootstrap::mean_difference, mcnemar, mean, permutation, power::questions_needed};

/// A strategy against the best single member. All but `pairs` are None where there is nothing to compare, and in that member's own row
/// and the oracle's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Versus {
    /// Questions for which both have a quality.
    pub pairs: usize,
    /// Over these questions, its mean quality and the other's.
    pub own_quality: Option<f64>,
    pub other_quality: Option<f64>,
    /// Mean of its quality less the other's.
    pub difference: Option<f64>,
    pub difference_low: Option<f64>,
    pub difference_high: Option<f64>,
    /// Questions that only it answers rightly, and only the other: None where a quality is neither 0 nor 1.
    pub only_it_right: Option<usize>,
    pub only_other_right: Option<usize>,
    /// Paired bootstrap of the mean difference.
    pub p_bootstrap: Option<f64>,
    /// Exact McNemar: None where a quality is neither 0 nor 1.
    pub p_mcnemar: Option<f64>,
    /// Exact sign-flip test: None where more than 16 pairs differ.
    pub p_permutation: Option<f64>,
    /// McNemar's where there is one, else the sign-flip test's, else the bootstrap's. Not corrected for the number of strategies.
    pub p_vs_best_single: Option<f64>,
    /// For a power of 80 % at 5 %, if the difference is the true one.
    pub questions_needed: Option<u64>,
}

impl Versus {
    pub(super) fn new(answers: &Answers, other: &Answers, seed: u64) -> Self {
        Self::of_pairs(&answers.paired(other), seed)
    }

    /// `pairs`: its quality and the other's.
    pub(super) fn of_pairs(pairs: &[(f64, f64)], seed: u64) -> Self {
        let differences: Vec<f64> = pairs.iter().map(|(own, other)| own - other).collect();
        let Some(found) = mean_difference(&differences, seed) else { return Self::default() };
        let only = |one: f64, other: f64| is_right(one) && !is_right(other);
        let only_it = pairs.iter().filter(|(own, other)| only(*own, *other)).count();
        let only_other = pairs.iter().filter(|(own, other)| only(*other, *own)).count();
        let right_or_wrong = are_right_or_wrong(pairs.iter().flat_map(|(own, other)| [*own, *other]));
        let p_mcnemar = right_or_wrong.then(|| mcnemar::p(only_it, only_other));
        let p_permutation = permutation::p(&differences);
        Self {
            pairs: pairs.len(),
            own_quality: mean(&pairs.iter().map(|(own, _)| *own).collect::<Vec<_>>()),
            other_quality: mean(&pairs.iter().map(|(_, other)| *other).collect::<Vec<_>>()),
            difference: Some(found.mean),
            difference_low: Some(found.interval.low),
            difference_high: Some(found.interval.high),
            only_it_right: right_or_wrong.then_some(only_it),
            only_other_right: right_or_wrong.then_some(only_other),
            p_bootstrap: Some(found.p),
            p_mcnemar,
            p_permutation,
            p_vs_best_single: p_mcnemar.or(p_permutation).or(Some(found.p)),
            questions_needed: questions_needed(&differences),
        }
    }
}
