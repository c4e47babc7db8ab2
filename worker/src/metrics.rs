//! What a worker counts, for Prometheus: every series has its name here, and nowhere else; the engine keeps those of its passes. `docs/metrics.md` lists them.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use specfuse_runtime::{message::code_name, process};
use tonic::Code;

use crate::engine::{Engine, Load, Work};

type Durations = Family<Call, Histogram, fn() -> Histogram>;

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<Series>);

#[derive(Debug)]
struct Series {
    registry: Registry,
    calls: Family<Ended, Counter>,
    call: Durations,
    queue: Durations,
    prefill: Durations,
    decode: Histogram,
    drafted: Counter,
    scored: Counter,
    computed: Counter,
    cached: Counter,
    live_sequences: Gauge,
    waiting_calls: Gauge,
    cache_used: Gauge,
}

/// "draft" or "score".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    call: &'static str,
}

/// `code`: a status code's name, as gRPC has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    call: &'static str,
    code: &'static str,
}

/// What is served, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Info {
    pub(crate) model: String,
    pub(crate) family: String,
    pub(crate) dtype: &'static str,
    pub(crate) device: String,
    pub(crate) version: &'static str,
}

/// A call that is under way. One that is dropped was cancelled.
#[derive(Debug)]
pub(crate) struct Counting {
    metrics: Metrics,
    call: &'static str,
    began: Instant,
    code: Code,
}

/// 1 ms to 32 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

impl Metrics {
    pub(crate) fn new(engine: &Engine, info: &Info) -> Self {
        let mut registry = Registry::default();
        process::register(&mut registry);
        let ours = registry.sub_registry_with_prefix("specfuse_worker");
        let mut series = Series {
            registry: Registry::default(),
            calls: Family::default(),
            call: Family::new_with_constructor(seconds),
            queue: Family::new_with_constructor(seconds),
            prefill: Family::new_with_constructor(seconds),
            decode: seconds(),
            drafted: Counter::default(),
            scored: Counter::default(),
            computed: Counter::default(),
            cached: Counter::default(),
            live_sequences: Gauge::default(),
            waiting_calls: Gauge::default(),
            cache_used: Gauge::default(),
        };
        series.register_calls(ours);
        series.register_engine(ours, engine);
        let described = Family::<Info, Gauge>::default();
        described.get_or_create(info).set(1);
        ours.register("info", "What is served here", described);
        series.registry = registry;
        Self(Arc::new(series))
    }

    pub(crate) fn begin(&self, call: &'static str) -> Counting {
        Counting { metrics: self.clone(), call, began: Instant::now(), code: Code::Cancelled }
    }

    pub(crate) fn drafted(&self, tokens: usize, work: &Work) {
        self.0.drafted.inc_by(tokens as u64);
        self.0.decode.observe(micros(work.decode_micros));
        self.worked("draft", work);
    }

    /// `terms`: log-probabilities told.
    pub(crate) fn scored(&self, terms: usize, work: &Work) {
        self.0.scored.inc_by(terms as u64);
        self.worked("score", work);
    }

    fn worked(&self, call: &'static str, work: &Work) {
        self.0.computed.inc_by(work.tokens_computed.into());
        self.0.cached.inc_by(work.tokens_cached.into());
        self.0.queue.get_or_create(&Call { call }).observe(micros(work.queue_micros));
        self.0.prefill.get_or_create(&Call { call }).observe(micros(work.prefill_micros));
    }

    /// In the text format of OpenMetrics.
    pub(crate) fn told(&self, load: Load) -> Result<String, fmt::Error> {
        self.0.live_sequences.set(load.live_sequences.into());
        self.0.waiting_calls.set(load.waiting_calls.into());
        self.0.cache_used.set(i64::try_from(load.cached_tokens).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

/// What is told while there is no model yet.
pub(crate) fn of_the_process() -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    process::register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

impl Series {
    fn register_calls(&self, to: &mut Registry) {
        to.register("calls", "Calls that ended, by status code", self.calls.clone());
        let all = "From a call's arrival to its end";
        to.register_with_unit("call", all, Unit::Seconds, self.call.clone());
        let queue = "From a call's arrival at the engine to its first pass";
        to.register_with_unit("queue", queue, Unit::Seconds, self.queue.clone());
        let prefill = "From a call's first pass to the end of its context's last";
        to.register_with_unit("prefill", prefill, Unit::Seconds, self.prefill.clone());
        to.register_with_unit("decode", "From there to a draft's last token", Unit::Seconds, self.decode.clone());
        to.register("drafted_tokens", "Tokens drafted", self.drafted.clone());
        to.register("scored_tokens", "Tokens of drafts that were scored", self.scored.clone());
        to.register("computed_tokens", "Tokens of contexts and drafts that were computed", self.computed.clone());
        to.register("cached_tokens", "Tokens of contexts that were in the cache", self.cached.clone());
        for call in ["draft", "score"] {
            drop(self.calls.get_or_create(&Ended { call, code: "ok" }));
            for durations in [&self.call, &self.queue, &self.prefill] {
                drop(durations.get_or_create(&Call { call }));
            }
        }
    }

    fn register_engine(&self, to: &mut Registry, engine: &Engine) {
        let (took, rows) = engine.steps();
        to.register_with_unit("step", "Forward passes", Unit::Seconds, took);
        to.register("step_rows", "Rows of a forward pass", rows);
        to.register("live_sequences", "Sequences being computed or waiting to be", self.live_sequences.clone());
        to.register("waiting_calls", "Calls that wait for their first pass", self.waiting_calls.clone());
        to.register("queue_limit", "Calls that may wait", constant(engine.max_queue()));
        let tokens = || Unit::Other("tokens".to_owned());
        to.register_with_unit("cache_used", "Tokens in the prefix cache", tokens(), self.cache_used.clone());
        let limit = constant(engine.cache_tokens());
        to.register_with_unit("cache_limit", "Tokens that it can hold", tokens(), limit);
    }
}

impl Counting {
    pub(crate) fn ends(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let (series, call) = (&self.metrics.0, self.call);
        series.calls.get_or_create(&Ended { call, code: code_name(self.code) }).inc();
        series.call.get_or_create(&Call { call }).observe(self.began.elapsed().as_secs_f64());
    }
}

fn constant(value: usize) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    gauge
}

fn micros(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}
