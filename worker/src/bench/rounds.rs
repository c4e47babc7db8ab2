//! Whole rounds through gRPC, as a coordinator calls them: how much of a round is not the model's time (wire, reading texts, queue).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use specfuse_proto::v1::worker_service_client::WorkerServiceClient;
use specfuse_proto::v1::{Candidate, Context, DraftRequest, ScoreRequest, Work, context::Prompt};
use tokio::sync::oneshot;
use tonic::transport::Channel;

use crate::app::{Loaded, server};
use crate::engine::{Engine, EngineConfig};
use crate::service::{ReadLimits, Served, Service};

/// Tokens of a segment, and the endings that make candidates of a draft.
const SEGMENT: u32 = 10;
const ENDINGS: [&str; 5] = ["", " and", " the", " of the", ", then"];
/// Tokens of cache: far more than the rounds need.
const CACHE_TOKENS: u64 = 4096;
const QUESTION: &str = "t11 t12 t13 How many apples are there when 47 and 38 are put together?";

/// The medians of some rounds: one draft, then five candidates scored.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    pub counted: usize,
    pub ms: f64,
    pub model_ms: f64,
    /// Of the round's time, what was not the model's.
    pub outside_share: f64,
}

pub(super) async fn measure(loaded: Loaded, rounds: usize) -> Result<Rounds> {
    let Loaded { model, language, end_of_turn } = loaded;
    let cache_memory = CACHE_TOKENS * model.bytes_per_token();
    let served = Served { name: "bench".to_owned(), info: model.info.clone(), language, end_of_turn };
    let (engine, _thread) = Engine::start(model, EngineConfig { cache_memory, max_batch_rows: 512, max_queue: 8 })?;
    let service = Service::new(served, engine, ReadLimits { at_a_time: 2, waiting: 8 });
    let incoming = server::bind(([127, 0, 0, 1], 0).into())?;
    let address = incoming.local_addr().context("the listener has no address")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = server::serve(service, incoming, async move {
        let _ = stopped.await;
    });
    let ask = async {
        let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
        let measured = ask(WorkerServiceClient::new(channel), rounds).await;
        drop(stop);
        measured
    };
    let (served, measured) = tokio::join!(serve, ask);
    served?;
    measured
}

/// The first round, which reads the prompt, does not count.
async fn ask(mut worker: WorkerServiceClient<Channel>, rounds: usize) -> Result<Rounds> {
    let mut accepted = String::new();
    let mut times: Vec<(Duration, Duration)> = Vec::new();
    for round in 1..=rounds as u32 + 1 {
        let from = Instant::now();
        let (request_id, context) = ("bench".to_owned(), context(&accepted));
        let draft = DraftRequest { request_id, round, context, max_tokens: SEGMENT, ..DraftRequest::default() };
        let draft = worker.draft(draft).await?.into_inner();
        let candidate = |ending: &str| Candidate { text: format!("{} t1{ending}", draft.text), finished: false };
        let (request_id, context) = ("bench".to_owned(), self::context(&accepted));
        let score = ScoreRequest { request_id, round, context, candidates: ENDINGS.map(candidate).to_vec() };
        let scored = worker.score(score).await?.into_inner();
        times.push((from.elapsed(), model_time(draft.work) + model_time(scored.work)));
        accepted.push_str(&format!("{} t1", draft.text));
    }
    times.remove(0);
    let median = |of: fn(&(Duration, Duration)) -> f64| {
        let mut values: Vec<f64> = times.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Ok(Rounds {
        counted: times.len(),
        ms: median(|(whole, _)| whole.as_secs_f64() * 1e3),
        model_ms: median(|(_, model)| model.as_secs_f64() * 1e3),
        outside_share: median(|(whole, model)| 1.0 - model.as_secs_f64() / whole.as_secs_f64()),
    })
}

fn context(accepted: &str) -> Option<Context> {
    // Raw: a model need not have a chat template to be measured.
    Some(Context { prompt: Some(Prompt::Raw(QUESTION.to_owned())), accepted: accepted.to_owned() })
}

fn model_time(work: Option<Work>) -> Duration {
    let work = work.unwrap_or_default();
    Duration::from_micros(work.prefill_micros + work.decode_micros)
}
