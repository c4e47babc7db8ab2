//! Who leaves for the quality of its drafts (section 5). Everything here is by position among the active members.

use crate::policy::ScoreRule;

/// Below this entropy the temperature falls no further.
const ENTROPY_FLOOR: f64 = 0.05;

/// q: each member's share of the round, from its candidate's S.
pub fn shares(rule: ScoreRule, scores: &[f64]) -> Vec<f64> {
    let utilities: Vec<f64> = match rule {
        ScoreRule::MeanLogprob => exponentials(scores),
        ScoreRule::MeanProb => scores.to_vec(),
    };
    crate::weights::normalised(&utilities)
}

/// H: 1 where the shares are even, 0 where one member has all.
pub fn entropy(shares: &[f64]) -> f64 {
    if shares.len() < 2 {
        return 0.0;
    }
    let nats: f64 = shares.iter().filter(|share| **share > 0.0).map(|share| -share * share.ln()).sum();
    nats / (shares.len() as f64).ln()
}

/// p: softmax of the cumulative qualities at temperature τ = tau · max(H, 0.05).
pub fn keep(quality: &[f64], tau: f64, entropy: f64) -> Vec<f64> {
    let temperature = tau * entropy.max(ENTROPY_FLOOR);
    let scaled: Vec<f64> = quality.iter().map(|q| q / temperature).collect();
    crate::weights::normalised(&exponentials(&scaled))
}

/// Who falls below theta / n, in the order of leaving: lowest p first, the last of equals first.
pub fn below(keep: &[f64], theta: f64) -> Vec<usize> {
    let threshold = theta / keep.len() as f64;
    let mut leaving: Vec<(usize, f64)> = keep.iter().copied().enumerate().filter(|(_, p)| *p < threshold).collect();
    leaving.sort_by(|(i, p), (k, q)| p.total_cmp(q).then(k.cmp(i)));
    leaving.into_iter().map(|(position, _)| position).collect()
}

/// Who has not won a round yet, in the order of leaving: last first.
pub fn winless(won: &[bool]) -> Vec<usize> {
    won.iter().enumerate().rev().filter(|(_, won)| !**won).map(|(position, _)| position).collect()
}

/// Everyone but the best, the first of equals, in the order of leaving: lowest first, the last of equals first.
pub fn all_but_best(quality: &[f64]) -> Vec<usize> {
    let mut order: Vec<(usize, f64)> = quality.iter().copied().enumerate().collect();
    order.sort_by(|(i, q), (k, r)| q.total_cmp(r).then(k.cmp(i)));
    order.pop();
    order.into_iter().map(|(position, _)| position).collect()
}

/// Proportional to exp(value); the largest is 1, so that neither end of the scale is lost.
fn exponentials(values: &[f64]) -> Vec<f64> {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.iter().map(|value| (value - largest).exp()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(actual: &[f64], expected: &[f64]) {
        let near = actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-12);
        assert!(near, "{actual:?} is not {expected:?}");
    }

    #[test]
    fn shares_follow_the_score_rule() {
        let logs = [0.5_f64.ln(), 0.25_f64.ln(), 0.25_f64.ln()];
        close(&shares(ScoreRule::MeanLogprob, &logs), &[0.5, 0.25, 0.25]);
        close(&shares(ScoreRule::MeanProb, &[0.6, 0.2]), &[0.75, 0.25]);
    }

    #[test]
    fn shares_survive_scores_no_exponential_can_hold() {
        close(&shares(ScoreRule::MeanLogprob, &[-2000.0, -2000.0]), &[0.5, 0.5]);
        close(&shares(ScoreRule::MeanProb, &[0.0, 0.0]), &[0.5, 0.5]);
    }

    #[test]
    fn entropy_runs_from_decided_to_undecided() {
        close(&[entropy(&[0.25; 4]), entropy(&[1.0, 0.0]), entropy(&[1.0])], &[1.0, 0.0, 0.0]);
        close(&[entropy(&[0.5, 0.25, 0.25])], &[1.5 * 2.0_f64.ln() / 3.0_f64.ln()]);
    }

    #[test]
    fn keep_is_a_softmax_at_the_scaled_temperature() {
        let ratio = 3.0_f64.ln();
        close(&keep(&[ratio, 0.0], 1.0, 1.0), &[0.75, 0.25]);
        close(&keep(&[ratio, 0.0], 1.0, 0.5), &[0.9, 0.1]);
        close(&keep(&[ratio * 0.05, 0.0], 1.0, 0.0), &[0.75, 0.25]);
        close(&keep(&[ratio * 2.0, 0.0], 2.0, 1.0), &[0.75, 0.25]);
    }

    #[test]
    fn the_lowest_leave_first_and_of_equals_the_last() {
        assert_eq!(below(&[0.6, 0.1, 0.05, 0.1, 0.15], 0.5), [2]);
        assert_eq!(below(&[0.7, 0.08, 0.04, 0.08, 0.1], 0.5), [2, 3, 1]);
        assert_eq!(below(&[0.5, 0.5], 1.0), [] as [usize; 0]);
        assert_eq!(winless(&[true, false, true, false]), [3, 1]);
        assert_eq!(all_but_best(&[0.2, 0.4, 0.1, 0.4, 0.1]), [4, 2, 0, 3]);
        assert_eq!(all_but_best(&[0.2]), [] as [usize; 0]);
    }

    proptest! {
        #[test]
        fn members_are_judged_alike_wherever_they_stand(
            scores in prop::collection::vec(-10.0..0.0, 2..6), turn in 0usize..6,
        ) {
            let judge = |scores: &[f64]| {
                let q = shares(ScoreRule::MeanLogprob, scores);
                keep(&q, 1.0, entropy(&q))
            };
            let mut turned = scores.clone();
            turned.rotate_left(turn % scores.len());
            let mut expected = judge(&scores);
            expected.rotate_left(turn % scores.len());
            prop_assert!(judge(&turned).iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
        }
    }
}
