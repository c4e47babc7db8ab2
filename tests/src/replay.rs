//! The round logic, fed with what a client was told: it must take every decision that the client saw, and come to the same text.

use std::num::NonZeroU32;

use anyhow::{Context, Result, bail, ensure};
use specfuse_core::{
    candidate::{Draft, OwnScore, Terms},
    generation::{Action, DraftOutcome, Ending, Event, ExitReason, Finish, Generation, Request, Round, ScoreOutcome},
    member::MemberIndex,
    policy::ScoreRule,
};
use specfuse_proto::v1::{self as proto, FinishReason, GenerateRequest, Segment, draft_report::Outcome};

use crate::{answer::Answer, ensemble::Ensemble};

/// Plays an answer again. The error is the first difference.
pub fn check(ensemble: &Ensemble, request: &GenerateRequest, answer: &Answer) -> Result<()> {
    let policy = ensemble.policy()?;
    ensure!(policy.score == ScoreRule::MeanLogprob, "only a mean of logarithms is its own only term");
    let max_tokens = request.max_tokens.and_then(NonZeroU32::new).context("the request names no max_tokens")?;
    let members = MemberIndex::all(ensemble.members.len());
    let seed = request.sampling.map_or(0, |sampling| sampling.seed);
    let stop = request.stop.clone();
    let (mut generation, mut actions) =
        Generation::start(Request { members, rounds_before: 0, policy, max_tokens, stop, seed });
    let replay = Replay { members: &ensemble.members };
    for segment in &answer.segments {
        let played = replay.round(segment, &mut generation, actions);
        actions = played.with_context(|| format!("round {}", segment.round))?;
    }
    let [Action::Finish(finish)] = actions.as_slice() else { bail!("{actions:?} where the answer is over") };
    compare_end(answer, finish)
}

struct Replay<'a> {
    /// In the ensemble's order.
    members: &'a [String],
}

