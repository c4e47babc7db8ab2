//! WorkerService: the contract on one side, the engine on the other. Wire types stop here.
//!
//! A call is parsed, read (template and tokenizer, on a blocking thread) and handed to the engine; dropping it at any point
//! frees what it held. What is remembered between calls is how texts encode, within a bound: it changes no answer.

mod answering;
mod request;
mod spans;
mod told;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use specfuse_proto::v1 as wire;
use specfuse_runtime::{discovery::WorkerRecord, propagation::Origin};
use tokio::{sync::Semaphore, task::spawn_blocking};
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};
use tracing::{Instrument, Span};

use self::answering::Answering;
pub use self::request::RequestError;
use self::request::{Candidate, DraftCall, ScoreCall};
use crate::{
    contained::contained,
    context::{Context, Encoded, Language},
    engine::{DraftJob, Engine, EngineError, Load, ReadyDraft, ScoreJob, ScoreSequence, Work},
    metrics::{Info, Metrics},
    model::ModelInfo,
    status::CallError,
};

/// What a service serves, all of it loaded.
#[derive(Debug)]
pub struct Served {
    /// The member's name.
    pub name: String,
    pub info: ModelInfo,
    pub language: Language,
    /// Empty: the model never ends its turn.
    pub end_of_turn: Arc<[u32]>,
    /// Of its checkpoint; empty: unknown.
    pub fingerprint: String,
}

/// How many calls are read at a time, and how many may wait for it.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    pub at_a_time: usize,
    pub waiting: usize,
}

/// One model's service; clones share it.
#[derive(Clone, Debug)]
pub struct Service {
    served: Arc<Served>,
    engine: Engine,
    instance_id: Arc<str>,
    readers: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    limits: ReadLimits,
    calls: TaskTracker,
    metrics: Metrics,
    logs_content: bool,
}

impl Service {
    pub fn new(served: Served, engine: Engine, limits: ReadLimits) -> Self {
        let info = Info {
            model: served.name.clone(),
            family: served.info.family.clone(),
            dtype: served.info.dtype,
            device: served.info.device.clone(),
            version: env!("CARGO_PKG_VERSION"),
        };
        Self {
            metrics: Metrics::new(&engine, &info),
            served: Arc::new(served),
            engine,
            instance_id: uuid::Uuid::new_v4().to_string().into(),
            readers: Arc::new(Semaphore::new(limits.at_a_time)),
            waiting: Arc::new(Semaphore::new(limits.waiting)),
            limits,
            calls: TaskTracker::new(),
            logs_content: false,
        }
    }

    /// Whether prompts and drafts may appear in the log.
    pub fn logging_content(self, logs_content: bool) -> Self {
        Self { logs_content, ..self }
    }

    /// Counts the calls being answered: `len()` of them now.
    pub fn calls(&self) -> TaskTracker {
        self.calls.clone()
    }

    /// What discovery is told of a worker that is called at this URL, and has lived since then.
    pub(crate) fn record(&self, address: String, started: DateTime<Utc>) -> WorkerRecord {
        let wire::DescribeResponse { model, family, context_length, capabilities, build, instance_id, .. } =
            self.describe();
        let started_at = started.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        WorkerRecord { instance: instance_id, address, model, family, context_length, capabilities, build, started_at }
    }

