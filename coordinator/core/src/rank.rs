//! Which candidate wins: a scorer's terms become one value (section 3), the scorers' values one score (section 4).

use crate::{
    candidate::Terms,
    policy::{Calibration, ScoreRule},
};

/// What one scorer says of one candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CandidateScore {
    /// m under the policy's score rule, calibrated.
    pub mean: f64,
    pub terms: usize,
    pub sum_logprob: f64,
}

/// One scorer's m for each candidate; None: it abstained.
pub type Row = Option<Vec<f64>>;

/// m and what it was made from (section 3).
pub fn score(rule: ScoreRule, calibration: Calibration, terms: &Terms) -> CandidateScore {
    let terms = terms.as_slice();
    let count = terms.len() as f64;
    let sum_logprob: f64 = terms.iter().sum();
    let mean = match rule {
        ScoreRule::MeanLogprob => calibration.apply(sum_logprob / count),
        ScoreRule::MeanProb => terms.iter().map(|term| calibration.apply(*term).exp()).sum::<f64>() / count,
    };
    CandidateScore { mean, terms: terms.len(), sum_logprob }
}

/// S for each candidate; None where no scorer has a say. `weights` holds one for each row.
pub fn aggregate(rows: &[Row], weights: &[f64]) -> Option<Vec<f64>> {
    let votes: Vec<(&[f64], f64)> =
        rows.iter().zip(weights).filter_map(|(row, weight)| Some((row.as_deref()?, *weight))).collect();
    let total: f64 = votes.iter().map(|(_, weight)| weight).sum();
    let candidates = votes.first().map(|(row, _)| row.len())?;
    if total <= 0.0 {
        return None;
    }
    let mut sums = vec![0.0; candidates];
    for (row, weight) in votes {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }
    Some(sums.into_iter().map(|sum| sum / total).collect())
}

/// As [`aggregate`], but without what a candidate's own authors think of it, unless nobody else has a say. `authors` holds, for each
/// candidate, the positions of its authors' rows.
pub fn aggregate_of_others(rows: &[Row], weights: &[f64], authors: &[Vec<usize>]) -> Option<Vec<f64>> {
    let all = aggregate(rows, weights)?;
    let outside = |(candidate, (own, authors)): (usize, (f64, &Vec<usize>))| {
        let others: Vec<Row> = (rows.iter().enumerate())
            .map(|(scorer, row)| row.as_ref().filter(|_| !authors.contains(&scorer)).cloned())
            .collect();
        aggregate(&others, weights).and_then(|scores| scores.get(candidate).copied()).unwrap_or(own)
    };
    Some(all.into_iter().zip(authors).enumerate().map(outside).collect())
}

/// The highest score; the first of equals, which is the one with the earliest first author.
pub fn winner(scores: &[f64]) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (candidate, score) in scores.iter().enumerate() {
        if *score > best.1 {
            best = (candidate, *score);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_two_rules_average_logs_or_probabilities() {
        let terms = Terms::new(vec![0.5_f64.ln(), 0.25_f64.ln()]).unwrap();
        let logs = score(ScoreRule::MeanLogprob, Calibration::NONE, &terms);
        assert!((logs.mean - 0.125_f64.ln() / 2.0).abs() < 1e-15);
        let probabilities = score(ScoreRule::MeanProb, Calibration::NONE, &terms);
        assert!((probabilities.mean - 0.375).abs() < 1e-15);
        assert_eq!((probabilities.terms, probabilities.sum_logprob), (2, logs.sum_logprob));
    }

    #[test]
    fn calibration_acts_on_every_term() {
        let terms = Terms::new(vec![-1.0, -3.0]).unwrap();
        let halved = Calibration { scale: 0.5, shift: 0.25 };
        assert!((score(ScoreRule::MeanLogprob, halved, &terms).mean + 0.75).abs() < 1e-15);
        let probabilities = score(ScoreRule::MeanProb, halved, &terms);
        assert!((probabilities.mean - ((-0.25_f64).exp() + (-1.25_f64).exp()) / 2.0).abs() < 1e-15);
        assert_eq!(probabilities.sum_logprob, -4.0, "what was scored stays what it was");
    }

    #[test]
    fn without_self_votes_an_authors_row_counts_for_the_others_only() {
        let rows = [Some(vec![0.0, -9.0, -9.0]), Some(vec![-4.0, 0.0, -1.0]), Some(vec![-6.0, -2.0, 0.0])];
        let authors = [vec![0], vec![1], vec![2]];
        assert_eq!(aggregate_of_others(&rows, &[1.0; 3], &authors), Some(vec![-5.0, -5.5, -5.0]));
        let alone = [Some(vec![-1.0, -2.0]), None];
        assert_eq!(aggregate_of_others(&alone, &[1.0; 2], &[vec![0], vec![1]]), Some(vec![-1.0, -2.0]), "nobody else");
        assert_eq!(aggregate_of_others(&[None, None], &[1.0; 2], &[vec![0], vec![1]]), None);
    }

    #[test]
    fn scores_are_weighted_means_over_those_who_vote() {
        // rows, weights, S
        type Case = (Vec<Row>, Vec<f64>, Option<Vec<f64>>);
        let table: [Case; 5] = [
            (vec![Some(vec![-1.0, -2.0]), Some(vec![-3.0, -1.0])], vec![1.0, 1.0], Some(vec![-2.0, -1.5])),
            (vec![Some(vec![-1.0, -2.0]), Some(vec![-3.0, -1.0])], vec![0.75, 0.25], Some(vec![-1.5, -1.75])),
            (vec![None, Some(vec![-3.0, -1.0])], vec![0.75, 0.25], Some(vec![-3.0, -1.0])),
            (vec![None, None], vec![1.0, 1.0], None),
            (vec![Some(vec![-1.0]), None], vec![0.0, 1.0], None),
        ];
        for (rows, weights, expected) in table {
            assert_eq!(aggregate(&rows, &weights), expected, "{rows:?} {weights:?}");
        }
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(winner(&[-2.0, -1.0, -1.0]), 1);
        assert_eq!(winner(&[-1.0, -1.0]), 0);
        assert_eq!(winner(&[f64::NAN, -1.0]), 1);
    }

    proptest! {
        #[test]
        fn the_order_of_scorers_changes_no_score(
            rows in prop::collection::vec(prop::option::of(prop::collection::vec(-20.0..0.0, 3)), 1..6),
            turn in 0usize..6,
        ) {
            let weights: Vec<f64> = (1..=rows.len()).map(|i| i as f64).collect();
            let (mut turned_rows, mut turned_weights) = (rows.clone(), weights.clone());
            turned_rows.rotate_left(turn % rows.len());
            turned_weights.rotate_left(turn % rows.len());
            match (aggregate(&rows, &weights), aggregate(&turned_rows, &turned_weights)) {
                (Some(one), Some(other)) => {
                    prop_assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-12));
                }
                (one, other) => prop_assert_eq!(one, other),
            }
        }
    }
}
