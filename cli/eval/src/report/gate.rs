//! How sure a leader must be for its draft to win anyway: a round that begins so need not be scored.

use serde::{Deserialize, Serialize};

use super::answers::Answers;
use crate::record::Lead;

/// A bound is one only if the leader won this share of the rounds above it, and they are so many.
const WON: f64 = 0.99;
const ROUNDS: usize = 50;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    pub strategy: String,
    /// Scored rounds with a sole leader.
    pub rounds: usize,
    /// The share of them that the leader won.
    pub won: f64,
    /// None: the leader's log-probability does not tell.
    pub bound: Option<Bound>,
}

/// The lowest bound above which the sole leader won 99 % of the rounds. It is learnt from these rounds: a new evaluation tells whether it holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The leader's mean natural log-probability, uncalibrated, is above this: never equal to it, as the coordinator's gate asks. It has
    /// as few decimals as part the rounds above it from the others, so that what is printed is what was learnt.
    pub mean_logprob: f64,
    /// Rounds above it.
    pub rounds: usize,
    /// The share of all rounds that these are.
    pub covered: f64,
    /// The share of these that the leader won.
    pub won: f64,
}

impl Gate {
    /// None without a round that had a leader.
    pub(super) fn new(answers: &Answers) -> Option<Self> {
        let mut leads: Vec<Lead> = answers.answered().flat_map(|record| record.leads.iter().copied()).collect();
        leads.retain(|lead| lead.mean_logprob.is_finite());
        leads.sort_by(|a, b| b.mean_logprob.total_cmp(&a.mean_logprob));
        let rounds = leads.len();
        if rounds == 0 {
            return None;
        }
        let (mut above, mut won, mut bound) = (0, 0, None);
        let mut groups = leads.chunk_by(|a, b| a.mean_logprob == b.mean_logprob).peekable();
        while let Some(equals) = groups.next() {
            above += equals.len();
            won += equals.iter().filter(|lead| lead.won).count();
            let share = won as f64 / above as f64;
            if above >= ROUNDS && share >= WON {
                let first = |leads: &[Lead]| leads.first().map(|lead| lead.mean_logprob);
                let next = groups.peek().and_then(|leads| first(leads)).unwrap_or(f64::NEG_INFINITY);
                let mean_logprob = just_below(first(equals).unwrap_or(0.0), next);
                bound = Some(Bound { mean_logprob, rounds: above, covered: above as f64 / rounds as f64, won: share });
            }
        }
        Some(Self { strategy: answers.strategy.name.clone(), rounds, won: won as f64 / rounds as f64, bound })
    }
}

/// A number below `value` and not below `next`, with the fewest decimals from three on.
fn just_below(value: f64, next: f64) -> f64 {
    let candidate = |decimals: i32| {
        let scale = 10_f64.powi(decimals);
        let floor = (value * scale).floor() / scale;
        if floor < value { floor } else { ((value * scale).floor() - 1.0) / scale }
    };
    (3..=12).map(candidate).find(|bound| *bound < value && *bound >= next).unwrap_or(next)
}

#[cfg(test)]
mod tests {
    use super::just_below;

    #[test]
    fn a_bound_parts_what_is_above_it_from_the_rest() {
        for (value, next, bound) in [
            (-0.0004, f64::NEG_INFINITY, -0.001),
            (-0.0004, -0.0005, -0.0005),
            (-0.00041, -0.00047, -0.00042),
            (0.0, -1.0, -0.001),
            (-2.0, -2.01, -2.001),
            (-0.123456, -0.2, -0.124),
            (-0.5, -0.5 - 1e-15, -0.5 - 1e-15),
        ] {
            let found = just_below(value, next);
            assert_eq!(found, bound, "{value} {next}");
            assert!(found < value && found >= next);
        }
    }
}
