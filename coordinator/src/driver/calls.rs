//! One action as one call: always exactly one event, by the deadline, which begins once the round has taken its breath.

use std::{sync::Arc, time::Duration};

use specfuse_core::{
    candidate::{BadTerms, Candidate, Terms},
    generation::{DraftOutcome, Event, ScoreOutcome},
    member::MemberIndex,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::desk::{Asking, Breather, Desk};
use crate::{
    client::{CallError, DraftCall, Drafted, ScoreCall, Scored, Token, Work},
    metrics::{CallKind, Called},
    pool::NoReplica,
    request::Sampling,
    strategy::Seat,
};

pub(super) struct DraftAction {
    pub(super) round: u32,
    pub(super) member: MemberIndex,
    pub(super) accepted: Arc<str>,
    pub(super) max_tokens: u32,
    /// As long as the member's context length allows.
    pub(super) whole: bool,
    pub(super) seed: u64,
    /// Of its round.
    pub(super) span: Span,
    /// After a round that came to nothing.
    pub(super) breather: Option<Breather>,
    /// The others have waited for it long enough.
    pub(super) overdue: CancellationToken,
}

pub(super) struct ScoreAction {
    pub(super) round: u32,
    pub(super) member: MemberIndex,
    pub(super) accepted: Arc<str>,
    pub(super) candidates: Arc<[Candidate]>,
    pub(super) whole: bool,
    /// Of its round.
    pub(super) span: Span,
    pub(super) overdue: CancellationToken,
}

/// The event for the generation, and what only the report wants to know.
pub(super) struct Done {
    pub(super) event: Event,
    pub(super) note: Note,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    pub(crate) token_logprobs: Vec<f32>,
    /// Of a draft's text, where the request asks for them.
    pub(crate) tokens: Vec<Token>,
    /// Of a draft's context, as its member reads it.
    pub(crate) context_tokens: u32,
    /// None where nothing came back.
    pub(crate) work: Option<Work>,
    /// Why there is no draft or no score.
    pub(crate) miss: Option<Miss>,
    /// From the call to its end, all tries together.
    pub(crate) took: Duration,
}

/// Why a member has no part in a round.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Miss {
    #[error(transparent)]
    NoReplica(#[from] NoReplica),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("its score is none: {0}")]
    Terms(#[from] BadTerms),
    #[error("the others did not wait longer than {grace:?} for it")]
    Overdue { grace: Duration },
}

impl Miss {
    /// In one word, for who counts.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NoReplica(_) => "no_replica",
            Self::Call(error) => error.reason(),
            Self::Terms(_) => "malformed",
            Self::Overdue { .. } => "overdue",
        }
    }
}

impl Done {
    /// For who counts.
    pub(super) fn called(&self, seats: &[Seat]) -> Called {
        let (kind, member, tokens) = match &self.event {
            Event::Drafted { member, outcome, .. } => {
                (CallKind::Draft, member, outcome.draft().map_or(0, |draft| draft.tokens.into()))
            }
            Event::Scored { member, outcome: ScoreOutcome::Scored(terms), .. } => {
                let terms: usize = terms.iter().map(|terms| terms.as_slice().len()).sum();
                (CallKind::Score, member, terms as u64)
            }
            Event::Scored { member, .. } => (CallKind::Score, member, 0),
        };
        let member = seats.get(member.0).map(|seat| Arc::clone(&seat.model)).unwrap_or_default();
        let Note { took, work, ref miss, .. } = self.note;
        Called { member, kind, took, tokens, work, missed: miss.as_ref().map(Miss::reason) }
    }

    /// Says that a call failed. What a worker says of the messages themselves may quote them: that stays out of the log.
    pub(super) fn log(&self, seats: &[Seat]) {
        let Some(miss) = &self.note.miss else { return };
        let (call, round, member) = match &self.event {
            Event::Drafted { round, member, .. } => ("draft", *round, member),
            Event::Scored { round, member, .. } => ("score", *round, member),
        };
        let member = seats.get(member.0).map_or("", |seat| seat.label.as_ref());
        match miss {
            Miss::Call(CallError::Refused(_) | CallError::Invalid(_)) => {
                tracing::info!(call, round, member, "the member refuses the request");
            }
            Miss::Call(CallError::ContextFull(_)) => tracing::info!(call, round, member, "context full"),
            Miss::Call(
                CallError::Unreachable(_)
                | CallError::Late { .. }
                | CallError::Busy(_)
                | CallError::Broken(_)
                | CallError::Malformed(_),
            )
            | Miss::NoReplica(_)
            | Miss::Overdue { .. }
            | Miss::Terms(_) => tracing::warn!(call, round, member, reason = %miss, "the member misses this round"),
        }
    }
}

