//! The engine as the rest of the worker sees it: a handle that takes sequences of token ids and gives back tokens or terms.
//!
//! The model runs on its own OS thread behind a bounded queue. Dropping a call's future frees its sequences at the next step.

pub mod batch;
pub(crate) mod bench;
mod cache;
mod call;
mod draft;
mod load;
mod runner;
mod sampler;
mod scheduler;
mod sequence;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tracing::Span;

use crate::model::{ForwardError, Model};
use call::{Job, Request};
pub use draft::{Alternative, DraftJob, ReadyDraft, Sampling};
use load::Counters;
pub use load::Load;
use runner::Runner;
use scheduler::Scheduler;

/// Slots are numbered by u32, and their bookkeeping takes some 60 bytes each: far more than any context needs.
const MAX_CACHE_TOKENS: u64 = 1 << 22;

/// A handle to the engine; clones share it.
#[derive(Clone, Debug)]
pub struct Engine {
    jobs: mpsc::Sender<Job>,
    /// One for each call that may wait.
    places: Arc<Semaphore>,
    counters: Arc<Counters>,
    max_queue: usize,
    cache_tokens: usize,
    vocab_size: usize,
}

#[derive(Clone, Debug)]
pub struct Drafted {
    /// Drawn tokens, without the end-of-turn token.
    pub tokens: Vec<u32>,
    /// Natural log-probability (plain softmax) of every drawn token, that of the end-of-turn token last when `finished`.
    pub logprobs: Vec<f32>,
    /// In the place of every drawn token, where the draft asks for them; else empty.
    pub alternatives: Vec<Vec<Alternative>>,
    pub finished: bool,
    pub work: Work,
}

/// Log-probabilities of the ends of several sequences that share a prefix, in one pass over what is not cached.
#[derive(Clone, Debug)]
pub struct ScoreJob {
    /// At least one.
    pub candidates: Vec<ScoreSequence>,
    pub end_of_turn: Arc<[u32]>,
}

#[derive(Clone, Debug)]
pub struct ScoreSequence {
    /// Context and candidate.
    pub tokens: Vec<u32>,
    /// Terms are the log-probabilities of `tokens[from..]`, each given those before it; 1 <= from <= tokens.len().
    pub from: usize,
    /// Adds a last term: the log of the summed probability of the end-of-turn tokens after `tokens`.
    pub finished: bool,
}

#[derive(Clone, Debug)]
pub struct Scored {
    /// One list for each candidate.
    pub terms: Vec<Vec<f32>>,
    pub work: Work,
}

/// What a call cost (the contract's `Work`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    pub tokens_computed: u32,
    /// Tokens of the context that were not computed; for a score those that its first candidate found.
    pub tokens_cached: u32,
    pub queue_micros: u64,
    pub prefill_micros: u64,
    pub decode_micros: u64,
}

/// Why the engine did not answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Try again later, or elsewhere.
    #[error("the queue is full ({limit} calls)")]
    QueueFull { limit: usize },
    /// The call can never be served here.
    #[error("the call needs {needed} tokens of cache, the worker has {capacity}")]
    TooLarge { needed: usize, capacity: usize },
    /// The caller's fault: an empty context, nothing to draft or to score, terms outside the tokens.
    #[error("the call is malformed: {0}")]
    Malformed(&'static str),
    /// The tokenizer knows a token that the model does not.
    #[error("token {token} is outside the model's vocabulary of {vocab_size}")]
    UnknownToken { token: u32, vocab_size: usize },
    #[error("the model computed a logit that is not a finite number")]
    NotFinite,
    #[error("the forward pass failed: {0}")]
    Model(String),
    #[error("the engine has stopped")]
    Stopped,
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("a cache of {cache_memory} bytes holds no token: each takes {bytes_per_token} bytes in this model")]
    NoRoom { cache_memory: u64, bytes_per_token: u64 },
    #[error("no memory for a cache of {tokens} tokens, {bytes_per_token} bytes each")]
    Cache { tokens: usize, bytes_per_token: u64, source: ForwardError },
    #[error("the engine's thread cannot be started")]
    Thread(#[source] std::io::Error),
}

/// What the engine may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Bytes of keys and values.
    pub cache_memory: u64,
    /// Rows of one forward pass.
    pub max_batch_rows: usize,
    /// Calls that may wait.
    pub max_queue: usize,
}

/// The engine's OS thread. It ends when every handle is dropped.
#[derive(Debug)]
pub struct EngineThread {
    outcome: watch::Receiver<Option<Result<(), String>>>,
}

impl EngineThread {
    fn spawn(work: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (ended, outcome) = watch::channel(None);
        let run = move || {
            let result = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| message(panic.as_ref()));
            ended.send_replace(Some(result));
        };
        std::thread::Builder::new().name("engine".to_owned()).spawn(run)?;
        Ok(Self { outcome })
    }

    /// Completes when the thread has ended; Err: it panicked, with the panic's message. Cancel safe.
    pub async fn ended(&mut self) -> Result<(), String> {
        match self.outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            Ok(None) | Err(_) => Err("the engine's thread ended without a word".to_owned()),
        }
    }
}

