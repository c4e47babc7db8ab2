//! A round's report in the words of a recording. What only its calls could tell comes from whoever made them.

use super::{Candidate, Draft, Drafted, Exit, Round, Score, Scored};
use crate::{
    candidate,
    generation::{self, DecidedBy, DraftOutcome, Ending, ExitReason, ScoreOutcome, Scoring},
    member::MemberIndex,
};

/// What a call told beside its outcome.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    pub token_logprobs: Vec<f32>,
    pub tokens_computed: u32,
    pub tokens_cached: u32,
    /// Why there is no draft or no score; else empty.
    pub why: String,
}

/// Whoever made the calls of a round.
pub trait Witness {
    /// Unique among all that have a seat.
    fn name(&self, member: MemberIndex) -> String;
    fn draft(&self, member: MemberIndex) -> Call;
    fn score(&self, member: MemberIndex) -> Call;
}

/// Stage and times are left at 0.
pub fn round(round: &generation::Round, witness: &impl Witness) -> Round {
    let names = |members: &[MemberIndex]| members.iter().map(|member| witness.name(*member)).collect::<Vec<_>>();
    let scoring = round.scoring.as_ref();
    let winner = round.candidates.get(round.winner);
    Round {
        round: round.number,
        stage: 0,
        text: round.released.clone(),
        active: names(&round.active),
        drafts: round.drafts.iter().map(|(member, outcome)| draft(*member, outcome, witness)).collect(),
        candidates: candidates(round, witness),
        scores: round.scores.iter().map(|(member, outcome)| score(*member, outcome, scoring, witness)).collect(),
        winning_candidate: winner.map(|_| round.winner),
        winner: winner.and_then(|winner| winner.authors.first()).map(|author| witness.name(*author)),
        decided_by: round.decided_by.name().to_owned(),
        weights: scoring.and_then(|scoring| scoring.weights.clone()),
        entropy: scoring.and_then(|scoring| scoring.entropy),
        keep: scoring.and_then(|scoring| scoring.keep.clone()),
        quality: round.quality.clone(),
        exits: round.exits.iter().map(|exit| left(*exit, witness)).collect(),
        recalled: names(&round.recalled),
        draft_micros: 0,
        score_micros: 0,
    }
}

fn draft(member: MemberIndex, outcome: &DraftOutcome, witness: &impl Witness) -> Draft {
    let call = witness.draft(member);
    let why = call.why;
    let outcome = match outcome {
        DraftOutcome::Drafted(draft) => Drafted::Drafted {
            text: draft.text.clone(),
            finished: draft.finished,
            tokens: draft.tokens,
            token_logprobs: call.token_logprobs,
            tokens_computed: call.tokens_computed,
            tokens_cached: call.tokens_cached,
        },
        DraftOutcome::Failed => Drafted::Failed { why },
        DraftOutcome::ContextFull => Drafted::ContextFull { why },
        DraftOutcome::Refused => Drafted::Refused { why },
    };
    Draft { member: witness.name(member), outcome }
}

fn candidates(round: &generation::Round, witness: &impl Witness) -> Vec<Candidate> {
    let aggregate = round.scoring.as_ref().and_then(|scoring| scoring.aggregate.as_deref()).unwrap_or_default();
    let candidate = |(place, candidate): (usize, &candidate::Candidate)| Candidate {
        text: candidate.text.clone(),
        finished: candidate.finished,
        authors: candidate.authors.iter().map(|author| witness.name(*author)).collect(),
        aggregate: aggregate.get(place).copied(),
    };
    round.candidates.iter().enumerate().map(candidate).collect()
}

fn score(member: MemberIndex, outcome: &ScoreOutcome, scoring: Option<&Scoring>, witness: &impl Witness) -> Score {
    let row = scoring.and_then(|scoring| scoring.rows.iter().find(|(scorer, _)| *scorer == member)?.1.as_ref());
    let outcome = match outcome {
        ScoreOutcome::Scored(terms) => Scored::Scored {
            terms: terms.iter().map(|terms| terms.as_slice().to_vec()).collect(),
            means: row.map(|row| row.iter().map(|score| score.mean).collect()).unwrap_or_default(),
        },
        ScoreOutcome::Abstained => Scored::Abstained { why: witness.score(member).why },
        ScoreOutcome::Failed => Scored::Failed { why: witness.score(member).why },
    };
    Score { member: witness.name(member), outcome }
}

fn left(exit: generation::Exit, witness: &impl Witness) -> Exit {
    let detail = match exit.reason {
        ExitReason::Quality | ExitReason::Budget => String::new(),
        ExitReason::ContextFull | ExitReason::Refused | ExitReason::Failed => {
            let score = witness.score(exit.member).why;
            if score.is_empty() { witness.draft(exit.member).why } else { score }
        }
    };
    Exit { member: witness.name(exit.member), reason: exit.reason.name().to_owned(), detail }
}

impl DecidedBy {
    /// As recordings have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Unopposed => "unopposed",
            Self::Scores => "scores",
            Self::Author => "author",
            Self::Blend => "blend",
            Self::Gate => "gate",
            Self::Majority => "majority",
        }
    }
}

impl ExitReason {
    /// As recordings have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::ContextFull => "context_full",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Budget => "budget",
        }
    }
}

impl Ending {
    /// As recordings have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Failed(_) => "failed",
        }
    }
}
