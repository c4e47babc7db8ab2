//! Who answers better than the ensemble, and for what: costs are compared over the same questions as qualities, those that both
//! answered, and in more than one currency. A draft of ten tokens and a whole answer are one call each, so calls alone say little.

use serde::{Deserialize, Serialize};

use super::{
    FUSE,
    answers::{Answers, Evaluation, quality},
    versus::Versus,
};
use crate::{
    record::{Cost, Record},
    stats::{ALPHA, mean, median},
};

/// Means nearer than this are equal.
const EQUAL: f64 = 1e-9;

/// A strategy that answers better than [`FUSE`], over the questions that both answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    pub strategy: String,
    pub questions: usize,
    /// Its quality less the ensemble's.
    pub better_by: f64,
    /// That the difference in quality is nothing, as in [`Versus`].
    pub p: Option<f64>,
    /// Mean member calls for an answer, to draft and to score.
    pub calls: Sides,
    /// Mean rows of forward passes for an answer.
    pub computed_tokens: Sides,
    /// Median milliseconds of an answer.
    pub total_ms: Sides,
}

/// What it takes, and what the ensemble takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sides {
    pub own: f64,
    pub fused: f64,
}

impl Sides {
    fn is_no_more(self) -> bool {
        self.own <= self.fused + EQUAL * self.fused.max(1.0)
    }
}

impl Rival {
    /// Better at no more calls and no more computed tokens.
    pub(super) fn dominates(&self) -> bool {
        self.calls.is_no_more() && self.computed_tokens.is_no_more()
    }

    /// Better, and more than by chance, at fewer of the one and more of the other.
    pub(super) fn trades(&self) -> bool {
        self.is_significant() && self.calls.is_no_more() != self.computed_tokens.is_no_more()
    }

    pub(super) fn is_significant(&self) -> bool {
        self.p.is_some_and(|p| p < ALPHA)
    }

    fn new(answers: &Answers, fused: &Answers, seed: u64) -> Option<Self> {
        let pairs = answers.both_answered(fused);
        let qualities: Option<Vec<(f64, f64)>> =
            pairs.iter().map(|(own, fused)| quality(own).zip(quality(fused))).collect();
        let versus = Versus::of_pairs(&qualities?, seed);
        let better_by = versus.difference.filter(|difference| *difference > EQUAL)?;
        Some(Self {
            strategy: answers.strategy.name.clone(),
            questions: pairs.len(),
            better_by,
            p: versus.p_vs_best_single,
            calls: sides(&pairs, mean, |cost| f64::from(cost.draft_calls) + f64::from(cost.score_calls))?,
            computed_tokens: sides(&pairs, mean, |cost| cost.computed_tokens as f64)?,
            total_ms: sides(&pairs, median, |cost| cost.total_ms)?,
        })
    }
}

fn sides(pairs: &[(&Record, &Record)], of: fn(&[f64]) -> Option<f64>, cost: fn(&Cost) -> f64) -> Option<Sides> {
    let own: Vec<f64> = pairs.iter().map(|(own, _)| cost(&own.cost)).collect();
    let fused: Vec<f64> = pairs.iter().map(|(_, fused)| cost(&fused.cost)).collect();
    Some(Sides { own: of(&own)?, fused: of(&fused)? })
}

/// All that answer better, whatever they take.
pub(super) fn rivals(evaluation: &Evaluation, seed: u64) -> Vec<Rival> {
    let Some(fused) = evaluation.named(FUSE) else { return Vec::new() };
    let others = evaluation.strategies.iter().filter(|answers| answers.strategy.name != FUSE);
    others.filter_map(|answers| Rival::new(answers, fused, seed)).collect()
}
