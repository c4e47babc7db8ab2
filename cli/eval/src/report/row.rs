//! One strategy's row: how well it answers, how sure that is, and what it costs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ORACLE,
    answers::{Answers, are_right_or_wrong, is_right},
    oracle::Gain,
    versus::Versus,
};
use crate::{
    metric::overall::overall,
    record::{Cost, Record},
    stats::{bootstrap::mean_interval, mean, median},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub strategy: String,
    pub kind: String,
    /// Questions with a record.
    pub answers: usize,
    /// None where a quality is neither 0 nor 1.
    pub right: Option<usize>,
    /// Without an answer: of quality 0.
    pub failed: usize,
    /// Without a quality: left out of it.
    pub unjudged: usize,
    /// Mean, 0 to 1; None: nothing is judged.
    pub quality: Option<f64>,
    /// The 95 % interval: of the bootstrap, or Wilson's where all are right or all are wrong.
    pub low: Option<f64>,
    pub high: Option<f64>,
    #[serde(flatten)]
    pub versus: Versus,
    /// What there is to gain over the best single member, and what is gained. None without a question that all three have.
    pub gain: Option<Gain>,
    /// (own - best single) / (oracle - best single). None, too, where there is nothing to gain.
    pub gain_taken: Option<f64>,
    #[serde(flatten)]
    pub cost: MeanCost,
    /// The other measures by name, as [`overall`] has them, over the answers that have any: those that failed have none.
    pub measures: BTreeMap<String, f64>,
}

/// For each answer, failures left out. Means, but for the times and the speed, which are medians. None without an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeanCost {
    pub rounds: Option<f64>,
    /// Mean over the answers of each one's mean over its rounds.
    pub members_per_round: Option<f64>,
    /// Of members: to draft and to score.
    pub calls: Option<f64>,
    pub draft_calls: Option<f64>,
    pub score_calls: Option<f64>,
    pub scored_rounds: Option<f64>,
    pub gated_rounds: Option<f64>,
    pub drafted_tokens: Option<f64>,
    pub scored_tokens: Option<f64>,
    pub computed_tokens: Option<f64>,
    pub completion_tokens: Option<f64>,
    /// From the request to the first segment with text.
    pub ttfs_ms: Option<f64>,
    pub total_ms: Option<f64>,
    /// Tokens of the answer by its seconds from the request to the end.
    pub tokens_s: Option<f64>,
}

impl Row {
    pub(super) fn new(answers: &Answers, best: Option<&Answers>, oracle: Option<&Answers>, seed: u64) -> Row {
        let qualities = answers.qualities();
        let interval = mean_interval(&qualities, seed);
        let name = &answers.strategy.name;
        let is_oracle = answers.strategy.kind == ORACLE;
        let compared = best.filter(|best| best.strategy.name != *name && !is_oracle);
        let gain = best.zip(oracle).and_then(|(best, oracle)| Gain::new(answers, best, oracle));
        Row {
            strategy: name.clone(),
            kind: answers.strategy.kind.clone(),
            answers: answers.by_question.len(),
            right: are_right_or_wrong(qualities.iter().copied())
                .then(|| qualities.iter().filter(|quality| is_right(**quality)).count()),
            failed: answers.by_question.values().filter(|record| record.error.is_some()).count(),
            unjudged: answers.by_question.len() - qualities.len(),
            quality: mean(&qualities),
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            versus: compared.map_or_else(Versus::default, |best| Versus::new(answers, best, seed)),
            gain,
            gain_taken: gain.and_then(|gain| gain.taken()),
            cost: if is_oracle { MeanCost::default() } else { MeanCost::new(&answers.answered().collect::<Vec<_>>()) },
            measures: overall(answers.by_question.values().map(|record| &record.measures)),
        }
    }
}

impl MeanCost {
    pub(super) fn new(answered: &[&Record]) -> Self {
        let each = |value: &dyn Fn(&Cost) -> Option<f64>| -> Vec<f64> {
            answered.iter().filter_map(|record| value(&record.cost)).filter(|value| value.is_finite()).collect()
        };
        let average = |value: &dyn Fn(&Cost) -> f64| mean(&each(&|cost| Some(value(cost))));
        Self {
            rounds: average(&|cost| cost.rounds.into()),
            members_per_round: mean(&each(&|cost| (cost.rounds > 0).then_some(cost.members_per_round))),
            calls: average(&|cost| f64::from(cost.draft_calls) + f64::from(cost.score_calls)),
            draft_calls: average(&|cost| cost.draft_calls.into()),
            score_calls: average(&|cost| cost.score_calls.into()),
            scored_rounds: average(&|cost| cost.scored_rounds.into()),
            gated_rounds: average(&|cost| cost.gated_rounds.into()),
            drafted_tokens: average(&|cost| cost.drafted_tokens as f64),
            scored_tokens: average(&|cost| cost.scored_tokens as f64),
            computed_tokens: average(&|cost| cost.computed_tokens as f64),
            completion_tokens: average(&|cost| cost.completion_tokens.into()),
            ttfs_ms: median(&each(&|cost| cost.first_segment_ms)),
            total_ms: median(&each(&|cost| Some(cost.total_ms))),
            tokens_s: median(&each(&|cost| Some(f64::from(cost.completion_tokens) * 1000.0 / cost.total_ms))),
        }
    }
}
