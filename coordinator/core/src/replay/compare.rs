//! A round as it was recorded and as it was decided again: what differs first, in the order in which one follows from another.

use std::fmt::Debug;

use super::Difference;
use crate::recording::{Candidate, Ending, Exit, Round, Score, Scored};

/// Numbers are the same where all their bits are.
pub(super) fn rounds(recorded: &Round, again: &Round) -> Option<Difference> {
    let of = Of(recorded.round);
    let ranked = |round: &Round| round.candidates.iter().map(|it| number(it.aggregate)).collect::<Vec<_>>();
    of.same("active", &recorded.active, &again.active)
        .or_else(|| of.same("candidates", &drafted(&recorded.candidates), &drafted(&again.candidates)))
        .or_else(|| of.same("scores", &means(&recorded.scores), &means(&again.scores)))
        .or_else(|| of.same("weights", &numbers(recorded.weights.as_deref()), &numbers(again.weights.as_deref())))
        .or_else(|| of.same("aggregate", &ranked(recorded), &ranked(again)))
        .or_else(|| of.same("decided_by", &recorded.decided_by, &again.decided_by))
        .or_else(|| of.same("winning_candidate", &recorded.winning_candidate, &again.winning_candidate))
        .or_else(|| of.same("winner", &recorded.winner, &again.winner))
        .or_else(|| of.same("entropy", &number(recorded.entropy), &number(again.entropy)))
        .or_else(|| of.same("quality", &numbers(Some(&recorded.quality)), &numbers(Some(&again.quality))))
        .or_else(|| of.same("keep", &numbers(recorded.keep.as_deref()), &numbers(again.keep.as_deref())))
        .or_else(|| of.same("exits", &left(&recorded.exits), &left(&again.exits)))
        .or_else(|| of.same("recalled", &recorded.recalled, &again.recalled))
        .or_else(|| of.same("text", &recorded.text, &again.text))
}

pub(super) fn endings(round: u32, recorded: &Ending, again: &Ending) -> Option<Difference> {
    let of = Of(round);
    of.same("ending", &recorded.reason, &again.reason)
        .or_else(|| of.same("ending's text", &recorded.text, &again.text))
        .or_else(|| of.same("completion_tokens", &recorded.completion_tokens, &again.completion_tokens))
}

/// Of this round.
struct Of(u32);

impl Of {
    fn same<T: Debug + PartialEq>(&self, what: &'static str, recorded: &T, again: &T) -> Option<Difference> {
        let differs = || Difference {
            round: self.0,
            what,
            recorded: format!("{recorded:?}"),
            decided_again: format!("{again:?}"),
        };
        (recorded != again).then(differs)
    }
}

/// Compares by its bits, and shows all its digits.
#[derive(PartialEq)]
struct Bits(u64);

impl Debug for Bits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f64::from_bits(self.0).fmt(f)
    }
}

fn number(number: Option<f64>) -> Option<Bits> {
    number.map(|number| Bits(number.to_bits()))
}

fn numbers(numbers: Option<&[f64]>) -> Option<Vec<Bits>> {
    numbers.map(|numbers| numbers.iter().map(|number| Bits(number.to_bits())).collect())
}

fn drafted(candidates: &[Candidate]) -> Vec<(&str, bool, &[String])> {
    candidates.iter().map(|it| (it.text.as_str(), it.finished, it.authors.as_slice())).collect()
}

/// Each scorer, and what its terms come to.
fn means(scores: &[Score]) -> Vec<(&str, Option<Vec<Bits>>)> {
    let of = |score: &Score| match &score.outcome {
        Scored::Scored { means, .. } => numbers(Some(means)),
        Scored::Abstained { .. } | Scored::Failed { .. } => None,
    };
    scores.iter().map(|score| (score.member.as_str(), of(score))).collect()
}

fn left(exits: &[Exit]) -> Vec<(&str, &str)> {
    exits.iter().map(|exit| (exit.member.as_str(), exit.reason.as_str())).collect()
}
