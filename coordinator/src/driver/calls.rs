//! One action as one call, tried on a second replica where that may help: always exactly one event, by the deadline.

use std::{sync::Arc, time::Duration};

use specfuse_core::{
    candidate::{BadTerms, Candidate, Terms},
    generation::{DraftOutcome, Event, ScoreOutcome},
    member::MemberIndex,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{CallError, Context, DraftCall, Drafted, ScoreCall, Scored, Work, WorkerClient},
    pool::{NoReplica, Pool},
    request::{GenerateRequest, Sampling},
};

/// How long workers are waited for where the last round came to nothing.
const PATIENCE: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What every call of a generation needs.
pub(super) struct Desk {
    pub(super) request: GenerateRequest,
    pub(super) pool: Pool,
}

/// When a call ends without an answer.
struct Limits {
    timeout: Duration,
    overdue: CancellationToken,
}

pub(super) struct DraftAction {
    pub(super) round: u32,
    pub(super) member: MemberIndex,
    pub(super) accepted: Arc<str>,
    pub(super) max_tokens: u32,
    pub(super) seed: u64,
    /// Rounds before this one that came to nothing.
    pub(super) attempt: u32,
    /// The others have waited for it long enough.
    pub(super) overdue: CancellationToken,
}

pub(super) struct ScoreAction {
    pub(super) round: u32,
    pub(super) member: MemberIndex,
    pub(super) accepted: Arc<str>,
    pub(super) candidates: Arc<[Candidate]>,
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
    /// None where nothing came back.
    pub(crate) work: Option<Work>,
    /// Why there is no draft or no score.
    pub(crate) miss: Option<Miss>,
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

impl Done {
    /// Says that a call failed. What a worker says of the messages themselves may quote them: that stays out of the log.
    pub(super) fn log(&self, members: &[Arc<str>]) {
        let Some(miss) = &self.note.miss else { return };
        let (call, round, member) = match &self.event {
            Event::Drafted { round, member, .. } => ("draft", *round, member),
            Event::Scored { round, member, .. } => ("score", *round, member),
        };
        let member = members.get(member.0).map_or("", AsRef::as_ref);
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
    let DraftAction { round, member, accepted, max_tokens, seed, attempt, overdue } = action;
    desk.take_time(attempt).await;
    let sampling = Sampling { seed, ..desk.request.sampling };
    let call = Arc::new(DraftCall { context: desk.context(round, accepted), max_tokens, sampling });
    let answer = desk
        .ask(member, Limits { timeout: desk.request.ensemble.draft_timeout, overdue }, |client, deadline| {
            let call = Arc::clone(&call);
            async move { client.draft(&call, deadline).await }
        })
        .await;
    let (outcome, note) = draft_outcome(answer);
    Done { event: Event::Drafted { round, member, outcome }, note }
}

pub(super) async fn score(desk: Arc<Desk>, action: ScoreAction) -> Done {
    let ScoreAction { round, member, accepted, candidates, overdue } = action;
    let call = Arc::new(ScoreCall { context: desk.context(round, accepted), candidates });
    let answer = desk
        .ask(member, Limits { timeout: desk.request.ensemble.score_timeout, overdue }, |client, deadline| {
            let call = Arc::clone(&call);
            async move { client.score(&call, deadline).await }
        })
        .await;
    let (outcome, note) = score_outcome(answer);
    Done { event: Event::Scored { round, member, outcome }, note }
}

impl Desk {
    fn context(&self, round: u32, accepted: Arc<str>) -> Context {
        let GenerateRequest { request_id, prompt, .. } = &self.request;
        Context { request_id: Arc::clone(request_id), round, prompt: Arc::clone(prompt), accepted }
    }

    fn model(&self, member: MemberIndex) -> &str {
        self.request.ensemble.members.get(member.0).map_or("", AsRef::as_ref)
    }

    /// After a round that came to nothing there is no hurry: workers may be about to come back, or to be found gone.
    async fn take_time(&self, attempt: u32) {
        if attempt > 0 {
            let pause = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(8));
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            let ensemble = &self.request.ensemble;
            self.pool.served(&ensemble.members, ensemble.policy.quorum.get(), PATIENCE).await;
        }
    }

    /// Asks the member's first replica and, if that may help and time is left, its second. Where there is only one, it is asked
    /// again when it was not reached: its connection may have been a dead one.
    async fn ask<T, F>(
        &self,
        member: MemberIndex,
        limits: Limits,
        call: impl Fn(WorkerClient, Instant) -> F,
    ) -> Result<T, Miss>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let own = Instant::now() + limits.timeout;
        let deadline = self.request.deadline.map_or(own, |deadline| deadline.min(own));
        let replicas = self.pool.replicas(self.model(member), &self.request.request_id)?;
        let mut outcome = Err(CallError::Unreachable("no replica".to_owned()));
        for link in replicas.iter().cycle().take(2) {
            let calling = link.call();
            outcome = tokio::select! {
                biased;
                outcome = call(calling.client(), deadline) => outcome,
                () = limits.overdue.cancelled() => {
                    calling.link().suspect();
                    return Err(Miss::Overdue { grace: self.request.ensemble.straggler_grace });
                }
            };
            calling.ended(&outcome);
            match &outcome {
                Err(CallError::Unreachable(_)) if Instant::now() < deadline => {}
                Err(error) if error.is_worth_another_replica() && replicas.len() > 1 && Instant::now() < deadline => {}
                Ok(_) | Err(_) => break,
            }
        }
        Ok(outcome?)
    }
}

fn draft_outcome(answer: Result<Drafted, Miss>) -> (DraftOutcome, Note) {
    let miss = match answer {
        Ok(Drafted { draft, token_logprobs, work }) => {
            return (DraftOutcome::Drafted(draft), Note { token_logprobs, work: Some(work), miss: None });
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
