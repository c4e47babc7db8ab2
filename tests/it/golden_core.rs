//! The round logic against the recorded runs: fed with their drafts and scores, it must take every decision they took.
//!
//! No model and no network: what is compared here is sections 4 to 6 of the algorithm and the transcript alone.

mod record;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use specfuse_core::{
    candidate::{Candidate, Draft, Terms},
    generation::{
        Action, CandidateScore, DraftOutcome, Ending, Event, ExitReason, Finish, Generation, Round, ScoreOutcome,
        Scoring,
    },
    member::MemberIndex,
};
use specfuse_tests::golden;

use self::record::{Case, RecordedRound, RecordedScores, Rule};

/// The records are doubles written in full; what differs is the order of a few additions.
const TOLERANCE: f64 = 1e-13;

#[test]
fn golden_core() -> Result<()> {
    let Some(folder) = golden::folder() else { return Ok(()) };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder.join("runs")).context("no folder of runs")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    ensure!(!paths.is_empty(), "no golden runs in {}", folder.display());
    let mut rounds = 0;
    for path in &paths {
        rounds += replay(path).with_context(|| path.display().to_string())?;
    }
    eprintln!("golden_core: {} runs, {rounds} rounds", paths.len());
    Ok(())
}

/// Runs one case through a generation; its number of rounds.
fn replay(path: &Path) -> Result<usize> {
    let case: Case = serde_json::from_str(&fs::read_to_string(path)?)?;
    let (mut generation, mut actions) = Generation::start(case.request()?);
    for recorded in &case.rounds {
        actions = play_round(&case, recorded, &mut generation, actions)
            .with_context(|| format!("round {}", recorded.round))?;
    }
    let [Action::Finish(finish)] = actions.as_slice() else { bail!("{actions:?} where the run is over") };
    compare_end(&case, finish)?;
    Ok(case.rounds.len())
}

/// Answers a round's calls from the record and compares what it decides; what is asked for after it.
fn play_round(
    case: &Case,
    recorded: &RecordedRound,
    generation: &mut Generation,
    asked: Vec<Action>,
) -> Result<Vec<Action>> {
    let drafters = asked.iter().map(|action| asked_to_draft(case, recorded, action)).collect::<Result<Vec<_>>>()?;
    ensure!(case.names(&drafters)? == recorded.active, "drafts are asked of {drafters:?}");
    let mut actions = Vec::new();
    // Last first: the order in which answers come in decides nothing.
    for (member, draft) in drafters.iter().zip(&recorded.drafts).rev() {
        let draft = Draft { text: draft.text.clone(), finished: draft.finished, tokens: draft.tokens };
        let outcome = DraftOutcome::Drafted(draft);
        actions.extend(generation.step(Event::Drafted { round: recorded.round, member: *member, outcome }));
    }
    if recorded.scored {
        let calls = std::mem::take(&mut actions);
        ensure!(calls.len() == recorded.scores.len(), "{} members are asked to score", calls.len());
        for (call, scores) in calls.iter().zip(&recorded.scores).rev() {
            let member = asked_to_score(case, recorded, call)?;
            ensure!(case.name(member)? == scores.member, "{member:?} is asked to score");
            let outcome = ScoreOutcome::Scored(terms(case.score, scores)?);
            actions.extend(generation.step(Event::Scored { round: recorded.round, member, outcome }));
        }
    }
    ensure!(!actions.is_empty(), "the round is not decided");
    let Action::Emit(round) = actions.remove(0) else { bail!("the round is not decided") };
    compare_round(case, recorded, &round)?;
    Ok(actions)
}

fn asked_to_draft(case: &Case, recorded: &RecordedRound, action: &Action) -> Result<MemberIndex> {
    let Action::Draft { round, member, accepted, max_tokens, .. } = action else { bail!("{action:?} is no draft") };
    ensure!(
        (*round, &**accepted) == (recorded.round, recorded.accepted.as_str()),
        "draft of {round} after {accepted:?}"
    );
    let spent: u32 = case.rounds.iter().take_while(|it| it.round < recorded.round).map(RecordedRound::tokens).sum();
    let limit = case.segment_tokens.min(case.max_tokens.saturating_sub(spent));
    ensure!(*max_tokens == limit, "a draft of {max_tokens} tokens, not {limit}");
    Ok(*member)
}

