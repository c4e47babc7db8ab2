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
    /// Scored rounds with a leader.
    pub rounds: usize,
    /// The share of them that the leader won.
    pub won: f64,
    /// None: the leader's log-probability does not tell.
    pub bound: Option<Bound>,
}

/// The lowest bound above which the leader won 99 % of the rounds. It is learnt from these rounds: a new evaluation tells whether it holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Of the leader's mean natural log-probability: it is at least this.
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
        for equals in leads.chunk_by(|a, b| a.mean_logprob == b.mean_logprob) {
            above += equals.len();
            won += equals.iter().filter(|lead| lead.won).count();
            let share = won as f64 / above as f64;
            if above >= ROUNDS && share >= WON {
                let mean_logprob = equals.first().map_or(0.0, |lead| lead.mean_logprob);
                bound = Some(Bound { mean_logprob, rounds: above, covered: above as f64 / rounds as f64, won: share });
            }
        }
        Some(Self { strategy: answers.strategy.name.clone(), rounds, won: won as f64 / rounds as f64, bound })
    }
}
