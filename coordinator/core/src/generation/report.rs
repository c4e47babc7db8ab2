//! What a round and a finished answer say of themselves: enough to check every decision afterwards.

use std::sync::Arc;

use super::exchange::{DraftOutcome, ScoreOutcome};
use crate::{candidate::Candidate, member::MemberIndex, rank::CandidateScore};

/// All that a round was decided from. A round without candidates decides nothing: it is the last of its answer, or members
/// failed in it and it is held again.
#[derive(Clone, Debug)]
pub struct Round {
    pub number: u32,
    /// Who took part, in ensemble order: those at the round's start less those who left while drafting.
    pub active: Vec<MemberIndex>,
    /// The answer before this round.
    pub accepted: Arc<str>,
    /// Text that may be shown now; text that could become a stop string is held back, unless the answer fails here.
    pub released: String,
    /// Everyone's draft outcome, in ensemble order, also of those who left by it.
    pub drafts: Vec<(MemberIndex, DraftOutcome)>,
    pub candidates: Arc<[Candidate]>,
    /// Of those who were asked to score, in ensemble order.
    pub scores: Vec<(MemberIndex, ScoreOutcome)>,
    /// Index into `candidates`; 0 where there is none.
    pub winner: usize,
    pub decided_by: DecidedBy,
    /// None where nothing told candidates apart.
    pub scoring: Option<Scoring>,
    /// Q after this round, for each of `active`.
    pub quality: Vec<f64>,
    /// In the order of leaving.
    pub exits: Vec<Exit>,
    /// Who left by quality before and is back from the next round on, in ensemble order.
    pub recalled: Vec<MemberIndex>,
}

/// What a round's winner was chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// There is no winner.
    Nothing,
    /// There was one candidate.
    Unopposed,
    Scores,
    Author,
    Blend,
    /// The leader was certain.
    Gate,
    Majority,
}

/// Sections 3 to 6, for one round with a choice.
#[derive(Clone, Debug, Default)]
pub struct Scoring {
    /// One for each active member, where members were asked to score; None: it abstained, or was not asked because its draft had
    /// failed, or it has no say.
    pub rows: Vec<(MemberIndex, Option<Vec<CandidateScore>>)>,
    /// What the candidates are ranked by, for each of them: S, or what takes its place; None where every scorer abstained.
    pub aggregate: Option<Vec<f64>>,
    /// w as used in this round, for each active member; None under uniform weights.
    pub weights: Option<Vec<f64>>,
    /// H; None where every scorer abstained.
    pub entropy: Option<f64>,
    /// p, for each active member; None where every scorer abstained.
    pub keep: Option<Vec<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    pub member: MemberIndex,
    pub reason: ExitReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    Quality,
    ContextFull,
    Refused,
    /// Out of strikes.
    Failed,
    /// The budget of calls has no room for it.
    Budget,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    pub ending: Ending,
    /// Text held back until now; none where the answer failed.
    pub released: String,
    /// The whole answer, cut before a stop string.
    pub text: String,
    pub completion_tokens: u32,
    /// Rounds decided.
    pub rounds: u32,
    /// Sum over those rounds of the members active in them.
    pub member_rounds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Stop,
    Length,
    /// No member drafted, or none is left to ask: the text so far stands.
    Failed(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("every member's chat template refuses these messages")]
    Refused,
    #[error("the prompt fits no member's context length")]
    PromptTooLong,
    #[error("the answer has outgrown every member's context length")]
    ContextFull,
    #[error("no member is left that answers")]
    Unavailable,
    #[error("fewer members answer than the quorum")]
    NoQuorum,
}
