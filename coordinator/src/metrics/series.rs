//! Every series that a coordinator counts: its name, its unit, its labels, its buckets. Declared here, and nowhere else.

use std::sync::{Arc, atomic::AtomicU64};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets, linear_buckets},
    },
    registry::{Registry, Unit},
};
use specfuse_runtime::process;

pub(super) type Counters<L> = Family<L, Counter>;
pub(super) type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;
type NoLabels = [(&'static str, &'static str); 0];

#[derive(Debug)]
pub(super) struct Series {
    pub(super) registry: Registry,
    pub(super) responses: Counters<HttpStatus>,
    pub(super) refused: Counters<Reason>,
    pub(super) begun: Counters<Of>,
    pub(super) answers: Counters<Outcome>,
    pub(super) failed: Counters<Failed>,
    pub(super) tokens: Counters<Of>,
    pub(super) first_segment: Histograms<Of>,
    pub(super) answer: Histograms<Of>,
    pub(super) rounds: Counters<Decided>,
    pub(super) round: Histograms<Of>,
    pub(super) round_members: Histograms<Of>,
    pub(super) wins: Counters<MemberOf>,
    pub(super) exits: Counters<MemberOf>,
    pub(super) strikes: Counters<MemberOf>,
    pub(super) draft: Histograms<Member>,
    pub(super) score: Histograms<Member>,
    pub(super) missed: Counters<Missed>,
    pub(super) drafted: Counters<Member>,
    pub(super) scored: Counters<Member>,
    pub(super) computed: Counters<Member>,
    pub(super) cached: Counters<Member>,
    pub(super) running: Gauge,
    pub(super) waiting: Gauge,
    pub(super) limit: Gauge,
    pub(super) workers: Family<Standing, Gauge>,
    pub(super) ready_workers: Family<Member, Gauge>,
    /// Empty while it is not known.
    pub(super) last_sync: Family<NoLabels, Gauge<f64, AtomicU64>>,
    build: Family<Build, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Of {
    pub(super) ensemble: Arc<str>,
}

/// As its workers are called: samples of one member are that member.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Member {
    pub(super) member: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct MemberOf {
    pub(super) ensemble: Arc<str>,
    pub(super) member: Arc<str>,
}

/// A status code's name, as gRPC has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reason {
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failed {
    pub(super) ensemble: Arc<str>,
    pub(super) reason: &'static str,
}

/// "stop", "length" or "left".
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Outcome {
    pub(super) ensemble: Arc<str>,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Decided {
    pub(super) ensemble: Arc<str>,
    pub(super) decided_by: &'static str,
}

/// `call`: "draft" or "score"; `reason`: why nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Missed {
    pub(super) member: Arc<str>,
    pub(super) call: &'static str,
    pub(super) reason: &'static str,
}

/// As a number. The few that this server sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct HttpStatus {
    pub(super) status: u16,
}

/// "connecting", "ready" or "unreachable".
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Standing {
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// 1 ms to 32 s.
fn of_a_round() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// 5 ms to 160 s.
fn of_a_request() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 16))
}

/// 1 to 16.
fn members() -> Histogram {
    Histogram::new(linear_buckets(1.0, 1.0, 16))
}

impl Series {
    pub(super) fn new() -> Self {
        let mut series = Self {
            registry: Registry::default(),
            responses: Family::default(),
            refused: Family::default(),
            begun: Family::default(),
            answers: Family::default(),
            failed: Family::default(),
            tokens: Family::default(),
            first_segment: Family::new_with_constructor(of_a_request),
            answer: Family::new_with_constructor(of_a_request),
            rounds: Family::default(),
            round: Family::new_with_constructor(of_a_round),
            round_members: Family::new_with_constructor(members),
            wins: Family::default(),
            exits: Family::default(),
            strikes: Family::default(),
            draft: Family::new_with_constructor(of_a_round),
            score: Family::new_with_constructor(of_a_round),
            missed: Family::default(),
            drafted: Family::default(),
            scored: Family::default(),
            computed: Family::default(),
            cached: Family::default(),
            running: Gauge::default(),
            waiting: Gauge::default(),
            limit: Gauge::default(),
            workers: Family::default(),
            ready_workers: Family::default(),
            last_sync: Family::default(),
            build: Family::default(),
        };
        let mut registry = Registry::default();
        process::register(&mut registry);
        let ours = registry.sub_registry_with_prefix("specfuse");
        series.register_answers(ours);
        series.register_members(ours);
        series.register_standing(ours);
        series.build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        series.registry = registry;
        series
    }

