//! The loop of the engine's thread: take calls, plan, compute, read, answer. Owns the model, the store and every call; the only place
//! where the plan meets the tensors. Blocks when there is nothing to do; never spins, never drops a call without an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;
use tracing::Span;

use super::EngineError;
use super::call::{Call, Job, Request};
use super::load::Counters;
use super::sampler::NotFinite;
use super::scheduler::{Plan, Scheduler};
use super::sequence::{Outcome, Sequence, SequenceId};
use crate::model::{KvStore, Model};

/// One pass of so many has a span in its calls' traces: a trace shows what passes are like, and the engine is not held up.
const SAMPLED: u64 = 16;
/// Other calls that such a span names.
const MAX_LINKS: usize = 16;

pub(super) struct Runner {
    model: Model,
    store: KvStore,
    scheduler: Scheduler,
    /// By number, in the order of arrival.
    calls: BTreeMap<u64, Call>,
    next_call: u64,
    jobs: Receiver<Job>,
    counters: Arc<Counters>,
}

impl Runner {
    pub(super) fn new(
        model: Model,
        store: KvStore,
        scheduler: Scheduler,
        jobs: Receiver<Job>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { model, store, scheduler, calls: BTreeMap::new(), next_call: 0, jobs, counters }
    }

    /// Ends when every handle to the engine is dropped.
    pub(super) fn run(mut self) {
        while self.receive() {
            self.drop_abandoned();
            self.publish();
            if !self.scheduler.is_idle() {
                self.step();
                self.publish();
            }
        }
    }

    fn publish(&self) {
        self.counters.publish(self.scheduler.sequences(), self.scheduler.cached_tokens());
    }

    /// Takes the calls that have come, waiting for one when there is no work. False: none can come any more.
    fn receive(&mut self) -> bool {
        if self.scheduler.is_idle() {
            let Some(job) = self.jobs.blocking_recv() else { return false };
            self.take(job);
        }
        loop {
            match self.jobs.try_recv() {
                Ok(job) => self.take(job),
                Err(TryRecvError::Empty) => return true,
                // Whoever waits for an answer holds a handle: with all of them gone, nobody does.
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn take(&mut self, job: Job) {
        self.start(job);
        self.publish();
        self.counters.take();
    }

    fn start(&mut self, job: Job) {
        let call = self.next_call;
        self.next_call += 1;
        let id = |index| SequenceId { call, index };
        let (arrived, span) = (job.arrived, job.span);
        let (mut entry, sequences) = match job.request {
            Request::Draft(draft, reply) => (Call::draft(reply, arrived, span), vec![Sequence::draft(id(0), draft)]),
            Request::Score(score, reply) => {
                let entry = Call::score(reply, score.candidates.len(), arrived, span);
                let sequence = |(index, candidate)| Sequence::score(id(index), candidate, score.end_of_turn.clone());
                (entry, score.candidates.into_iter().enumerate().map(sequence).collect())
            }
        };
        entry.keep_place(job.place);
        self.calls.insert(call, entry);
        for sequence in sequences {
            if sequence.is_empty() {
                self.complete(sequence.id, Outcome::Score { terms: Vec::new() });
            } else {
                self.scheduler.submit(sequence);
            }
        }
    }

    fn drop_abandoned(&mut self) {
        let scheduler = &mut self.scheduler;
        self.calls.retain(|number, call| {
            let stays = !call.is_abandoned();
            if !stays {
                scheduler.cancel(*number);
            }
            stays
        });
    }

    fn step(&mut self) {
        let plan = self.scheduler.plan();
        if plan.batch.rows() == 0 {
            return self.fail_all("no row could be planned");
        }
        let started = Instant::now();
        let span = self.span(&plan).entered();
        for admission in &plan.admitted {
            if let Some(call) = self.calls.get_mut(&admission.id.call) {
                call.admitted(admission.cached);
            }
        }
        for (owner, span) in plan.owners.iter().zip(&plan.batch.spans) {
            if let Some(call) = self.calls.get_mut(&owner.call) {
                call.computes(span.rows, started);
            }
        }
        let (scheduler, mut readers, mut ended) = (&mut self.scheduler, plan.readers.iter(), Vec::new());
        let read = |logits: &[f32]| {
            let Some(reader) = readers.next() else { return };
            ended.extend(scheduler.read(*reader, logits).map(|outcome| (*reader, outcome)));
        };
        self.counters.pass_begins();
        let computed = self.model.forward_each(&plan.batch, &mut self.store, read);
        self.counters.pass_ends(started.elapsed(), plan.batch.rows());
        drop(span);
        self.end(&plan, ended);
        if let Err(error) = computed {
            self.fail_running(&error.to_string());
        }
        tracing::trace!(rows = plan.batch.rows(), sequences = plan.owners.len(), took = ?started.elapsed(), "engine step");
    }

    /// Of a pass that has one: a child of the first call that it computes for, and linked to the others.
    fn span(&self, plan: &Plan) -> Span {
        if !self.counters.passes().is_multiple_of(SAMPLED) {
            return Span::none();
        }
        let owners: BTreeSet<u64> = plan.owners.iter().map(|owner| owner.call).collect();
        let mut calls = owners.iter().filter_map(|owner| self.calls.get(owner));
        let Some(first) = calls.next() else { return Span::none() };
        let (rows, sequences) = (plan.batch.rows(), plan.owners.len());
        let span = tracing::info_span!(parent: &first.span, "step", rows, sequences);
        for other in calls.take(MAX_LINKS) {
            span.follows_from(&other.span);
        }
        span
    }

    /// Answers the calls whose last sequence a pass brought to its end.
    fn end(&mut self, plan: &Plan, ended: Vec<(SequenceId, Result<Outcome, NotFinite>)>) {
        let now = Instant::now();
        for reader in &plan.readers {
            if let Some(call) = self.calls.get_mut(&reader.call) {
                call.has_read(now);
            }
        }
        for (id, outcome) in ended {
            match outcome {
                Ok(outcome) => self.complete(id, outcome),
                Err(NotFinite) => {
                    self.scheduler.cancel(id.call);
                    self.fail(id.call, EngineError::NotFinite);
                }
            }
        }
    }

    fn complete(&mut self, id: SequenceId, outcome: Outcome) {
        if !self.calls.get_mut(&id.call).is_some_and(|call| call.complete(id.index, &outcome)) {
            return;
        }
        if let Some(call) = self.calls.remove(&id.call) {
            call.answer(outcome, Instant::now());
        }
    }

    fn fail_running(&mut self, reason: &str) {
        tracing::error!(reason, "the forward pass failed");
        for call in self.scheduler.fail_running() {
            self.fail(call, EngineError::Model(reason.to_owned()));
        }
    }

    /// The scheduler promises that this does not happen; if it did, spinning would be worse.
    fn fail_all(&mut self, reason: &str) {
        tracing::error!(reason, "the scheduler made no progress");
        self.scheduler.clear();
        for (_, call) in std::mem::take(&mut self.calls) {
            call.fail(EngineError::Model(reason.to_owned()));
        }
    }

    fn fail(&mut self, call: u64, error: EngineError) {
        if let Some(call) = self.calls.remove(&call) {
            call.fail(error);
        }
    }
}