    fn describe(&self) -> wire::DescribeResponse {
        let Served { name, info, language, end_of_turn, fingerprint } = &*self.served;
        let chat = language.chat_template.is_some().then_some("chat");
        wire::DescribeResponse {
            model: name.clone(),
            family: info.family.clone(),
            parameters: info.parameters,
            context_length: u32::try_from(info.context_length).unwrap_or(u32::MAX),
            end_of_turn_ids: end_of_turn.to_vec(),
            dtype: info.dtype.to_owned(),
            device: info.device.clone(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            capabilities: chat.into_iter().chain(["raw"]).map(str::to_owned).collect(),
            cache_tokens: self.engine.cache_tokens() as u64,
            instance_id: self.instance_id.to_string(),
            load: Some(load(self.engine.load())),
            fingerprint: fingerprint.clone(),
        }
    }

    /// How long the forward pass under way has taken. None: there is none.
    pub(crate) fn passing(&self) -> Option<Duration> {
        self.engine.passing()
    }

    /// In the text format of OpenMetrics.
    pub(crate) fn metrics(&self) -> Result<String, std::fmt::Error> {
        self.metrics.told(self.engine.load())
    }

    /// In the span of the call.
    async fn draft(&self, call: DraftCall) -> Result<wire::DraftResponse, CallError> {
        let shown = self.logs_content.then(|| call.context.clone());
        let tells_tokens = call.top_logprobs.is_some();
        let read = self.read(move |served| read_draft(served, call)).instrument(spans::reading());
        let (context, encoded, job) = read.await?;
        let drafted = self.engine.draft(job).instrument(spans::engine()).await?;
        self.metrics.drafted(drafted.tokens.len(), &drafted.work);
        spans::worked(&Span::current(), drafted.tokens.len(), &drafted.work);
        let told = move |served: &Served| told::drafted(&served.language, (&context, &encoded), drafted, tells_tokens);
        let response = self.off_the_async_threads(move |served| Ok(told(served)?)).await?;
        if let Some(Context { prompt, accepted }) = shown {
            let wire::DraftResponse { text, finished, .. } = &response;
            tracing::debug!(?prompt, accepted, text, finished, "drafted");
        }
        Ok(response)
    }

    /// In the span of the call.
    async fn score(&self, call: ScoreCall) -> Result<wire::ScoreResponse, CallError> {
        let ScoreCall { context, candidates, .. } = call;
        let read = self.read(move |served| read_candidates(served, &context, &candidates));
        let candidates = read.instrument(spans::reading()).await?;
        let end_of_turn = Arc::clone(&self.served.end_of_turn);
        let scored = self.engine.score(ScoreJob { candidates, end_of_turn }).instrument(spans::engine()).await?;
        let terms = scored.terms.iter().map(Vec::len).sum();
        self.metrics.scored(terms, &scored.work);
        spans::worked(&Span::current(), 0, &scored.work);
        let candidates = scored.terms.into_iter().map(|terms| wire::CandidateTerms { terms }).collect();
        Ok(wire::ScoreResponse { candidates, work: Some(work(scored.work)) })
    }

    fn answering(&self, call: &'static str) -> Answering {
        Answering::begin(self.calls.token(), &self.metrics, call, self.logs_content)
    }

    /// Reads a call's text, unless too many wait for that.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Served) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        let full = |_| EngineError::QueueFull { limit: self.limits.waiting };
        let _waiting = self.waiting.try_acquire().map_err(full)?;
        self.off_the_async_threads(work).await
    }

    /// Text work, no more than so much at a time. A call that was drafted waits for its turn however many do.
    async fn off_the_async_threads<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Served) -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        let reading = Arc::clone(&self.readers).acquire_owned().await.map_err(|_| EngineError::Stopped)?;
        let served = Arc::clone(&self.served);
        let read = spawn_blocking(move || {
            let _reading = reading;
            contained(|| work(&served))
        });
        // Only a runtime that has stopped runs nothing.
        read.await.map_err(|_| EngineError::Stopped)?.map_err(CallError::Reading)?
    }
}