    /// What an ensemble may count from now on.
    pub(super) fn begin(&self, ensemble: &Arc<str>, members: &[Arc<str>]) {
        let of = Of { ensemble: Arc::clone(ensemble) };
        drop(self.begun.get_or_create(&of));
        drop(self.tokens.get_or_create(&of));
        for histograms in [&self.first_segment, &self.answer, &self.round, &self.round_members] {
            drop(histograms.get_or_create(&of));
        }
        for outcome in ["stop", "length", "left"] {
            drop(self.answers.get_or_create(&Outcome { ensemble: Arc::clone(ensemble), outcome }));
        }
        for member in members {
            let of = MemberOf { ensemble: Arc::clone(ensemble), member: Arc::clone(member) };
            for counters in [&self.wins, &self.exits, &self.strikes] {
                drop(counters.get_or_create(&of));
            }
            let member = Member { member: Arc::clone(member) };
            drop(self.draft.get_or_create(&member));
            drop(self.score.get_or_create(&member));
            for counters in [&self.drafted, &self.scored, &self.computed, &self.cached] {
                drop(counters.get_or_create(&member));
            }
            drop(self.ready_workers.get_or_create(&member));
        }
    }

    fn register_answers(&self, to: &mut Registry) {
        to.register("http_responses", "HTTP responses that began, by status", self.responses.clone());
        to.register("refused_requests", "Requests that were not begun, by status code", self.refused.clone());
        to.register("begun_answers", "Answers that were begun", self.begun.clone());
        let answers = "Answers that came to their end, by how they ended; \"left\": nobody read on";
        to.register("answers", answers, self.answers.clone());
        to.register("failed_answers", "Answers that broke off, by status code", self.failed.clone());
        to.register("answer_tokens", "Tokens of winning segments", self.tokens.clone());
        let seconds = |to: &mut Registry, name: &str, help: &str, of: &Histograms<Of>| {
            to.register_with_unit(name, help, Unit::Seconds, of.clone());
        };
        seconds(to, "first_segment", "From the request to the end of the first round", &self.first_segment);
        seconds(to, "answer", "From the request to the end of an answer", &self.answer);
        seconds(to, "round", "From a round's start to its last score", &self.round);
        to.register("rounds", "Rounds, by what decided them", self.rounds.clone());
        to.register("round_members", "Members that took part in a round", self.round_members.clone());
    }

    fn register_members(&self, to: &mut Registry) {
        to.register("wins", "Rounds that a member's segment won", self.wins.clone());
        to.register("exits", "Members that left an answer", self.exits.clone());
        to.register("strikes", "Rounds that a member missed by its own fault", self.strikes.clone());
        let (draft, score) = ("Draft calls that were answered", "Score calls that were answered");
        to.register_with_unit("draft", draft, Unit::Seconds, self.draft.clone());
        to.register_with_unit("score", score, Unit::Seconds, self.score.clone());
        to.register("missed_calls", "Calls that came to nothing, and why", self.missed.clone());
        to.register("drafted_tokens", "Tokens drafted", self.drafted.clone());
        to.register("scored_tokens", "Tokens of drafts that were scored", self.scored.clone());
        to.register("computed_tokens", "Tokens that workers computed", self.computed.clone());
        to.register("cached_tokens", "Tokens that workers found in their caches", self.cached.clone());
    }

    fn register_standing(&self, to: &mut Registry) {
        to.register("running_generations", "Answers being written", self.running.clone());
        to.register("waiting_generations", "Requests that wait for one of them to end", self.waiting.clone());
        to.register("generation_limit", "Answers that may be written at once", self.limit.clone());
        to.register("workers", "Workers, by what this coordinator knows of them", self.workers.clone());
        to.register("ready_workers", "Workers that serve a member", self.ready_workers.clone());
        let age = "Age of the list of workers that etcd gave; none while it has given none";
        to.register_with_unit("discovery_last_sync", age, Unit::Seconds, self.last_sync.clone());
        to.register("build_info", "This program", self.build.clone());
    }
}
