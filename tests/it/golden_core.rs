//! The round logic against the recorded runs: fed with their drafts and scores, it must take every decision they took.
//!
//! No model and no network: what is compared here is sections 4 to 6 of the algorithm and the transcript alone.

mod request;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use specfuse_core::{
    candidate::{Candidate, Draft, OwnScore, Terms},
    generation::{
        Action, CandidateScore, DraftOutcome, Ending, Event, ExitReason, Finish, Generation, Round, ScoreOutcome,
        Scoring,
    },
    member::MemberIndex,
};
use specfuse_tests::{
    golden, prerequisite,
    recorded::{self, Round as RecordedRound, Run, Score, Scores},
};

/// The records are doubles written in full; what differs is the order of a few additions.
const TOLERANCE: f64 = 1e-13;

#[test]
fn golden_core() -> Result<()> {
    let Some(folder) = golden::folder() else { return Ok(()) };
    let runs = recorded::runs(&folder)?;
    for run in &runs {
        replay(run).with_context(|| run.name.clone())?;
    }
    let rounds: usize = runs.iter().map(|run| run.rounds.len()).sum();
    prerequisite::tell(&format!("golden_core: {} recorded runs replayed, {rounds} rounds", runs.len()));
    Ok(())
}

fn replay(run: &Run) -> Result<()> {
    let (mut generation, mut actions) = Generation::start(request::of(run)?);
    for recorded in &run.rounds {
        actions =
            play_round(run, recorded, &mut generation, actions).with_context(|| format!("round {}", recorded.round))?;
    }
    let [Action::Finish(finish)] = actions.as_slice() else { bail!("{actions:?} where the run is over") };
    compare_end(run, finish)
}

/// Answers a round's calls from the record and compares what it decides; what is asked for after it.
fn play_round(
    run: &Run,
    recorded: &RecordedRound,
    generation: &mut Generation,
    asked: Vec<Action>,
) -> Result<Vec<Action>> {
    let drafters = asked.iter().map(|action| asked_to_draft(run, recorded, action)).collect::<Result<Vec<_>>>()?;
    ensure!(names(run, &drafters)? == recorded.active, "drafts are asked of {drafters:?}");
    let mut actions = Vec::new();
    // Last first: the order in which answers come in decides nothing.
    for (member, draft) in drafters.iter().zip(&recorded.drafts).rev() {
        let own = OwnScore::default();
        let draft = Draft { text: draft.text.clone(), finished: draft.finished, tokens: draft.tokens, own };
        let outcome = DraftOutcome::Drafted(draft);
        actions.extend(generation.step(Event::Drafted { round: recorded.round, member: *member, outcome }));
    }
    if recorded.scored {
        let calls = std::mem::take(&mut actions);
        ensure!(calls.len() == recorded.scores.len(), "{} members are asked to score", calls.len());
        for (call, scores) in calls.iter().zip(&recorded.scores).rev() {
            let member = asked_to_score(run, recorded, call)?;
            ensure!(name(run, member)? == scores.member, "{member:?} is asked to score");
            let outcome = ScoreOutcome::Scored(terms(run.score, scores)?);
            actions.extend(generation.step(Event::Scored { round: recorded.round, member, outcome }));
        }
    }
    ensure!(!actions.is_empty(), "the round is not decided");
    let Action::Emit(round) = actions.remove(0) else { bail!("the round is not decided") };
    compare_round(run, recorded, &round)?;
    Ok(actions)
}

fn name(run: &Run, member: MemberIndex) -> Result<&str> {
    Ok(run.members.get(member.0).with_context(|| format!("no member {member:?}"))?)
}

fn names<'a>(run: &'a Run, members: &[MemberIndex]) -> Result<Vec<&'a str>> {
    members.iter().map(|member| name(run, *member)).collect()
}

fn asked_to_draft(run: &Run, recorded: &RecordedRound, action: &Action) -> Result<MemberIndex> {
    let Action::Draft { round, member, accepted, max_tokens, .. } = action else { bail!("{action:?} is no draft") };
    ensure!(
        (*round, &**accepted) == (recorded.round, recorded.accepted.as_str()),
        "draft of {round} after {accepted:?}"
    );
    let spent: u32 =
        run.rounds.iter().take_while(|it| it.round < recorded.round).map(RecordedRound::completion_tokens).sum();
    let limit = run.segment_tokens.min(run.max_tokens.saturating_sub(spent));
    ensure!(*max_tokens == limit, "a draft of {max_tokens} tokens, not {limit}");
    Ok(*member)
}

fn asked_to_score(run: &Run, recorded: &RecordedRound, action: &Action) -> Result<MemberIndex> {
    let Action::Score { round, member, accepted, candidates, .. } = action else { bail!("{action:?} is no score") };
    ensure!(
        (*round, &**accepted) == (recorded.round, recorded.accepted.as_str()),
        "score of {round} after {accepted:?}"
    );
    compare_candidates(run, recorded, candidates)?;
    Ok(*member)
}

