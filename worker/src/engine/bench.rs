//! The engine's loop without its thread, one step at a time: for timing. Contexts can be held without being computed.

use std::time::{Duration, Instant};

use super::batch::Batch;
use super::sampler::NotFinite;
use super::scheduler::{Plan, Scheduler};
use super::sequence::{Sequence, SequenceId};
use super::{DraftJob, ScoreSequence};
use crate::model::{ForwardError, KvStore, Model};

pub(crate) struct Bench<'a> {
    model: &'a Model,
    store: KvStore,
    scheduler: Scheduler,
    next: u64,
    computed: u64,
    cached: u64,
}

/// One step: what was computed, and how long it took from plan to outcomes.
pub(crate) struct Stepped {
    pub(crate) took: Duration,
    pub(crate) batch: Batch,
}

/// A step cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The engine did not plan what it was given.
    #[error("the scheduler planned no row")]
    Unplanned,
    #[error("the model computed a logit that is not a finite number")]
    NotFinite,
    #[error("the forward pass failed")]
    Forward(#[from] ForwardError),
}

impl<'a> Bench<'a> {
    /// Room for `slots` tokens, all of it written once, as keys of held contexts would have been.
    pub(crate) fn new(model: &'a Model, slots: usize) -> Result<Self, ForwardError> {
        let mut store = model.store(slots)?;
        store.fill();
        let scheduler = Scheduler::new(slots, usize::MAX, model.short_context());
        Ok(Self { model, store, scheduler, next: 0, computed: 0, cached: 0 })
    }

    /// Forgets all sequences and what is cached.
    pub(crate) fn clear(&mut self) {
        self.scheduler.clear();
    }

    pub(crate) fn draft(&mut self, job: DraftJob) {
        let id = self.id(0);
        self.scheduler.submit(Sequence::draft(id, job));
        self.next += 1;
    }

    pub(crate) fn score(&mut self, candidates: impl Iterator<Item = ScoreSequence>) {
        for (index, candidate) in candidates.enumerate() {
            let id = self.id(index);
            self.scheduler.submit(Sequence::score(id, candidate, [].into()));
        }
        self.next += 1;
    }

    fn id(&self, index: usize) -> SequenceId {
        SequenceId { call: self.next, index }
    }

    /// Plans all prefills and takes them as done: a logit of 1 for some token, no forward pass.
    pub(crate) fn hold(&mut self) -> Result<(), StepError> {
        let plan = self.plan()?;
        let mut logits = vec![0f32; self.model.info.vocab_size];
        let count = logits.len().max(1);
        for (index, reader) in plan.readers.iter().enumerate() {
            let token = index * 7 % count;
            logits[token] = 1.0;
            _ = self.scheduler.read(*reader, &logits);
            logits[token] = 0.0;
        }
        Ok(())
    }

    /// One real step of all sequences.
    pub(crate) fn step(&mut self) -> Result<Stepped, StepError> {
        let from = Instant::now();
        let plan = self.plan()?;
        let (scheduler, mut readers, mut finite) = (&mut self.scheduler, plan.readers.iter(), true);
        let read = |logits: &[f32]| {
            let outcome = readers.next().and_then(|reader| scheduler.read(*reader, logits));
            finite &= !matches!(outcome, Some(Err(NotFinite)));
        };
        self.model.forward_each(&plan.batch, &mut self.store, read)?;
        if !finite {
            return Err(StepError::NotFinite);
        }
        let took = from.elapsed();
        self.computed += plan.batch.rows() as u64;
        self.cached += plan.admitted.iter().map(|admission| admission.cached as u64).sum::<u64>();
        Ok(Stepped { took, batch: plan.batch })
    }

    /// Tokens that steps computed, and tokens that they found in the cache.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.computed, self.cached)
    }

    fn plan(&mut self) -> Result<Plan, StepError> {
        let plan = self.scheduler.plan();
        if plan.batch.rows() == 0 { Err(StepError::Unplanned) } else { Ok(plan) }
    }
}
