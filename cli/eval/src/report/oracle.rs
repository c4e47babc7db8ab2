//! The oracle: for every question the member whose own answer turned out best. What choosing a member can reach at most.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Strategy,
    answers::{Answers, Evaluation, quality},
};

/// A gain below this is rounding.
const NOTHING: f64 = 1e-9;

/// Over the questions for which every member that answered anything has a quality; of equal answers the first member's. None without any.
pub(super) fn oracle<'a>(evaluation: &Evaluation<'a>, strategy: &'a Strategy) -> Option<Answers<'a>> {
    let singles: Vec<_> = evaluation.singles().collect();
    let mut by_question = BTreeMap::new();
    for (question, first) in &singles.first()?.by_question {
        let records: Option<Vec<_>> = singles
            .iter()
            .map(|single| single.by_question.get(question).and_then(|record| Some((*record, quality(record)?))))
            .collect();
        let mut best = (*first, f64::NEG_INFINITY);
        for (record, quality) in records.unwrap_or_default() {
            if quality > best.1 {
                best = (record, quality);
            }
        }
        if best.1.is_finite() {
            by_question.insert(*question, best.0);
        }
    }
    (!by_question.is_empty()).then_some(Answers { strategy, by_question })
}

/// Mean qualities over the questions that all three have: a strategy, the best single member, and the oracle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    pub questions: usize,
    pub own: f64,
    pub best_single: f64,
    pub oracle: f64,
}

impl Gain {
    /// None without a question that all three have.
    pub(super) fn new(answers: &Answers, best: &Answers, oracle: &Answers) -> Option<Self> {
        let (mut questions, mut sums) = (0_u32, [0.0; 3]);
        for (question, record) in &answers.by_question {
            let of = |answers: &Answers| answers.by_question.get(question).and_then(|record| quality(record));
            let Some(((own, best), oracle)) = quality(record).zip(of(best)).zip(of(oracle)) else { continue };
            questions += 1;
            for (sum, quality) in sums.iter_mut().zip([own, best, oracle]) {
                *sum += quality;
            }
        }
        let [own, best_single, oracle] = sums.map(|sum| sum / f64::from(questions));
        (questions > 0).then_some(Self { questions: questions as usize, own, best_single, oracle })
    }

    /// How much of what the oracle gains over the best single member the strategy gains. None where there is nothing to gain.
    pub(super) fn taken(&self) -> Option<f64> {
        let possible = self.oracle - self.best_single;
        (possible > NOTHING).then(|| (self.own - self.best_single) / possible)
    }
}