/// Terms alike whose mean under the rule is the recorded one.
fn terms(rule: Score, scores: &Scores) -> Result<Vec<Terms>> {
    let each = |(mean, tokens): (&f64, &u32)| {
        let term = match rule {
            Score::MeanLogprob => *mean,
            Score::MeanProb => mean.ln(),
        };
        Ok(Terms::new(vec![term; *tokens as usize])?)
    };
    scores.mean.iter().zip(&scores.tokens).map(each).collect()
}

fn compare_round(run: &Run, recorded: &RecordedRound, round: &Round) -> Result<()> {
    ensure!(round.number == recorded.round, "it is round {}", round.number);
    ensure!(names(run, &round.active)? == recorded.active, "active: {:?}", round.active);
    ensure!(*round.accepted == *recorded.accepted, "accepted: {:?}", round.accepted);
    compare_candidates(run, recorded, &round.candidates)?;
    ensure!(round.winner == recorded.winner, "winner: {}", round.winner);
    ensure!(round.exits.iter().all(|exit| exit.reason == ExitReason::Quality), "exits: {:?}", round.exits);
    let exits: Vec<MemberIndex> = round.exits.iter().map(|exit| exit.member).collect();
    ensure!(names(run, &exits)? == recorded.exits, "exits: {exits:?}");
    compare_by_member("quality", recorded, &recorded.quality, Some(&round.quality))?;
    match &round.scoring {
        Some(scoring) if recorded.scored => compare_scoring(run, recorded, scoring),
        None if !recorded.scored => Ok(()),
        scored => bail!("scored: {}", scored.is_some()),
    }
}

fn compare_candidates(run: &Run, recorded: &RecordedRound, candidates: &[Candidate]) -> Result<()> {
    ensure!(candidates.len() == recorded.candidates.len(), "{} candidates", candidates.len());
    for (candidate, expected) in candidates.iter().zip(&recorded.candidates) {
        let same = candidate.text == expected.text && candidate.finished == expected.finished;
        ensure!(same && names(run, &candidate.authors)? == expected.authors, "candidate: {candidate:?}");
    }
    Ok(())
}

fn compare_scoring(run: &Run, recorded: &RecordedRound, scoring: &Scoring) -> Result<()> {
    for ((member, row), expected) in scoring.rows.iter().zip(&recorded.scores) {
        ensure!(name(run, *member)? == expected.member, "a row of {member:?}");
        let row = row.as_deref().context("a row is absent")?;
        let of = |value: fn(&CandidateScore) -> f64| row.iter().map(value).collect::<Vec<_>>();
        near("mean", &of(|score| score.mean), &expected.mean)?;
        ensure!(
            row.iter().map(|score| score.terms).eq(expected.tokens.iter().map(|&tokens| tokens as usize)),
            "terms: {row:?}"
        );
        if run.score == Score::MeanLogprob {
            near("sum_logprob", &of(|score| score.sum_logprob), &expected.sum_logprob)?;
        }
    }
    near("aggregate", scoring.aggregate.as_deref().unwrap_or_default(), &recorded.aggregate)?;
    compare_by_member("weights", recorded, &recorded.weights, scoring.weights.as_deref())?;
    ensure!(scoring.weights.is_some() == recorded.weights.is_some(), "weights: {:?}", scoring.weights);
    if let Some(entropy) = recorded.entropy {
        near("entropy", scoring.entropy.as_slice(), &[entropy])?;
    }
    compare_by_member("keep", recorded, &recorded.keep, scoring.keep.as_deref())
}

/// Compares what the record holds; it leaves out what its policy does not use.
fn compare_by_member(
    what: &str,
    recorded: &RecordedRound,
    expected: &Option<BTreeMap<String, f64>>,
    actual: Option<&[f64]>,
) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    ensure!(expected.len() == recorded.active.len(), "{what}: the record is not of the active members");
    let expected = recorded
        .active
        .iter()
        .map(|name| expected.get(name).copied().with_context(|| format!("{what}: no record of {name}")))
        .collect::<Result<Vec<f64>>>()?;
    near(what, actual.unwrap_or_default(), &expected)
}

fn compare_end(run: &Run, finish: &Finish) -> Result<()> {
    let reason = match finish.ending {
        Ending::Stop => "stop",
        Ending::Length => "length",
        Ending::Failed(failure) => return Err(failure.into()),
    };
    ensure!(finish.text == run.text, "text: {:?}", finish.text);
    ensure!(reason == run.finish_reason, "finish reason: {reason}");
    ensure!(finish.completion_tokens == run.completion_tokens, "completion tokens: {}", finish.completion_tokens);
    ensure!(finish.rounds as usize == run.rounds.len(), "rounds: {}", finish.rounds);
    let members_per_round = finish.member_rounds as f64 / f64::from(finish.rounds);
    near("members per round", &[members_per_round], &[run.members_per_round])
}

fn near(what: &str, actual: &[f64], expected: &[f64]) -> Result<()> {
    let same = actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, e)| (a - e).abs() <= TOLERANCE);
    ensure!(same, "{what}: {actual:?}, not {expected:?}");
    Ok(())
}