impl Engine {
    /// Starts the model's thread. Fails when cache_memory holds no token.
    pub fn start(model: Model, config: EngineConfig) -> Result<(Self, EngineThread), StartError> {
        let (cache_memory, bytes_per_token) = (config.cache_memory, model.bytes_per_token());
        let cache_tokens = usize::try_from((cache_memory / bytes_per_token).min(MAX_CACHE_TOKENS)).unwrap_or(0);
        if cache_tokens == 0 {
            return Err(StartError::NoRoom { cache_memory, bytes_per_token });
        }
        let no_memory = |source| StartError::Cache { tokens: cache_tokens, bytes_per_token, source };
        let store = model.store(cache_tokens).map_err(no_memory)?;
        let max_queue = config.max_queue.clamp(1, Semaphore::MAX_PERMITS);
        let (jobs, incoming) = mpsc::channel(max_queue);
        let vocab_size = model.info.vocab_size;
        let scheduler = Scheduler::new(cache_tokens, config.max_batch_rows, model.short_context());
        let counters = Arc::new(Counters::default());
        let runner = Runner::new(model, store, scheduler, incoming, Arc::clone(&counters));
        let thread = EngineThread::spawn(move || runner.run()).map_err(StartError::Thread)?;
        let places = Arc::new(Semaphore::new(max_queue));
        Ok((Self { jobs, places, counters, max_queue, cache_tokens, vocab_size }, thread))
    }

    /// Tokens that the cache can hold.
    pub fn cache_tokens(&self) -> usize {
        self.cache_tokens
    }

    /// What the engine is doing now.
    pub fn load(&self) -> Load {
        self.counters.load(self.max_queue.saturating_sub(self.places.available_permits()))
    }

    /// Calls that may wait.
    pub fn max_queue(&self) -> usize {
        self.max_queue
    }

    /// How long each forward pass took, in seconds, and its rows: both of the engine's own, and counted on.
    pub(crate) fn steps(&self) -> (Histogram, Histogram) {
        self.counters.steps()
    }

    /// How long the forward pass under way has taken. None: there is none.
    pub(crate) fn passing(&self) -> Option<Duration> {
        self.counters.passing()
    }

    /// A job is made ready here; one of a long context better by who reads it, which then holds up nobody.
    pub async fn draft(&self, draft: impl Into<ReadyDraft>) -> Result<Drafted, EngineError> {
        let draft = draft.into();
        if draft.max_new == 0 {
            return Err(EngineError::Malformed("nothing to draft"));
        }
        if draft.answer_from > draft.tokens.len() {
            return Err(EngineError::Malformed("an answer outside the tokens"));
        }
        self.check(&draft.tokens, draft.max_new)?;
        let (reply, answer) = oneshot::channel();
        self.send(Request::Draft(draft, reply))?;
        answer.await.map_err(|_| EngineError::Stopped)?
    }

    pub async fn score(&self, job: ScoreJob) -> Result<Scored, EngineError> {
        if job.candidates.is_empty() {
            return Err(EngineError::Malformed("nothing to score"));
        }
        for candidate in &job.candidates {
            self.check(&candidate.tokens, 0)?;
            if candidate.from == 0 || candidate.from > candidate.tokens.len() {
                return Err(EngineError::Malformed("terms outside the tokens"));
            }
            if candidate.finished && !job.end_of_turn.iter().any(|id| (*id as usize) < self.vocab_size) {
                return Err(EngineError::Malformed("a finished candidate without an end-of-turn token"));
            }
        }
        let (reply, answer) = oneshot::channel();
        self.send(Request::Score(job, reply))?;
        answer.await.map_err(|_| EngineError::Stopped)?
    }

    /// What a sequence must fulfil so that no later step can fail because of it.
    fn check(&self, tokens: &[u32], max_new: usize) -> Result<(), EngineError> {
        if tokens.is_empty() {
            return Err(EngineError::Malformed("an empty context"));
        }
        if let Some(token) = tokens.iter().find(|token| **token as usize >= self.vocab_size) {
            return Err(EngineError::UnknownToken { token: *token, vocab_size: self.vocab_size });
        }
        let (needed, capacity) = (tokens.len().saturating_add(max_new), self.cache_tokens);
        if needed > capacity { Err(EngineError::TooLarge { needed, capacity }) } else { Ok(()) }
    }

    fn send(&self, request: Request) -> Result<(), EngineError> {
        let full = || EngineError::QueueFull { limit: self.max_queue };
        let place = self.places.clone().try_acquire_owned().map_err(|_| full())?;
        self.counters.queue();
        let job = Job { request, arrived: Instant::now(), place, span: Span::current() };
        self.jobs.try_send(job).map_err(|error| {
            self.counters.take();
            match error {
                mpsc::error::TrySendError::Full(_) => full(),
                mpsc::error::TrySendError::Closed(_) => EngineError::Stopped,
            }
        })
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests;