pub(super) async fn draft(desk: Arc<Desk>, action: DraftAction) -> Done {
    let DraftAction { round, member, accepted, max_tokens, whole, seed, span, breather, overdue } = action;
    if let Some(breather) = breather {
        breather.taken(&desk.pool).await;
    }
    let sampling = Sampling { seed, ..desk.request.sampling };
    let context = desk.context(round, accepted);
    let top_logprobs = desk.request.top_logprobs;
    let call = Arc::new(DraftCall { context, max_tokens, as_fits: whole, sampling, top_logprobs });
    let began = Instant::now();
    let asking = Asking { kind: CallKind::Draft, member, round: span, timeout: desk.draft_timeout(whole), overdue };
    let answer = desk
        .ask(asking, |client, deadline| {
            let call = Arc::clone(&call);
            async move { client.draft(&call, deadline).await }
        })
        .await;
    let (outcome, note) = draft_outcome(answer);
    Done { event: Event::Drafted { round, member, outcome }, note: Note { took: began.elapsed(), ..note } }
}

pub(super) async fn score(desk: Arc<Desk>, action: ScoreAction) -> Done {
    let ScoreAction { round, member, accepted, candidates, whole, span, overdue } = action;
    let call = Arc::new(ScoreCall { context: desk.context(round, accepted), candidates });
    let began = Instant::now();
    let asking = Asking { kind: CallKind::Score, member, round: span, timeout: desk.score_timeout(whole), overdue };
    let answer = desk
        .ask(asking, |client, deadline| {
            let call = Arc::clone(&call);
            async move { client.score(&call, deadline).await }
        })
        .await;
    let (outcome, note) = score_outcome(answer);
    Done { event: Event::Scored { round, member, outcome }, note: Note { took: began.elapsed(), ..note } }
}

fn draft_outcome(answer: Result<Drafted, Miss>) -> (DraftOutcome, Note) {
    let miss = match answer {
        Ok(Drafted { draft, token_logprobs, tokens, context_tokens, work }) => {
            let note = Note { token_logprobs, tokens, context_tokens, work: Some(work), ..Note::default() };
            return (DraftOutcome::Drafted(draft), note);
        }
        Err(miss) => miss,
    };
    let outcome = match &miss {
        Miss::Call(CallError::ContextFull(_)) => DraftOutcome::ContextFull,
        Miss::Call(CallError::Refused(_) | CallError::Invalid(_)) => DraftOutcome::Refused,
        Miss::Call(
            CallError::Unreachable(_)
            | CallError::Late { .. }
            | CallError::Busy(_)
            | CallError::Broken(_)
            | CallError::Malformed(_),
        )
        | Miss::NoReplica(_)
        | Miss::Overdue { .. }
        | Miss::Terms(_) => DraftOutcome::Failed,
    };
    (outcome, Note { miss: Some(miss), ..Note::default() })
}

/// A scorer that says why it cannot score has no say; only one that fails at it has a strike.
fn score_outcome(answer: Result<Scored, Miss>) -> (ScoreOutcome, Note) {
    let miss = match answer {
        Ok(Scored { terms, work }) => {
            return match terms.into_iter().map(Terms::new).collect::<Result<Vec<_>, _>>() {
                Ok(terms) => (ScoreOutcome::Scored(terms), Note { work: Some(work), ..Note::default() }),
                Err(bad) => {
                    let note = Note { work: Some(work), miss: Some(bad.into()), ..Note::default() };
                    (ScoreOutcome::Abstained, note)
                }
            };
        }
        Err(miss) => miss,
    };
    let outcome = match &miss {
        Miss::Call(CallError::ContextFull(_) | CallError::Refused(_) | CallError::Invalid(_)) | Miss::Terms(_) => {
            ScoreOutcome::Abstained
        }
        Miss::Call(
            CallError::Unreachable(_)
            | CallError::Late { .. }
            | CallError::Busy(_)
            | CallError::Broken(_)
            | CallError::Malformed(_),
        )
        | Miss::NoReplica(_)
        | Miss::Overdue { .. } => ScoreOutcome::Failed,
    };
    (outcome, Note { miss: Some(miss), ..Note::default() })
}
