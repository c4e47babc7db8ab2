//! One answer against its record: decisions must be equal, numbers near.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use specfuse_proto::v1::{FinishReason, MemberStanding, Segment, draft_report::Outcome};
use specfuse_tests::{
    answer::Answer,
    recorded::{Candidate, Draft, Round, Run},
};

/// Of means of log-probabilities: the record is PyTorch's, in f32.
const SCORE_TOLERANCE: f64 = 1e-3;
/// Of what is derived from several of them.
const DERIVED_TOLERANCE: f64 = 1e-2;

/// What a round decided and from what, without numbers that rounding may change.
#[derive(Debug, PartialEq)]
struct Decisions {
    round: u32,
    active: Vec<String>,
    drafts: Vec<Draft>,
    candidates: Vec<Candidate>,
    scored: bool,
    /// Scorer and its number of terms for each candidate.
    terms: Vec<(String, Vec<u32>)>,
    winner: usize,
    exits: Vec<String>,
}

pub(super) fn answer(run: &Run, answer: &Answer) -> Result<()> {
    for (recorded, segment) in run.rounds.iter().zip(&answer.segments) {
        round(recorded, segment).with_context(|| format!("round {}", recorded.round))?;
    }
    ensure!(answer.segments.len() == run.rounds.len(), "{} rounds, not {}", answer.segments.len(), run.rounds.len());
    ensure!(answer.text() == run.text, "the text is {:?}, not {:?}", answer.text(), run.text);
    let reason = match answer.finished.reason() {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Unspecified => "unspecified",
    };
    ensure!(reason == run.finish_reason, "it finished with {reason}, not {}", run.finish_reason);
    let usage = answer.finished.usage.as_ref().context("no usage")?;
    let tokens = usage.completion_tokens;
    ensure!(tokens == run.completion_tokens, "{tokens} tokens, not {}", run.completion_tokens);
    near("members per round", usage.members_per_round, run.members_per_round, 1e-9)
}

fn round(recorded: &Round, segment: &Segment) -> Result<()> {
    let (expected, actual) = (expected(recorded), actual(segment)?);
    ensure!(actual == expected, "decided\n{actual:?}\ninstead of\n{expected:?}");
    for (row, told) in recorded.scores.iter().zip(&segment.scores) {
        for (place, score) in told.candidates.iter().enumerate() {
            let what = format!("{}'s score of candidate {place}", row.member);
            near(&what, score.mean, row.mean[place], SCORE_TOLERANCE)?;
            near(&what, score.sum_logprob, row.sum_logprob[place], SCORE_TOLERANCE * f64::from(score.tokens.max(1)))?;
        }
    }
    for (place, aggregate) in recorded.aggregate.iter().enumerate() {
        let told = segment.candidates[place].aggregate.context("no aggregate")?;
        near(&format!("aggregate of candidate {place}"), told, *aggregate, SCORE_TOLERANCE)?;
    }
    if let Some(entropy) = recorded.entropy {
        near("entropy", segment.entropy.context("no entropy")?, entropy, DERIVED_TOLERANCE)?;
    }
    standing("quality", recorded.quality.as_ref(), segment, |standing| Some(standing.quality))?;
    standing("keep", recorded.keep.as_ref(), segment, |standing| standing.keep)?;
    standing("weight", recorded.weights.as_ref(), segment, |standing| standing.weight)
}

fn expected(recorded: &Round) -> Decisions {
    Decisions {
        round: recorded.round,
        active: recorded.active.clone(),
        drafts: recorded.drafts.clone(),
        candidates: recorded.candidates.clone(),
        scored: recorded.scored,
        terms: recorded.scores.iter().map(|row| (row.member.clone(), row.tokens.clone())).collect(),
        winner: recorded.winner,
        exits: recorded.exits.clone(),
    }
}

fn actual(segment: &Segment) -> Result<Decisions> {
    let draft = |report: &specfuse_proto::v1::DraftReport| match &report.outcome {
        Some(Outcome::Draft(draft)) => Ok(Draft {
            member: report.member.clone(),
            text: draft.text.clone(),
            finished: draft.finished,
            tokens: draft.drafted_tokens,
        }),
        other => anyhow::bail!("{}: {other:?} instead of a draft", report.member),
    };
    let candidates = segment.candidates.iter().map(|candidate| Candidate {
        text: candidate.text.clone(),
        finished: candidate.finished,
        authors: candidate.authors.clone(),
    });
    let terms = segment.scores.iter().map(|row| {
        let terms = row.candidates.iter().map(|candidate| candidate.tokens).collect();
        (row.member.clone(), terms)
    });
    Ok(Decisions {
        round: segment.round,
        active: segment.active.clone(),
        drafts: segment.drafts.iter().map(draft).collect::<Result<_>>()?,
        candidates: candidates.collect(),
        scored: segment.scored,
        terms: terms.collect(),
        winner: segment.winning_candidate as usize,
        exits: segment.exits.iter().map(|exit| exit.member.clone()).collect(),
    })
}

fn standing(
    what: &str,
    recorded: Option<&BTreeMap<String, f64>>,
    segment: &Segment,
    value: impl Fn(&MemberStanding) -> Option<f64>,
) -> Result<()> {
    for (member, expected) in recorded.into_iter().flatten() {
        let told = segment.standing.iter().find(|standing| standing.member == *member).and_then(&value);
        near(&format!("{member}'s {what}"), told.with_context(|| what.to_owned())?, *expected, DERIVED_TOLERANCE)?;
    }
    Ok(())
}

fn near(what: &str, actual: f64, expected: f64, tolerance: f64) -> Result<()> {
    ensure!((actual - expected).abs() <= tolerance, "{what} is {actual}, not {expected} within {tolerance}");
    Ok(())
}
