//! What is counted, for Prometheus. Ensembles and members are those of the configuration, reasons and outcomes a few words: however long
//! this runs, there are no more series than it was configured for. `series` declares them; `docs/metrics.md` lists them.

mod series;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use prometheus_client::encoding::text::encode;
use specfuse_core::generation::{DecidedBy, DraftOutcome, Ending, ScoreOutcome};
use specfuse_runtime::message::code_name;
use tonic::Code;

use self::series::{Member, MemberOf, Of, Series};
use crate::{
    admission::Counts,
    client::Work,
    config::Ensemble,
    driver::RoundReport,
    pool::{Cluster, State},
};

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    series: Series,
    /// Of all ensembles.
    members: BTreeSet<Arc<str>>,
}

/// What became of one call to a member, as the generation hears of it.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) member: Arc<str>,
    pub(crate) kind: CallKind,
    /// All tries together.
    pub(crate) took: Duration,
    /// Tokens drafted, or terms of scores.
    pub(crate) tokens: u64,
    pub(crate) work: Option<Work>,
    /// In one word, why nothing came of it.
    pub(crate) missed: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Draft,
    Score,
}

impl CallKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Score => "score",
        }
    }
}

/// What is known at the moment of asking.
pub(crate) struct Now {
    pub(crate) generations: Counts,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) last_sync: Option<Duration>,
}

impl Metrics {
    /// Whatever can be counted of these ensembles is there from the start, at 0: a rate needs the first count too.
    pub(crate) fn new(ensembles: &BTreeMap<String, Arc<Ensemble>>, max_generations: usize) -> Self {
        let series = Series::new();
        series.limit.set(clamped(max_generations));
        for ensemble in ensembles.values() {
            series.begin(&ensemble.name, &ensemble.members);
        }
        let members = ensembles.values().flat_map(|ensemble| ensemble.members.iter().cloned()).collect();
        Self(Arc::new(Counted { series, members }))
    }

    /// An HTTP response has begun.
    pub(crate) fn responded(&self, status: u16) {
        self.0.series.responses.get_or_create(&series::HttpStatus { status }).inc();
    }

    pub(crate) fn refused(&self, code: Code) {
        self.0.series.refused.get_or_create(&series::Reason { reason: code_name(code) }).inc();
    }

    pub(crate) fn begun(&self, ensemble: &Arc<str>) {
        self.0.series.begun.get_or_create(&of(ensemble)).inc();
    }

    pub(crate) fn called(&self, call: &Called) {
        let (series, member) = (&self.0.series, Member { member: Arc::clone(&call.member) });
        if let Some(reason) = call.missed {
            let labels = series::Missed { member: Arc::clone(&call.member), call: call.kind.name(), reason };
            series.missed.get_or_create(&labels).inc();
        }
        if let Some(work) = call.work {
            series.computed.get_or_create(&member).inc_by(work.tokens_computed.into());
            series.cached.get_or_create(&member).inc_by(work.tokens_cached.into());
            let (durations, tokens) = match call.kind {
                CallKind::Draft => (&series.draft, &series.drafted),
                CallKind::Score => (&series.score, &series.scored),
            };
            durations.get_or_create(&member).observe(call.took.as_secs_f64());
            tokens.get_or_create(&member).inc_by(call.tokens);
        }
    }

