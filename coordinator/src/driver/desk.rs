//! What the calls of a generation share, and how one call is made: on the replica that the request belongs to and, where that may
//! help and time is left, on another.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use specfuse_core::member::MemberIndex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::{calls::Miss, spans};
use crate::{
    client::{CallError, Context, WorkerClient},
    metrics::CallKind,
    pool::{Calling, Link, NoReplica, Pool},
    request::{GenerateRequest, Prompt},
    strategy::Seat,
};

/// How long workers are waited for where the last round came to nothing.
const PATIENCE: Duration = Duration::from_secs(3);
/// Before a round that is held again for the first time; doubled for the second. At most.
const BREATH: Duration = Duration::from_millis(100);
/// Before the same replica is tried again. At most.
const PAUSE: Duration = Duration::from_millis(150);

/// What every call of a generation needs.
pub(super) struct Desk {
    pub(super) request: GenerateRequest,
    /// What the members of the generation read.
    prompt: Arc<Prompt>,
    pub(super) seats: Arc<[Seat]>,
    pub(super) pool: Pool,
    /// Replicas that the others did not wait for: asked last from then on.
    slow: Arc<Mutex<Vec<Arc<Link>>>>,
}

/// Whom a call asks for what, and when it ends without an answer.
pub(super) struct Asking {
    pub(super) kind: CallKind,
    pub(super) member: MemberIndex,
    /// The span of its round.
    pub(super) round: Span,
    pub(super) timeout: Duration,
    /// The others have waited for it long enough.
    pub(super) overdue: CancellationToken,
}

/// Before a round that is held again there is no hurry: workers may be about to come back, or to be found gone. All its calls
/// begin together.
#[derive(Clone)]
pub(super) struct Breather {
    until: Instant,
    /// The members of the round, and how many of them it needs.
    members: Arc<[Arc<str>]>,
    quorum: usize,
}

impl Breather {
    /// None: the round before decided something.
    pub(super) fn before(attempt: u32, members: Arc<[Arc<str>]>, quorum: usize) -> Option<Self> {
        let doublings = attempt.checked_sub(1)?.min(8);
        let pause = BREATH.saturating_mul(1 << doublings).mul_f64(jitter());
        let quorum = quorum.min(members.len());
        Some(Self { until: Instant::now() + pause, members, quorum })
    }

    pub(super) async fn taken(&self, pool: &Pool) {
        tokio::time::sleep_until(self.until).await;
        pool.served(&self.members, self.quorum, PATIENCE).await;
    }
}

impl Desk {
    pub(super) fn new(request: GenerateRequest, seats: Arc<[Seat]>, pool: Pool) -> Self {
        Self { prompt: Arc::clone(&request.prompt), request, seats, pool, slow: Arc::default() }
    }

    /// The same for members that read something else.
    pub(super) fn showing(&self, prompt: Prompt) -> Self {
        let Self { request, seats, pool, slow, .. } = self;
        let (seats, slow) = (Arc::clone(seats), Arc::clone(slow));
        Self { prompt: Arc::new(prompt), slow, ..Self::new(request.clone(), seats, pool.clone()) }
    }

    pub(super) fn context(&self, round: u32, accepted: Arc<str>) -> Context {
        let request_id = Arc::clone(&self.request.request_id);
        Context { request_id, round, prompt: Arc::clone(&self.prompt), accepted }
    }

    pub(super) fn draft_timeout(&self, whole: bool) -> Duration {
        if whole { self.request.ensemble.answer_timeout } else { self.request.ensemble.draft_timeout }
    }

    pub(super) fn score_timeout(&self, whole: bool) -> Duration {
        if whole { self.request.ensemble.answer_timeout } else { self.request.ensemble.score_timeout }
    }

