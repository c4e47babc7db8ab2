//! Whole rounds through gRPC, as a coordinator calls them: how much of a round is not the model's time, and what that is. A client of
//! the worker, in the worker's own process.

use std::time::{Duration, Instant};

use specfuse_proto::v1::worker_service_client::WorkerServiceClient;
use specfuse_proto::v1::{Candidate, Context, DescribeRequest, DraftRequest, ScoreRequest, Work, context::Prompt};
use tokio::sync::oneshot;
use tonic::transport::{Channel, Endpoint};

use crate::app::{Loaded, server};
use crate::engine::{Engine, EngineConfig, StartError};
use crate::service::{ReadLimits, Served, Service};

/// Tokens of a segment, and the endings that make candidates of a draft.
const SEGMENT: u32 = 10;
const ENDINGS: [&str; 5] = ["", " and", " the", " of the", ", then"];
/// Tokens of cache: far more than the rounds need.
const CACHE_TOKENS: u64 = 4096;
/// Longest that one call may take: on the slowest machine that a model is measured on.
const CALL: Duration = Duration::from_secs(600);
const QUESTION: &str = "t11 t12 t13 How many apples are there when 47 and 38 are put together?";

/// The medians of some rounds: one draft, then five candidates scored.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    pub counted: usize,
    pub ms: f64,
    pub model_ms: f64,
    /// Of the round's time, what was not the model's.
    pub outside_share: f64,
    /// Outside: the calls waited for the engine's thread.
    pub queue_ms: f64,
    /// Outside: two calls that do nothing.
    pub wire_ms: f64,
    /// Outside: the rest. Texts become ids and ids a text, messages are encoded, threads take over from each other.
    pub text_ms: f64,
}

/// Rounds could not be measured.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoundsError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Bind(#[from] server::BindError),
    #[error("the listener has no address")]
    Address(#[source] std::io::Error),
    #[error(transparent)]
    Serve(#[from] server::ServeError),
    #[error("the worker cannot be reached")]
    Connect(#[from] tonic::transport::Error),
    #[error("the worker refused a call: {}", .0.message())]
    Refused(Box<tonic::Status>),
}

/// One round's times.
#[derive(Clone, Copy)]
struct Times {
    whole: Duration,
    model: Duration,
    queue: Duration,
    wire: Duration,
}

pub(super) async fn measure(loaded: Loaded, rounds: usize) -> Result<Rounds, RoundsError> {
    let Loaded { model, language, end_of_turn, fingerprint } = loaded;
    let cache_memory = CACHE_TOKENS * model.bytes_per_token();
    let served = Served { name: "bench".to_owned(), info: model.info.clone(), language, end_of_turn, fingerprint };
    let (engine, mut thread) = Engine::start(model, EngineConfig { cache_memory, max_batch_rows: 512, max_queue: 8 })?;
    let service = Service::new(served, engine, ReadLimits { at_a_time: 2, waiting: 8 });
    let incoming = server::bind(([127, 0, 0, 1], 0).into())?;
    let address = incoming.local_addr().map_err(RoundsError::Address)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = server::serve(service, incoming, async move {
        let _ = stopped.await;
    });
    let ask = async {
        let channel = Endpoint::from_shared(format!("http://{address}"))?.timeout(CALL).connect().await?;
        let measured = ask(WorkerServiceClient::new(channel), rounds).await;
        drop(stop);
        measured
    };
    let (served, measured) = tokio::join!(serve, ask);
    // The model's memory must be free again when the next one's is measured.
    let _ = tokio::time::timeout(CALL, thread.ended()).await;
    served?;
    measured
}

/// The first round, which reads the prompt, does not count.
async fn ask(mut worker: WorkerServiceClient<Channel>, rounds: usize) -> Result<Rounds, RoundsError> {
    let mut accepted = String::new();
    let mut times = Vec::new();
    for number in 1..=rounds as u32 + 1 {
        let (one, segment) = round(&mut worker, number, &accepted).await?;
        times.push(one);
        accepted.push_str(&segment);
    }
    times.remove(0);
    Ok(Rounds::of(&times))
}

/// Its times, and the segment that was drafted.
async fn round(
    worker: &mut WorkerServiceClient<Channel>,
    round: u32,
    accepted: &str,
) -> Result<(Times, String), RoundsError> {
    let mut wire = Duration::ZERO;
    for _ in 0..2 {
        let from = Instant::now();
        worker.describe(DescribeRequest {}).await?;
        wire += from.elapsed();
    }
    let from = Instant::now();
    let (request_id, context) = ("bench".to_owned(), context(accepted));
    let draft = DraftRequest { request_id, round, context, max_tokens: SEGMENT, ..DraftRequest::default() };
    let draft = worker.draft(draft).await?.into_inner();
    let segment = format!("{} t1", draft.text);
    let candidate = |ending: &str| Candidate { text: format!("{segment}{ending}"), finished: false };
    let (request_id, context) = ("bench".to_owned(), self::context(accepted));
    let score = ScoreRequest { request_id, round, context, candidates: ENDINGS.map(candidate).to_vec() };
    let scored = worker.score(score).await?.into_inner();
    let whole = from.elapsed();
    let works = [draft.work, scored.work].map(Option::unwrap_or_default);
    let sum = |of: fn(&Work) -> u64| works.iter().map(of).map(Duration::from_micros).sum();
    let model = sum(|work| work.prefill_micros + work.decode_micros);
    Ok((Times { whole, model, queue: sum(|work| work.queue_micros), wire }, segment))
}

fn context(accepted: &str) -> Option<Context> {
    // Raw: a model need not have a chat template to be measured.
    Some(Context { prompt: Some(Prompt::Raw(QUESTION.to_owned())), accepted: accepted.to_owned() })
}

impl Rounds {
    fn of(times: &[Times]) -> Self {
        let median = |of: fn(&Times) -> f64| {
            let mut values: Vec<f64> = times.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        Self {
            counted: times.len(),
            ms: median(|times| millis(times.whole)),
            model_ms: median(|times| millis(times.model)),
            outside_share: median(|times| 1.0 - times.model.as_secs_f64() / times.whole.as_secs_f64()),
            queue_ms: median(|times| millis(times.queue)),
            wire_ms: median(|times| millis(times.wire)),
            text_ms: median(|times| millis(times.whole.saturating_sub(times.model + times.queue + times.wire))),
        }
    }
}

impl From<tonic::Status> for RoundsError {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_model_is_told_apart_and_the_median_counts() {
        let times = |whole: u64, model: u64| Times {
            whole: Duration::from_millis(whole),
            model: Duration::from_millis(model),
            queue: Duration::from_millis(1),
            wire: Duration::from_millis(2),
        };
        let rounds = Rounds::of(&[times(900, 300), times(20, 15), times(10, 9)]);
        assert_eq!((rounds.counted, rounds.ms, rounds.model_ms, rounds.outside_share), (3, 20.0, 15.0, 0.25));
        // The last round's parts were measured at other moments and are more than the whole.
        assert_eq!((rounds.queue_ms, rounds.wire_ms, rounds.text_ms), (1.0, 2.0, 2.0));
    }
}
