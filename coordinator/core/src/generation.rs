//! One answer as a value: [`Generation::step`] takes what happened and says what to do next.
//!
//! It never waits, never calls and never fails: whoever drives it performs its actions in any order and reports each
//! Draft and Score action back exactly once, as one event. Events of a round that is over change nothing.
//!
//! - `exchange`: what goes in and what comes out
//! - `report`: what a round and a finished answer say of themselves
//! - `tally`: waiting for one outcome from each member
//! - `roster`: who is left, and how each has done
//! - `decide`: which candidate wins, and what that does to the roster
//! - `transcript`: the text and tokens so far
//! - `seed`: what a draft's sampling starts from
//! - `undecided`: a round that came to nothing
//! - `gather`: a round whose drafts are wanted, and no winner
//! - `budget`: how many calls are left, and what follows
//! - `another`: a round of another generation, decided as this one would

mod another;
mod budget;
mod decide;
mod exchange;
mod gather;
mod report;
mod roster;
mod seed;
mod tally;
mod transcript;
mod undecided;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

pub(crate) use self::another::Held;
use self::{
    decide::Decision,
    roster::Roster,
    tally::Tally,
    transcript::{Segment, Transcript},
};
pub use self::{
    exchange::{Action, DraftOutcome, Event, Request, ScoreOutcome},
    report::{DecidedBy, Ending, Exit, ExitReason, Failure, Finish, Round, Scoring},
};
pub use crate::rank::CandidateScore;
use crate::{
    candidate::{Candidate, group},
    member::MemberIndex,
    policy::{Policy, RankRule, Voters},
};

/// Tokens that one call may draft: the contract's bound.
pub const LONGEST_DRAFT: u32 = 4096;

/// One answer in the making.
#[derive(Debug)]
pub struct Generation {
    policy: Policy,
    seed: u64,
    /// The round under way, from 1.
    round: u32,
    /// L of the round under way (section 4).
    segment_tokens: u32,
    /// Its drafts are whole answers, or the rest of one.
    whole: bool,
    /// Asked for so far.
    calls: u32,
    roster: Roster,
    transcript: Transcript,
    phase: Phase,
    decided: u32,
    member_rounds: u64,
    /// Rounds in a row that decided nothing.
    undecided: u32,
}

#[derive(Debug)]
enum Phase {
    Drafting(Tally<DraftOutcome>),
    Scoring(Drafted, Tally<ScoreOutcome>),
    Done,
}

/// A round whose drafts are in: at least one candidate.
#[derive(Debug)]
struct Drafted {
    drafts: Vec<(MemberIndex, DraftOutcome)>,
    candidates: Arc<[Candidate]>,
    /// Who left by its draft's outcome, in ensemble order.
    exits: Vec<Exit>,
}

impl Generation {
    /// The generation and its first actions.
    pub fn start(request: Request) -> (Self, Vec<Action>) {
        let mut generation = Self {
            roster: Roster::new(&request.members, request.policy.weights),
            transcript: Transcript::new(request.max_tokens, request.stop),
            policy: request.policy,
            seed: request.seed,
            round: request.rounds_before,
            segment_tokens: 0,
            whole: false,
            calls: 0,
            phase: Phase::Done,
            decided: 0,
            member_rounds: 0,
            undecided: 0,
        };
        let actions = generation.open_round();
        (generation, actions)
    }

