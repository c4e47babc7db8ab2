//! What is counted, for Prometheus: names with their units, labels that take few values. Declared here, and nowhere else.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
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
use specfuse_core::generation::{Ending, Finish};
use tonic::Code;

use crate::{
    admission::Counts,
    driver::RoundReport,
    pool::{Cluster, State},
};

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    registry: Registry,
    responses: Family<HttpStatus, Counter>,
    refused: Family<Reason, Counter>,
    begun: Counter,
    answers: Family<Outcome, Counter>,
    failed: Family<Reason, Counter>,
    rounds: Counter,
    tokens: Counter,
    first_segment: Histogram,
    round: Histogram,
    running: Gauge,
    waiting: Gauge,
    workers: Family<Standing, Gauge>,
    /// Empty while it is not known.
    last_sync: Family<NoLabels, Gauge<f64, AtomicU64>>,
}

type NoLabels = [(&'static str, &'static str); 0];

/// A status code's name, as gRPC has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// "stop", "length" or "left".
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// As a number. The few that this server sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpStatus {
    status: u16,
}

/// "connecting", "ready" or "unreachable".
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Standing {
    state: &'static str,
}

/// What is known at the moment of asking.
pub(crate) struct Now {
    pub(crate) generations: Counts,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) last_sync: Option<Duration>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        // 1 ms to 32 s, and 5 ms to 160 s.
        let (round, first) = (exponential_buckets(0.001, 2.0, 16), exponential_buckets(0.005, 2.0, 16));
        let mut counted = Counted {
            registry: Registry::with_prefix("specfuse"),
            responses: Family::default(),
            refused: Family::default(),
            begun: Counter::default(),
            answers: Family::default(),
            failed: Family::default(),
            rounds: Counter::default(),
            tokens: Counter::default(),
            first_segment: Histogram::new(first),
            round: Histogram::new(round),
            running: Gauge::default(),
            waiting: Gauge::default(),
            workers: Family::default(),
            last_sync: Family::default(),
        };
        counted.register();
        Self(Arc::new(counted))
    }

    /// An HTTP response has begun.
    pub(crate) fn responded(&self, status: u16) {
        self.0.responses.get_or_create(&HttpStatus { status }).inc();
    }

    pub(crate) fn refused(&self, code: Code) {
        self.0.refused.get_or_create(&Reason { reason: name(code) }).inc();
    }

    pub(crate) fn failed(&self, code: Code) {
        self.0.failed.get_or_create(&Reason { reason: name(code) }).inc();
    }

    pub(crate) fn begun(&self) {
        self.0.begun.inc();
    }

    /// `since_request`: of an answer's first round.
    pub(crate) fn round(&self, report: &RoundReport, since_request: Option<Duration>) {
        self.0.rounds.inc();
        self.0.tokens.inc_by(report.winning_tokens().into());
        self.0.round.observe((report.draft_time + report.score_time).as_secs_f64());
        if let Some(since) = since_request {
            self.0.first_segment.observe(since.as_secs_f64());
        }
    }

    pub(crate) fn answered(&self, finish: &Finish) {
        let outcome = match finish.ending {
            Ending::Stop => "stop",
            Ending::Length => "length",
            // Told as an error.
            Ending::Failed(_) => return,
        };
        self.0.answers.get_or_create(&Outcome { outcome }).inc();
    }

    /// Nobody read the answer to its end.
    pub(crate) fn left(&self) {
        self.0.answers.get_or_create(&Outcome { outcome: "left" }).inc();
    }

    /// In the text format of OpenMetrics.
    pub(crate) fn told(&self, now: &Now) -> Result<String, std::fmt::Error> {
        let counted = &self.0;
        counted.running.set(now.generations.running.try_into().unwrap_or(i64::MAX));
        counted.waiting.set(now.generations.waiting.try_into().unwrap_or(i64::MAX));
        match now.last_sync {
            Some(age) => {
                counted.last_sync.get_or_create(&[]).set(age.as_secs_f64());
            }
            None => counted.last_sync.clear(),
        }
        for state in ["connecting", "ready", "unreachable"] {
            let count = now.cluster.workers.iter().filter(|worker| name_of(&worker.state) == state).count();
            counted.workers.get_or_create(&Standing { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        encode(&mut text, &counted.registry)?;
        Ok(text)
    }
}

impl Counted {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("http_responses", "HTTP responses that began, by status", self.responses.clone());
        registry.register("refused_requests", "Requests that were not begun, by status code", self.refused.clone());
        registry.register("begun_answers", "Answers that were begun", self.begun.clone());
        let answers = "Answers that came to their end, by how they ended; \"left\": nobody read on";
        registry.register("answers", answers, self.answers.clone());
        registry.register("failed_answers", "Answers that broke off, by status code", self.failed.clone());
        registry.register("rounds", "Rounds of all answers", self.rounds.clone());
        registry.register("answer_tokens", "Tokens of winning segments", self.tokens.clone());
        let seconds = Unit::Seconds;
        let first_segment = self.first_segment.clone();
        registry.register_with_unit("first_segment", "From the request to the first round", seconds, first_segment);
        let round = self.round.clone();
        registry.register_with_unit("round", "From a round's start to its last score", Unit::Seconds, round);
        registry.register("running_generations", "Answers being written", self.running.clone());
        registry.register("waiting_generations", "Requests that wait for one of them to end", self.waiting.clone());
        registry.register("workers", "Workers, by what this coordinator knows of them", self.workers.clone());
        let (age, last_sync) =
            ("Age of the list of workers that etcd gave; none while it has given none", self.last_sync.clone());
        registry.register_with_unit("discovery_last_sync", age, Unit::Seconds, last_sync);
    }
}

fn name_of(state: &State) -> &'static str {
    match state {
        State::Connecting => "connecting",
        State::Ready(_) => "ready",
        State::Unreachable { .. } => "unreachable",
    }
}

fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}
