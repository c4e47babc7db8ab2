//! One call to one worker: our types to wire types and back, with a deadline and typed errors.
//!
//! A worker is not trusted: an answer that cannot be what was asked for is [`CallError::Malformed`]. Nothing here retries.

mod error;
mod wire;

use std::{sync::Arc, time::Duration};

use specfuse_core::candidate::{Candidate, Draft};
use specfuse_proto::v1::{
    DescribeRequest, DescribeResponse, worker_service_client::WorkerServiceClient, worker_service_server,
};
use specfuse_runtime::{
    discovery::WorkerRecord,
    keepalive, propagation,
    tls::{self, ClientTls},
};
use tokio::time::Instant;
use tonic::{
    Code, Response, Status,
    transport::{Channel, Endpoint, Uri},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

pub(crate) use self::error::{CallError, Malformed};
use crate::request::{Prompt, Sampling};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes, both ways.
const MAX_MESSAGE: usize = 16 << 20;

/// A channel that connects at its first call and again after every loss. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct WorkerClient {
    calls: WorkerServiceClient<Channel>,
    health: HealthClient<Channel>,
}

/// What a worker says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Description {
    /// Not empty.
    pub(crate) model: String,
    /// As received, for clients that ask.
    pub(crate) told: DescribeResponse,
}

/// What every call carries: all that the model has read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) request_id: Arc<str>,
    pub(crate) round: u32,
    pub(crate) prompt: Arc<Prompt>,
    pub(crate) accepted: Arc<str>,
}

#[derive(Clone, Debug)]
pub(crate) struct DraftCall {
    pub(crate) context: Context,
    pub(crate) max_tokens: u32,
    /// Fewer where the context leaves less room.
    pub(crate) as_fits: bool,
    /// The seed is this draft's own.
    pub(crate) sampling: Sampling,
    /// So many alternatives are told for each token; None: tokens are not told.
    pub(crate) top_logprobs: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct ScoreCall {
    pub(crate) context: Context,
    pub(crate) candidates: Arc<[Candidate]>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drafted {
    pub(crate) draft: Draft,
    /// One for each token drawn, the end-of-turn token included; finite.
    pub(crate) token_logprobs: Vec<f32>,
    /// Those of the draft's text, where they are asked for.
    pub(crate) tokens: Vec<Token>,
    /// Of the context, as the worker's model reads it.
    pub(crate) context_tokens: u32,
    pub(crate) work: Work,
}

/// A token of a draft. Log-probabilities are finite.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    /// What it adds to the draft's text.
    pub(crate) text: String,
    pub(crate) logprob: f32,
    /// The most probable in its place: what each would have added, and its log-probability.
    pub(crate) top: Vec<(String, f32)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scored {
    /// One list for each candidate; not all need be numbers.
    pub(crate) terms: Vec<Vec<f64>>,
    pub(crate) work: Work,
}

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) tokens_computed: u32,
    pub(crate) tokens_cached: u32,
    pub(crate) queue_micros: u64,
    pub(crate) prefill_micros: u64,
    pub(crate) decode_micros: u64,
}

impl Description {
    /// An error where the worker says something else than what it is registered as.
    pub(crate) fn matches(&self, record: &WorkerRecord) -> Result<(), Malformed> {
        let context_length = (self.told.context_length.to_string(), record.context_length.to_string());
        let capabilities = (self.told.capabilities.join(" "), record.capabilities.join(" "));
        let facts = [
            ("instance", &self.told.instance_id, &record.instance),
            ("model", &self.model, &record.model),
            ("family", &self.told.family, &record.family),
            ("context length", &context_length.0, &context_length.1),
            ("capabilities", &capabilities.0, &capabilities.1),
            ("build", &self.told.build, &record.build),
        ];
        match facts.into_iter().find(|(_, told, registered)| told != registered) {
            Some((fact, told, registered)) => {
                Err(Malformed::Unregistered { fact, told: told.to_owned(), registered: registered.to_owned() })
            }
            None => Ok(()),
        }
    }
}

impl WorkerClient {
    /// Must be called inside a runtime: the channel's task lives there.
    pub(crate) fn lazy(uri: Uri, tls: Option<&ClientTls>) -> Self {
        let endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(keepalive::INTERVAL)
            .keep_alive_timeout(keepalive::TIMEOUT)
            .keep_alive_while_idle(true);
        let channel = tls::channel(endpoint, tls);
        let calls = WorkerServiceClient::new(channel.clone());
        let calls = calls.max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
        Self { calls, health: HealthClient::new(channel) }
    }

    /// An error unless the worker says that it is serving. `strict`: one that knows nothing of health does not pass either.
    pub(crate) async fn serving(&self, timeout: Duration, strict: bool) -> Result<(), CallError> {
        let mut health = self.health.clone();
        let service = worker_service_server::SERVICE_NAME.to_owned();
        let told = async {
            match health.check(with_timeout(HealthCheckRequest { service }, timeout)).await {
                Err(status) if status.code() == Code::Unimplemented && !strict => {
                    Ok(Response::new(ServingStatus::Serving))
                }
                told => told.map(|told| Response::new(told.get_ref().status())),
            }
        };
        match within(timeout, told).await? {
            ServingStatus::Serving => Ok(()),
            not @ (ServingStatus::NotServing | ServingStatus::Unknown | ServingStatus::ServiceUnknown) => {
                Err(CallError::Broken(format!("its health is {}", not.as_str_name())))
            }
        }
    }

    pub(crate) async fn describe(&self, timeout: Duration) -> Result<Description, CallError> {
        let mut client = self.calls.clone();
        let request = with_timeout(DescribeRequest {}, timeout);
        Ok(wire::description(within(timeout, client.describe(request)).await?)?)
    }

    pub(crate) async fn draft(&self, call: &DraftCall, deadline: Instant) -> Result<Drafted, CallError> {
        let timeout = deadline.saturating_duration_since(Instant::now());
        let mut client = self.calls.clone();
        let request = with_timeout(wire::draft_request(call), timeout);
        Ok(wire::drafted(within(timeout, client.draft(request)).await?, call.max_tokens, call.top_logprobs)?)
    }

    pub(crate) async fn score(&self, call: &ScoreCall, deadline: Instant) -> Result<Scored, CallError> {
        let timeout = deadline.saturating_duration_since(Instant::now());
        let mut client = self.calls.clone();
        let request = with_timeout(wire::score_request(call), timeout);
        Ok(wire::scored(within(timeout, client.score(request)).await?, call.candidates.len())?)
    }
}

fn with_timeout<T>(message: T, timeout: Duration) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(timeout);
    propagation::inject(request.metadata_mut());
    request
}

/// The wire's own timeout is a courtesy to the worker; this one holds.
async fn within<T>(
    timeout: Duration,
    call: impl Future<Output = Result<Response<T>, Status>> + Send,
) -> Result<T, CallError> {
    // Polled last, so that an answer that is there counts even when the deadline has passed.
    match tokio::time::timeout(timeout, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(CallError::from_status(&status, timeout)),
        Err(_) => Err(CallError::Late { timeout }),
    }
}
