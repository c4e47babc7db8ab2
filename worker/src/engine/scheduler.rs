//! Which rows the next forward pass computes: one for each decoding sequence, then prefill in the order of arrival, up to the budget.
//! Pure: plans and bookkeeping, no tensor, no clock, no channel.
//!
//! Invariants: `running` is in the order of admission and only its last sequence may be partly prefilled, so equal prompts and the
//! candidates of one score find each other's tokens in the cache; a sequence with rows in a plan holds its slots until it is released;
//! when slots run out the newest goes back to the head of the queue, so the oldest always advances.

use std::collections::VecDeque;

use super::batch::{Batch, Row};
use super::cache::Cache;
use super::sampler::NotFinite;
use super::sequence::{Outcome, Sequence, SequenceId};

#[derive(Debug)]
pub(super) struct Scheduler {
    cache: Cache,
    waiting: VecDeque<Sequence>,
    running: Vec<Sequence>,
    max_rows: usize,
    /// The longest sequence that is computed as short ones are; None: all are computed alike.
    short_context: Option<usize>,
}

/// One forward pass, and whose it is.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) batch: Batch,
    /// Of each span.
    pub(super) owners: Vec<SequenceId>,
    /// Of each row read.
    pub(super) readers: Vec<SequenceId>,
    /// Sequences that run for the first time.
    pub(super) admitted: Vec<Admission>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Admission {
    pub(super) id: SequenceId,
    /// Tokens found in the cache, hence not computed.
    pub(super) cached: usize,
}

impl Scheduler {
    /// A scheduler for `slots` tokens and passes of at most `max_rows` rows.
    pub(super) fn new(slots: usize, max_rows: usize, short_context: Option<usize>) -> Self {
        let (waiting, running) = (VecDeque::new(), Vec::new());
        Self { cache: Cache::new(slots), waiting, running, max_rows: max_rows.max(1), short_context }
    }

    /// Queues a sequence that has rows to compute and fits the cache when alone.
    pub(super) fn submit(&mut self, sequence: Sequence) {
        self.waiting.push_back(sequence);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Running and waiting.
    pub(super) fn sequences(&self) -> usize {
        self.waiting.len() + self.running.len()
    }

    pub(super) fn cached_tokens(&self) -> usize {
        self.cache.tokens()
    }

    /// Empty only when idle.
    pub(super) fn plan(&mut self) -> Plan {
        let mut plan = Plan::default();
        let mut index = 0;
        while plan.batch.rows() < self.max_rows {
            if index == self.running.len() && !self.admit(&mut plan) {
                break;
            }
            let rows = self.rows(index, self.max_rows - plan.batch.rows());
            if rows.is_empty() {
                self.preempt_newest();
                break;
            }
            self.add(index, &rows, &mut plan);
            if self.running[index].remaining() > 0 {
                break;
            }
            index += 1;
        }
        plan
    }

    /// Gives a reader its logits. Readers of a plan are told in its order, each row once.
    pub(super) fn read(&mut self, id: SequenceId, logits: &[f32]) -> Option<Result<Outcome, NotFinite>> {
        let index = self.running.iter().position(|sequence| sequence.id == id)?;
        let outcome = self.running[index].read(logits).transpose();
        if outcome.is_some() || self.running[index].has_outgrown(self.short_context) {
            let mut sequence = self.running.remove(index);
            sequence.leave(&mut self.cache);
            if outcome.is_none() {
                // Once in its life: it is computed again from its first token.
                self.waiting.push_front(sequence);
            }
        }
        outcome
    }

    /// Forgets the sequences of a call, wherever they are.
    pub(super) fn cancel(&mut self, call: u64) {
        self.waiting.retain(|sequence| sequence.id.call != call);
        let cache = &mut self.cache;
        self.running.retain_mut(|sequence| {
            let stays = sequence.id.call != call;
            if !stays {
                sequence.leave(cache);
            }
            stays
        });
    }

    /// Forgets every sequence and everything cached.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.running.clear();
        self.cache.clear();
    }

    /// Ends every running call and forgets what is cached: a pass failed, so its slots hold nothing valid. Returns the calls.
    pub(super) fn fail_running(&mut self) -> Vec<u64> {
        let mut calls: Vec<u64> = self.running.iter().map(|sequence| sequence.id.call).collect();
        calls.dedup();
        for call in &calls {
            self.cancel(*call);
        }
        self.cache.clear();
        calls
    }

    /// Starts the head of the queue if there is room for all its tokens; else it, and those behind it, go on waiting.
    fn admit(&mut self, plan: &mut Plan) -> bool {
        if self.running.len() >= self.max_rows {
            return false;
        }
        let Some(mut sequence) = self.waiting.pop_front() else { return false };
        let cached = sequence.admit(&mut self.cache, self.short_context);
        let missing = sequence.end() + sequence.growth() - sequence.slots().len();
        if missing > self.cache.available() && !self.running.is_empty() {
            sequence.leave(&mut self.cache);
            self.waiting.push_front(sequence);
            return false;
        }
        if !sequence.admitted_before {
            sequence.admitted_before = true;
            plan.admitted.push(Admission { id: sequence.id, cached });
        }
        self.running.push(sequence);
        true
    }

    /// Up to `room` next rows of a running sequence. When slots run out, newer sequences, which have no rows in this pass yet, give way.
    fn rows(&mut self, index: usize, room: usize) -> Vec<Row> {
        let count = self.running[index].remaining().min(room);
        let mut rows = Vec::with_capacity(count);
        while rows.len() < count {
            match self.running[index].next_row(&mut self.cache) {
                Some(row) => rows.push(row),
                None if index + 1 < self.running.len() => self.preempt_newest(),
                None => break,
            }
        }
        rows
    }

    fn preempt_newest(&mut self) {
        if let Some(mut sequence) = self.running.pop() {
            sequence.leave(&mut self.cache);
            self.waiting.push_front(sequence);
        }
    }

    fn add(&mut self, index: usize, rows: &[Row], plan: &mut Plan) {
        let sequence = &self.running[index];
        let end = sequence.scheduled();
        plan.batch.push_part(sequence.length(), end - rows.len(), sequence.slots()[..end].to_vec(), rows);
        plan.owners.push(sequence.id);
        plan.readers.extend(rows.iter().filter(|row| row.read).map(|_| sequence.id));
    }
}

#[cfg(test)]
mod tests;
