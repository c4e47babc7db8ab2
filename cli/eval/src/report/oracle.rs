//! The oracle: for every question the member whose own answer turned out best. What choosing a member can reach at most.

use std::collections::BTreeMap;

use super::{
    Strategy,
    answers::{Answers, Evaluation, quality},
};

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

/// How much of what the oracle gains over the best single member a strategy gains, over the questions that all three have. None where
/// there is nothing to gain.
pub(super) fn gain_taken(answers: &Answers, best: &Answers, oracle: &Answers) -> Option<f64> {
    let (mut taken, mut possible) = (0.0, 0.0);
    for (question, record) in &answers.by_question {
        let own = quality(record);
        let best = best.by_question.get(question).and_then(|record| quality(record));
        let oracle = oracle.by_question.get(question).and_then(|record| quality(record));
        if let (Some(own), Some(best), Some(oracle)) = (own, best, oracle) {
            taken += own - best;
            possible += oracle - best;
        }
    }
    (possible > 1e-9).then(|| taken / possible)
}