    /// What follows from an event.
    pub fn step(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Drafted { round, member, outcome } if round == self.round => self.drafted(member, outcome),
            Event::Scored { round, member, outcome } if round == self.round => self.scored(member, outcome),
            Event::Drafted { .. } | Event::Scored { .. } => Vec::new(),
        }
    }

    /// The quorum has answered, and is held up by the others: whoever drives this may report them failed.
    pub fn has_quorum(&self) -> bool {
        let quorum = self.policy.quorum.get();
        match &self.phase {
            Phase::Drafting(tally) => {
                tally.has(quorum, |outcome| outcome.draft().is_some_and(|draft| !draft.is_void()))
            }
            Phase::Scoring(_, tally) => tally.has(quorum, |outcome| matches!(outcome, ScoreOutcome::Scored(_))),
            Phase::Done => false,
        }
    }

    fn open_round(&mut self) -> Vec<Action> {
        let members = self.roster.members();
        if members.is_empty() {
            return vec![self.finish(Ending::Failed(Failure::Unavailable))];
        }
        self.round = self.round.saturating_add(1);
        self.whole = self.is_whole(members.len());
        let longest = if self.whole { LONGEST_DRAFT } else { self.policy.segment_tokens.get() };
        self.segment_tokens = longest.min(self.transcript.tokens_left());
        self.calls = self.calls.saturating_add(u32::try_from(members.len()).unwrap_or(u32::MAX));
        let max_tokens = self.segment_tokens;
        let draft = |member| Action::Draft {
            round: self.round,
            member,
            accepted: self.transcript.accepted(),
            max_tokens,
            whole: self.whole,
            seed: seed::of_draft(self.seed, self.round, member),
            attempt: self.undecided,
        };
        let actions = members.iter().copied().map(draft).collect();
        self.phase = Phase::Drafting(Tally::new(members));
        actions
    }

    fn drafted(&mut self, member: MemberIndex, outcome: DraftOutcome) -> Vec<Action> {
        let Phase::Drafting(tally) = &mut self.phase else { return Vec::new() };
        let Some(drafts) = tally.record(member, outcome) else { return Vec::new() };
        for (member, outcome) in &drafts {
            if let Some(draft) = outcome.draft() {
                self.roster.add_own(*member, draft.own);
            }
        }
        let exits: Vec<Exit> = drafts.iter().filter_map(|(member, outcome)| departure(*member, outcome)).collect();
        let candidates = group(drafts.iter().filter_map(|(member, outcome)| Some((*member, outcome.draft()?))));
        self.roster.dismiss(&exits);
        for (member, outcome) in &drafts {
            if matches!(outcome, DraftOutcome::Failed) {
                self.roster.mark_failed(*member);
            }
        }
        if candidates.is_empty() || !self.is_quorum(&drafts) {
            return self.close_undecided(drafts, exits);
        }
        self.put_to_the_vote(Drafted { drafts, candidates: candidates.into(), exits })
    }

    /// A single candidate wins unscored, and so does a certain leader's; else whoever drafted scores. A member whose draft failed
    /// is not asked: it would cost the round a second deadline.
    fn put_to_the_vote(&mut self, drafted: Drafted) -> Vec<Action> {
        if self.policy.rank == RankRule::Gather {
            return self.close_gathered(drafted);
        }
        if let Some(decision) = self.unscored(&drafted) {
            return self.close_round(drafted, Vec::new(), decision);
        }
        let drafters =
            drafted.drafts.iter().filter(|(_, outcome)| outcome.draft().is_some()).map(|(member, _)| *member);
        let scorers: Vec<MemberIndex> = match self.policy.voters {
            Voters::Everyone | Voters::Others => drafters.collect(),
            Voters::First => drafters.take(1).collect(),
        };
        self.calls = self.calls.saturating_add(u32::try_from(scorers.len()).unwrap_or(u32::MAX));
        let score = |member| Action::Score {
            round: self.round,
            member,
            accepted: self.transcript.accepted(),
            candidates: Arc::clone(&drafted.candidates),
            whole: self.whole,
        };
        let actions = scorers.iter().copied().map(score).collect();
        self.phase = Phase::Scoring(drafted, Tally::new(scorers));
        actions
    }

    /// What can be decided without a score.
    fn unscored(&mut self, drafted: &Drafted) -> Option<Decision> {
        let candidates = &drafted.candidates;
        if let [only] = candidates.as_ref() {
            return Some(decide::unopposed(&mut self.roster, only));
        }
        let ballot = decide::Ballot { round: self.round, candidates, scores: &[] };
        match self.policy.rank {
            RankRule::Author => Some(decide::by_authors(&mut self.roster, &self.policy, ballot)),
            RankRule::Majority => Some(decide::by_majority(&mut self.roster, &self.policy, ballot)),
            RankRule::Cross | RankRule::Blend { .. } | RankRule::Gather => {
                let mean_of = |member| {
                    let (_, outcome) = drafted.drafts.iter().find(|(drafter, _)| *drafter == member)?;
                    outcome.draft().map(|draft| draft.own.mean())
                };
                decide::gated(&mut self.roster, &self.policy, candidates, mean_of)
            }
        }
    }

    fn scored(&mut self, member: MemberIndex, outcome: ScoreOutcome) -> Vec<Action> {
        let Phase::Scoring(_, tally) = &mut self.phase else { return Vec::new() };
        let Some(scores) = tally.record(member, outcome) else { return Vec::new() };
        let Phase::Scoring(drafted, _) = std::mem::replace(&mut self.phase, Phase::Done) else { return Vec::new() };
        for (member, outcome) in &scores {
            if matches!(outcome, ScoreOutcome::Failed) {
                self.roster.mark_failed(*member);
            }
        }
        let ballot = decide::Ballot { round: self.round, candidates: &drafted.candidates, scores: &scores };
        let decision = decide::by_scores(&mut self.roster, &self.policy, ballot);
        self.close_round(drafted, scores, decision)
    }

    /// Reports the round, sends away who has to leave, and goes on or ends.
    fn close_round(
        &mut self,
        drafted: Drafted,
        scores: Vec<(MemberIndex, ScoreOutcome)>,
        decision: Decision,
    ) -> Vec<Action> {
        let active = self.roster.members();
        let quality = self.roster.quality();
        let mut departures = self.roster.departures(&decision.leaving, &self.policy);
        self.roster.dismiss(&departures);
        let segment = Segment::won(&drafted, decision.winner, self.segment_tokens);
        let accepted = self.transcript.accepted();
        let mut passed = self.transcript.append(&segment);
        let all_left = departures.len() == active.len();
        let ending = if passed.stopped || segment.finished {
            Some(Ending::Stop)
        } else if self.transcript.tokens_left() == 0 || self.policy.whole {
            Some(Ending::Length)
        } else if all_left && !self.roster.can_recall() {
            passed.released.push_str(&self.transcript.release_rest());
            Some(Ending::Failed(Failure::Unavailable))
        } else {
            None
        };
        let (recalled, unaffordable) = match ending {
            None if all_left => self.recall(),
            None => (Vec::new(), self.dismiss_unaffordable()),
            Some(_) => (Vec::new(), Vec::new()),
        };
        departures.extend(unaffordable);
        self.undecided = 0;
        self.decided = self.decided.saturating_add(1);
        self.member_rounds = self.member_rounds.saturating_add(active.len() as u64);
        let emit = Action::Emit(Box::new(Round {
            number: self.round,
            active,
            accepted,
            released: passed.released,
            drafts: drafted.drafts,
            candidates: drafted.candidates,
            scores,
            winner: decision.winner,
            decided_by: decision.decided_by,
            scoring: decision.scoring,
            quality,
            exits: [drafted.exits, departures].concat(),
            recalled,
        }));
        let rest = match ending {
            Some(ending) => vec![self.finish(ending)],
            None => self.open_round(),
        };
        std::iter::once(emit).chain(rest).collect()
    }

    fn finish(&mut self, ending: Ending) -> Action {
        self.phase = Phase::Done;
        Action::Finish(Finish {
            ending,
            released: self.transcript.release_rest(),
            text: self.transcript.text(),
            completion_tokens: self.transcript.tokens(),
            rounds: self.decided,
            member_rounds: self.member_rounds,
        })
    }
}

fn departure(member: MemberIndex, outcome: &DraftOutcome) -> Option<Exit> {
    let reason = match outcome {
        DraftOutcome::ContextFull => ExitReason::ContextFull,
        DraftOutcome::Refused => ExitReason::Refused,
        DraftOutcome::Drafted(_) | DraftOutcome::Failed => return None,
    };
    Some(Exit { member, reason })
}