    /// Asks until there is an answer, or another try is no use.
    pub(super) async fn ask<T, F>(&self, asking: Asking, call: impl Fn(WorkerClient, Instant) -> F) -> Result<T, Miss>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let own = Instant::now() + asking.timeout;
        let deadline = self.request.deadline.map_or(own, |deadline| deadline.min(own));
        let replicas = self.replicas(asking.member)?;
        let mut broken: Option<Calling> = None;
        let mut tried = 0;
        loop {
            let Some(link) = replicas.get(tried % replicas.len().min(2)) else { return Err(NoReplica::none().into()) };
            let calling = link.call();
            let span = spans::call(&asking.round, asking.kind, self.model(asking.member), (link.url(), tried + 1));
            let answer = tokio::select! {
                biased;
                answer = call(calling.client(), deadline).instrument(span.clone()) => answer,
                () = asking.overdue.cancelled() => {
                    let miss = self.overdue(link, &calling);
                    spans::missed(&span, miss.reason());
                    return Err(miss);
                }
            };
            let error = match answer {
                Ok(answer) => {
                    // The other replica can do it: it was not the call's fault.
                    broken.iter().for_each(Calling::failed);
                    calling.answered();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            tried += 1;
            judge(&calling, &error);
            spans::missed(&span, error.reason());
            drop(span);
            let pause = next_try(tried, replicas.len(), &error).filter(|pause| Instant::now() + *pause < deadline);
            let Some(pause) = pause else { return Err(error.into()) };
            if matches!(error, CallError::Broken(_)) {
                broken = Some(calling);
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn model(&self, member: MemberIndex) -> &str {
        self.seats.get(member.0).map_or("", |seat| seat.model.as_ref())
    }

    fn replicas(&self, member: MemberIndex) -> Result<Vec<Arc<Link>>, NoReplica> {
        let mut replicas = self.pool.replicas(self.model(member), &self.request.request_id)?;
        let slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        replicas.sort_by_key(|link| slow.iter().any(|slow| Arc::ptr_eq(slow, link)));
        Ok(replicas)
    }

    fn overdue(&self, link: &Arc<Link>, calling: &Calling) -> Miss {
        calling.suspect();
        self.slow.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(link));
        Miss::Overdue { grace: self.request.ensemble.straggler_grace }
    }
}

/// What a failed call says of its worker. One that was not reached is the probe's affair; a broken one may be the call's own fault,
/// and is judged when another replica has tried.
fn judge(calling: &Calling, error: &CallError) {
    match error {
        CallError::Late { .. } | CallError::Malformed(_) => calling.failed(),
        CallError::Unreachable(_) | CallError::Broken(_) => calling.suspect(),
        CallError::Busy(_) | CallError::ContextFull(_) | CallError::Refused(_) | CallError::Invalid(_) => {
            calling.answered();
        }
    }
}

/// The pause before the next try: on the second replica after the first, and on the same one where there is no other, its connection
/// may have been a dead one or it was busy. None: that is no use.
fn next_try(tried: usize, replicas: usize, error: &CallError) -> Option<Duration> {
    let is_busy = matches!(error, CallError::Busy(_));
    let is_unreachable = matches!(error, CallError::Unreachable(_));
    match (tried, replicas) {
        (1, 2..) if error.is_worth_another_replica() => Some(Duration::ZERO),
        (1, 1) if is_busy || is_unreachable => Some(PAUSE.mul_f64(jitter())),
        (2, _) if is_busy => Some(PAUSE.mul_f64(jitter())),
        _ => None,
    }
}

fn jitter() -> f64 {
    rand::random_range(0.5..1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_is_repeated_where_that_may_help() {
        let late = CallError::Late { timeout: Duration::ZERO };
        let [unreachable, busy, broken, refused] =
            [CallError::Unreachable, CallError::Busy, CallError::Broken, CallError::Refused]
                .map(|error| error(String::new()));
        let again = |tried, replicas, error| next_try(tried, replicas, error).map(|pause| pause > Duration::ZERO);
        assert_eq!([&unreachable, &busy, &broken].map(|error| again(1, 2, error)), [Some(false); 3]);
        assert_eq!([&unreachable, &busy, &broken].map(|error| again(1, 1, error)), [Some(true), Some(true), None]);
        assert_eq!([&unreachable, &busy, &broken].map(|error| again(2, 3, error)), [None, Some(true), None]);
        assert_eq!([&late, &refused].map(|error| again(1, 2, error)), [None, None]);
        assert_eq!(again(3, 2, &busy), None);
    }
}
