//! One call in the engine's thread: to whom the answer goes, what it has cost so far, what is still missing. Decides nothing about
//! what runs when.

use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::Span;

use super::sequence::Outcome;
use super::{Drafted, EngineError, ReadyDraft, ScoreJob, Scored, Work};

/// A call on its way to the engine's thread.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) arrived: Instant,
    /// Its place among the calls that may wait, given back when its first sequence runs.
    pub(super) place: OwnedSemaphorePermit,
    /// That it was sent in.
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum Request {
    Draft(ReadyDraft, oneshot::Sender<Result<Drafted, EngineError>>),
    Score(ScoreJob, oneshot::Sender<Result<Scored, EngineError>>),
}

#[derive(Debug)]
pub(super) struct Call {
    reply: Reply,
    pub(super) span: Span,
    arrived: Instant,
    place: Option<OwnedSemaphorePermit>,
    started: Option<Instant>,
    /// End of the last prefill pass so far.
    prefilled: Option<Instant>,
    computed: usize,
    cached: Option<usize>,
}

#[derive(Debug)]
enum Reply {
    Draft(oneshot::Sender<Result<Drafted, EngineError>>),
    /// The terms of each candidate, where they are known.
    Score(oneshot::Sender<Result<Scored, EngineError>>, Vec<Option<Vec<f32>>>),
}

impl Call {
    pub(super) fn draft(reply: oneshot::Sender<Result<Drafted, EngineError>>, arrived: Instant, span: Span) -> Self {
        Self::new(Reply::Draft(reply), arrived, span)
    }

    pub(super) fn score(
        reply: oneshot::Sender<Result<Scored, EngineError>>,
        candidates: usize,
        arrived: Instant,
        span: Span,
    ) -> Self {
        Self::new(Reply::Score(reply, vec![None; candidates]), arrived, span)
    }

    fn new(reply: Reply, arrived: Instant, span: Span) -> Self {
        Self { reply, span, arrived, place: None, started: None, prefilled: None, computed: 0, cached: None }
    }

    pub(super) fn keep_place(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
    }

    /// Nobody waits for the answer any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match &self.reply {
            Reply::Draft(reply) => reply.is_closed(),
            Reply::Score(reply, _) => reply.is_closed(),
        }
    }

    /// A sequence of it runs for the first time. The context's cached tokens are those that the first one found:
    /// the later ones also find what the first is about to compute.
    pub(super) fn admitted(&mut self, cached: usize) {
        self.place = None;
        self.cached.get_or_insert(cached);
    }

    /// A pass that began at `from` computes `rows` rows of it.
    pub(super) fn computes(&mut self, rows: usize, from: Instant) {
        self.started.get_or_insert(from);
        self.computed += rows;
    }

    /// A pass that ended at `now` gave logits: the first end a draft's prefill, the last a score's.
    pub(super) fn has_read(&mut self, now: Instant) {
        match self.reply {
            Reply::Draft(_) => _ = self.prefilled.get_or_insert(now),
            Reply::Score(..) => self.prefilled = Some(now),
        }
    }

    /// Takes what one of its sequences came to; true: it was the last.
    pub(super) fn complete(&mut self, index: usize, outcome: &Outcome) -> bool {
        match (&mut self.reply, outcome) {
            (Reply::Score(_, terms), Outcome::Score { terms: found }) => {
                if let Some(place) = terms.get_mut(index) {
                    *place = Some(found.clone());
                }
                terms.iter().all(Option::is_some)
            }
            (Reply::Draft(_), _) | (Reply::Score(..), Outcome::Draft { .. }) => true,
        }
    }

    /// Answers, now that `last` is the outcome that completed it. An answer that nobody waits for is dropped.
    pub(super) fn answer(self, last: Outcome, now: Instant) {
        let work = self.work(now);
        match (self.reply, last) {
            (Reply::Draft(reply), Outcome::Draft { tokens, logprobs, alternatives, finished }) => {
                _ = reply.send(Ok(Drafted { tokens, logprobs, alternatives, finished, work }));
            }
            (Reply::Score(reply, terms), Outcome::Score { .. }) => {
                _ = reply.send(Ok(Scored { terms: terms.into_iter().flatten().collect(), work }));
            }
            // Sequences are made from the call they belong to: a mixed pair does not occur, and dropping the reply would say "stopped".
            (Reply::Draft(_), Outcome::Score { .. }) | (Reply::Score(..), Outcome::Draft { .. }) => {}
        }
    }

    pub(super) fn fail(self, error: EngineError) {
        match self.reply {
            Reply::Draft(reply) => _ = reply.send(Err(error)),
            Reply::Score(reply, _) => _ = reply.send(Err(error)),
        }
    }

    fn work(&self, now: Instant) -> Work {
        let started = self.started.unwrap_or(now);
        let prefilled = self.prefilled.unwrap_or(started);
        let micros = |from: Instant, to: Instant| u64::try_from((to - from).as_micros()).unwrap_or(u64::MAX);
        Work {
            tokens_computed: u32::try_from(self.computed).unwrap_or(u32::MAX),
            tokens_cached: u32::try_from(self.cached.unwrap_or(0)).unwrap_or(u32::MAX),
            queue_micros: micros(self.arrived, started),
            prefill_micros: micros(started, prefilled),
            decode_micros: micros(prefilled, now),
        }
    }
}