fn asked_to_score(case: &Case, recorded: &RecordedRound, action: &Action) -> Result<MemberIndex> {
    let Action::Score { round, member, accepted, candidates } = action else { bail!("{action:?} is no score") };
    ensure!(
        (*round, &**accepted) == (recorded.round, recorded.accepted.as_str()),
        "score of {round} after {accepted:?}"
    );
    compare_candidates(case, recorded, candidates)?;
    Ok(*member)
}

/// Terms alike whose mean under the rule is the recorded one.
fn terms(rule: Rule, scores: &RecordedScores) -> Result<Vec<Terms>> {
    let each = |(mean, tokens): (&f64, &usize)| {
        let term = match rule {
            Rule::MeanLogprob => *mean,
            Rule::MeanProb => mean.ln(),
        };
        Ok(Terms::new(vec![term; *tokens])?)
    };
    scores.mean.iter().zip(&scores.tokens).map(each).collect()
}

fn compare_round(case: &Case, recorded: &RecordedRound, round: &Round) -> Result<()> {
    ensure!(round.number == recorded.round, "it is round {}", round.number);
    ensure!(case.names(&round.active)? == recorded.active, "active: {:?}", round.active);
    ensure!(*round.accepted == *recorded.accepted, "accepted: {:?}", round.accepted);
    compare_candidates(case, recorded, &round.candidates)?;
    ensure!(round.winner == recorded.winner, "winner: {}", round.winner);
    ensure!(round.exits.iter().all(|exit| exit.reason == ExitReason::Quality), "exits: {:?}", round.exits);
    let exits: Vec<MemberIndex> = round.exits.iter().map(|exit| exit.member).collect();
    ensure!(case.names(&exits)? == recorded.exits, "exits: {exits:?}");
    compare_by_member("quality", recorded, &recorded.quality, Some(&round.quality))?;
    match &round.scoring {
        Some(scoring) if recorded.scored => compare_scoring(case, recorded, scoring),
        None if !recorded.scored => Ok(()),
        scored => bail!("scored: {}", scored.is_some()),
    }
}

fn compare_candidates(case: &Case, recorded: &RecordedRound, candidates: &[Candidate]) -> Result<()> {
    ensure!(candidates.len() == recorded.candidates.len(), "{} candidates", candidates.len());
    for (candidate, expected) in candidates.iter().zip(&recorded.candidates) {
        let same = candidate.text == expected.text && candidate.finished == expected.finished;
        ensure!(same && case.names(&candidate.authors)? == expected.authors, "candidate: {candidate:?}");
    }
    Ok(())
}

fn compare_scoring(case: &Case, recorded: &RecordedRound, scoring: &Scoring) -> Result<()> {
    for ((member, row), expected) in scoring.rows.iter().zip(&recorded.scores) {
        ensure!(case.name(*member)? == expected.member, "a row of {member:?}");
        let row = row.as_deref().context("a row is absent")?;
        let of = |value: fn(&CandidateScore) -> f64| row.iter().map(value).collect::<Vec<_>>();
        near("mean", &of(|score| score.mean), &expected.mean)?;
        ensure!(row.iter().map(|score| score.terms).eq(expected.tokens.iter().copied()), "terms: {row:?}");
        if case.score == Rule::MeanLogprob {
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

fn compare_end(case: &Case, finish: &Finish) -> Result<()> {
    let reason = match finish.ending {
        Ending::Stop => "stop",
        Ending::Length => "length",
        Ending::Failed(failure) => return Err(failure.into()),
    };
    ensure!(finish.text == case.text, "text: {:?}", finish.text);
    ensure!(reason == case.finish_reason, "finish reason: {reason}");
    ensure!(finish.completion_tokens == case.completion_tokens, "completion tokens: {}", finish.completion_tokens);
    ensure!(finish.rounds as usize == case.rounds.len(), "rounds: {}", finish.rounds);
    let members_per_round = finish.member_rounds as f64 / f64::from(finish.rounds);
    near("members per round", &[members_per_round], &[case.members_per_round])
}

fn near(what: &str, actual: &[f64], expected: &[f64]) -> Result<()> {
    let same = actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, e)| (a - e).abs() <= TOLERANCE);
    ensure!(same, "{what}: {actual:?}, not {expected:?}");
    Ok(())
}