impl Replay<'_> {
    /// Answers a round's calls as they were answered; what is asked for after it.
    fn round(&self, told: &Segment, generation: &mut Generation, asked: Vec<Action>) -> Result<Vec<Action>> {
        let mut asked = asked;
        loop {
            let mut next = Vec::new();
            for action in asked {
                match action {
                    Action::Draft { round, member, .. } => {
                        ensure!(round == told.round, "the replay is in round {round}");
                        let outcome = self.draft(told, member)?;
                        next.extend(generation.step(Event::Drafted { round, member, outcome }));
                    }
                    Action::Score { round, member, .. } => {
                        let outcome = self.score(told, member)?;
                        next.extend(generation.step(Event::Scored { round, member, outcome }));
                    }
                    Action::Emit(_) | Action::Finish(_) => bail!("{action:?} instead of a call"),
                }
            }
            if matches!(next.first(), Some(Action::Emit(_))) {
                let Action::Emit(round) = next.remove(0) else { bail!("not a round") };
                self.compare(told, &round)?;
                return Ok(next);
            }
            ensure!(!next.is_empty(), "the round is not decided");
            asked = next;
        }
    }

    fn name(&self, member: MemberIndex) -> Result<&str> {
        Ok(self.members.get(member.0).with_context(|| format!("no member {member:?}"))?)
    }

    fn draft(&self, told: &Segment, member: MemberIndex) -> Result<DraftOutcome> {
        let name = self.name(member)?;
        let report = told.drafts.iter().find(|report| report.member == name);
        match &report.with_context(|| format!("{name} is asked to draft"))?.outcome {
            Some(Outcome::Draft(draft)) => Ok(DraftOutcome::Drafted(Draft {
                text: draft.text.clone(),
                finished: draft.finished,
                tokens: draft.drafted_tokens,
                own: OwnScore::default(),
            })),
            Some(Outcome::Missed(_)) => {
                let exit = told.exits.iter().find(|exit| exit.member == name);
                Ok(match exit.map(proto::Exit::reason) {
                    Some(proto::ExitReason::ContextFull) => DraftOutcome::ContextFull,
                    Some(proto::ExitReason::Refused) => DraftOutcome::Refused,
                    None
                    | Some(
                        proto::ExitReason::Failed
                        | proto::ExitReason::Quality
                        | proto::ExitReason::Budget
                        | proto::ExitReason::Unspecified,
                    ) => DraftOutcome::Failed,
                })
            }
            None => bail!("{name}: neither a draft nor a reason"),
        }
    }

    /// A row without scores is taken for a call that failed: no model of ours abstains.
    fn score(&self, told: &Segment, member: MemberIndex) -> Result<ScoreOutcome> {
        let name = self.name(member)?;
        let row = told.scores.iter().find(|row| row.member == name).map(|row| row.candidates.as_slice());
        let terms = |score: &proto::CandidateScore| Terms::new(vec![score.mean]);
        match row.unwrap_or_default() {
            [] => Ok(ScoreOutcome::Failed),
            scores => Ok(ScoreOutcome::Scored(scores.iter().map(terms).collect::<Result<_, _>>()?)),
        }
    }

    fn names(&self, members: &[MemberIndex]) -> Result<Vec<&str>> {
        members.iter().map(|member| self.name(*member)).collect()
    }

    fn compare(&self, told: &Segment, round: &Round) -> Result<()> {
        ensure!(round.number == told.round, "it is round {}", round.number);
        ensure!(round.released == told.text, "text: {:?}, told {:?}", round.released, told.text);
        let active = self.names(&round.active)?;
        ensure!(active == told.active, "active: {active:?}, told {:?}", told.active);
        let candidates = round.candidates.iter().map(|candidate| (candidate.text.as_str(), candidate.finished));
        let shown = told.candidates.iter().map(|candidate| (candidate.text.as_str(), candidate.finished));
        ensure!(candidates.eq(shown), "candidates: {:?}, told {:?}", round.candidates, told.candidates);
        let winner = round.candidates.get(round.winner).and_then(|winner| winner.authors.first());
        let winner = winner.map(|winner| self.name(*winner)).transpose()?.unwrap_or_default();
        ensure!(winner == told.winner, "winner: {winner}, told {}", told.winner);
        let exits = round.exits.iter().map(|exit| Ok((self.name(exit.member)?, reason(exit.reason))));
        let exits = exits.collect::<Result<Vec<_>>>()?;
        let left = told.exits.iter().map(|exit| (exit.member.as_str(), exit.reason()));
        ensure!(exits.iter().copied().eq(left), "exits: {exits:?}, told {:?}", told.exits);
        let recalled = self.names(&round.recalled)?;
        ensure!(recalled == told.recalled, "recalled: {recalled:?}, told {:?}", told.recalled);
        Ok(())
    }
}

fn reason(reason: ExitReason) -> proto::ExitReason {
    match reason {
        ExitReason::Quality => proto::ExitReason::Quality,
        ExitReason::ContextFull => proto::ExitReason::ContextFull,
        ExitReason::Refused => proto::ExitReason::Refused,
        ExitReason::Failed => proto::ExitReason::Failed,
        ExitReason::Budget => proto::ExitReason::Budget,
    }
}

fn compare_end(answer: &Answer, finish: &Finish) -> Result<()> {
    let reason = match finish.ending {
        Ending::Stop => FinishReason::Stop,
        Ending::Length => FinishReason::Length,
        Ending::Failed(failure) => return Err(failure.into()),
    };
    ensure!(reason == answer.finished.reason(), "finish reason: {reason:?}, told {:?}", answer.finished.reason());
    ensure!(finish.released == answer.finished.text, "the last text: {:?}", finish.released);
    ensure!(finish.text == answer.text(), "text: {:?}, told {:?}", finish.text, answer.text());
    let usage = answer.finished.usage.as_ref().context("no usage")?;
    let counted = (finish.completion_tokens, finish.rounds);
    ensure!(counted == (usage.completion_tokens, usage.rounds), "tokens and rounds: {counted:?}, told {usage:?}");
    Ok(())
}