    /// `since_request`: of an answer's first round.
    pub(crate) fn round(&self, ensemble: &Arc<str>, report: &RoundReport, since_request: Option<Duration>) {
        let (series, round, of) = (&self.0.series, &report.round, of(ensemble));
        let decided_by = decided_by(round.decided_by);
        series.rounds.get_or_create(&series::Decided { ensemble: Arc::clone(ensemble), decided_by }).inc();
        series.tokens.get_or_create(&of).inc_by(report.winning_tokens().into());
        series.round.get_or_create(&of).observe((report.draft_time + report.score_time).as_secs_f64());
        series.round_members.get_or_create(&of).observe(round.active.len() as f64);
        if let Some(since) = since_request {
            series.first_segment.get_or_create(&of).observe(since.as_secs_f64());
        }
        let count = |family: &series::Counters<MemberOf>, member| {
            if let Some(seat) = report.seat(member) {
                let member = Arc::clone(&seat.model);
                family.get_or_create(&MemberOf { ensemble: Arc::clone(ensemble), member }).inc();
            }
        };
        report.winner().into_iter().for_each(|member| count(&series.wins, member));
        round.exits.iter().for_each(|exit| count(&series.exits, exit.member));
        let failed_drafts = round.drafts.iter().filter(|(_, outcome)| *outcome == DraftOutcome::Failed);
        failed_drafts.for_each(|(member, _)| count(&series.strikes, *member));
        // Who failed at the draft was not asked for a score: a round makes one strike.
        let failed_scores = round.scores.iter().filter(|(_, outcome)| *outcome == ScoreOutcome::Failed);
        failed_scores.for_each(|(member, _)| count(&series.strikes, *member));
    }

    /// `took`: since the request.
    pub(crate) fn answered(&self, ensemble: &Arc<str>, ending: Ending, took: Duration) {
        let outcome = match ending {
            Ending::Stop => "stop",
            Ending::Length => "length",
            // Told as an error.
            Ending::Failed(_) => return,
        };
        self.0.series.answers.get_or_create(&series::Outcome { ensemble: Arc::clone(ensemble), outcome }).inc();
        self.0.series.answer.get_or_create(&of(ensemble)).observe(took.as_secs_f64());
    }

    pub(crate) fn failed(&self, ensemble: &Arc<str>, code: Code) {
        let labels = series::Failed { ensemble: Arc::clone(ensemble), reason: code_name(code) };
        self.0.series.failed.get_or_create(&labels).inc();
    }

    /// Nobody read the answer to its end.
    pub(crate) fn left(&self, ensemble: &Arc<str>) {
        let outcome = "left";
        self.0.series.answers.get_or_create(&series::Outcome { ensemble: Arc::clone(ensemble), outcome }).inc();
    }

    /// In the text format of OpenMetrics.
    pub(crate) fn told(&self, now: &Now) -> Result<String, std::fmt::Error> {
        let series = &self.0.series;
        series.running.set(clamped(now.generations.running));
        series.waiting.set(clamped(now.generations.waiting));
        match now.last_sync {
            Some(age) => {
                series.last_sync.get_or_create(&[]).set(age.as_secs_f64());
            }
            None => series.last_sync.clear(),
        }
        let workers = &now.cluster.workers;
        for state in ["connecting", "ready", "unreachable"] {
            let count = workers.iter().filter(|worker| name_of(&worker.state) == state).count();
            series.workers.get_or_create(&series::Standing { state }).set(clamped(count));
        }
        for member in &self.0.members {
            let count = workers.iter().filter(|worker| worker.serves(member)).count();
            series.ready_workers.get_or_create(&Member { member: Arc::clone(member) }).set(clamped(count));
        }
        let mut text = String::new();
        encode(&mut text, &series.registry)?;
        Ok(text)
    }
}

fn of(ensemble: &Arc<str>) -> Of {
    Of { ensemble: Arc::clone(ensemble) }
}

fn clamped(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn decided_by(decided: DecidedBy) -> &'static str {
    match decided {
        DecidedBy::Nothing => "nothing",
        DecidedBy::Unopposed => "unopposed",
        DecidedBy::Scores => "scores",
        DecidedBy::Author => "author",
        DecidedBy::Blend => "blend",
        DecidedBy::Gate => "gate",
        DecidedBy::Majority => "majority",
    }
}

fn name_of(state: &State) -> &'static str {
    match state {
        State::Connecting => "connecting",
        State::Ready(_) => "ready",
        State::Unreachable { .. } => "unreachable",
    }
}