/// The context's ids and what is to be drafted after them, if both fit the model and it knows the biased tokens.
fn read_draft(served: &Served, call: DraftCall) -> Result<(Context, Encoded, ReadyDraft), CallError> {
    let DraftCall { context, max_new, as_fits, sampling, top_logprobs, .. } = call;
    let vocab_size = served.info.vocab_size;
    // The last one is the highest.
    if let Some((token, _)) = sampling.logit_bias.last().filter(|(token, _)| *token as usize >= vocab_size) {
        return Err(RequestError::UnknownBiasedToken { token: *token, highest: vocab_size.saturating_sub(1) }.into());
    }
    let encoded = served.language.encode(&context)?;
    let context_length = served.info.context_length;
    let room = context_length.saturating_sub(encoded.len());
    let max_new = if as_fits && room > 0 { max_new.min(room) } else { max_new };
    if max_new > room {
        return Err(CallError::DraftTooLong { context: encoded.len(), max_new, context_length });
    }
    let counts_answer = sampling.presence_penalty != 0.0 || sampling.frequency_penalty != 0.0;
    let answer_from = if counts_answer { served.language.answer_from(&context, &encoded)? } else { encoded.len() };
    let end_of_turn = Arc::clone(&served.end_of_turn);
    let job = DraftJob { tokens: encoded.tokens(), answer_from, max_new, end_of_turn, sampling };
    let ready = ReadyDraft::from(job).telling(top_logprobs.unwrap_or(0));
    Ok((context, encoded, ready))
}

/// Every candidate behind the context, if all fit the model.
fn read_candidates(
    served: &Served,
    context: &Context,
    candidates: &[Candidate],
) -> Result<Vec<ScoreSequence>, CallError> {
    let encoded = served.language.encode(context)?;
    let context_length = served.info.context_length;
    if encoded.len() > context_length {
        return Err(CallError::ContextTooLong { context: encoded.len(), context_length });
    }
    let read = |(index, candidate): (usize, &Candidate)| {
        let read = served.language.encode_candidate(context, &encoded, &candidate.text)?;
        let tokens = read.tokens.len();
        if tokens > context_length {
            return Err(CallError::CandidateTooLong { index, tokens, context_length });
        }
        Ok(ScoreSequence { tokens: read.tokens, from: read.from, finished: candidate.finished })
    };
    candidates.iter().enumerate().map(read).collect()
}

fn work(work: Work) -> wire::Work {
    wire::Work {
        tokens_computed: work.tokens_computed,
        tokens_cached: work.tokens_cached,
        queue_micros: work.queue_micros,
        prefill_micros: work.prefill_micros,
        decode_micros: work.decode_micros,
    }
}

fn load(load: Load) -> wire::Load {
    wire::Load {
        live_sequences: load.live_sequences,
        waiting_calls: load.waiting_calls,
        engine_steps: load.engine_steps,
        cached_tokens: load.cached_tokens,
    }
}

#[tonic::async_trait]
impl wire::worker_service_server::WorkerService for Service {
    async fn describe(&self, _: Request<wire::DescribeRequest>) -> Result<Response<wire::DescribeResponse>, Status> {
        Ok(Response::new(Self::describe(self)))
    }

    async fn draft(&self, request: Request<wire::DraftRequest>) -> Result<Response<wire::DraftResponse>, Status> {
        let (mut answering, origin) = (self.answering("draft"), Origin::of(request.metadata().as_ref()));
        let answered = match DraftCall::try_from(request.into_inner()) {
            Ok(call) => {
                let span = spans::draft(&call.name, &self.served.name, &origin);
                answering.within(&span);
                Self::draft(self, call).instrument(span).await
            }
            Err(error) => Err(error.into()),
        };
        answering.end(answered)
    }

    async fn score(&self, request: Request<wire::ScoreRequest>) -> Result<Response<wire::ScoreResponse>, Status> {
        let (mut answering, origin) = (self.answering("score"), Origin::of(request.metadata().as_ref()));
        let answered = match ScoreCall::try_from(request.into_inner()) {
            Ok(call) => {
                let span = spans::score(&call.name, &self.served.name, &origin);
                answering.within(&span);
                Self::score(self, call).instrument(span).await
            }
            Err(error) => Err(error.into()),
        };
        answering.end(answered)
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
