//! What the engine is doing, for whoever asks from another thread: the engine's thread writes, all others read.

use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// A moment of the engine (the contract's `Load`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Being computed or waiting to be.
    pub live_sequences: u32,
    /// Calls that wait for their first forward pass.
    pub waiting_calls: u32,
    /// Forward passes since the start.
    pub engine_steps: u64,
    /// Of which the cache holds keys and values.
    pub cached_tokens: u64,
}

#[derive(Debug)]
pub(super) struct Counters {
    /// Calls that the engine's thread has not taken yet, each of one sequence or more.
    queued: AtomicU32,
    sequences: AtomicU32,
    steps: AtomicU64,
    cached_tokens: AtomicU64,
    /// Since then `pass_since` counts.
    since: Instant,
    /// When the pass under way began, in milliseconds from 1 on; 0: there is none.
    pass_since: AtomicU64,
    /// Of passes: seconds and rows.
    took: Histogram,
    rows: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            queued: AtomicU32::new(0),
            sequences: AtomicU32::new(0),
            steps: AtomicU64::new(0),
            cached_tokens: AtomicU64::new(0),
            since: Instant::now(),
            pass_since: AtomicU64::new(0),
            // 0.25 ms to 16 s, and 1 to 32 Ki.
            took: Histogram::new(exponential_buckets(0.00025, 2.0, 17)),
            rows: Histogram::new(exponential_buckets(1.0, 2.0, 16)),
        }
    }
}

impl Counters {
    /// Before a pass and after it, so that an engine with nothing to do has said so before it waits.
    pub(super) fn publish(&self, sequences: usize, cached_tokens: usize) {
        self.sequences.store(u32::try_from(sequences).unwrap_or(u32::MAX), Relaxed);
        self.cached_tokens.store(cached_tokens as u64, Relaxed);
    }

    /// Before a call is sent, so that it is never taken uncounted.
    pub(super) fn queue(&self) {
        self.queued.fetch_add(1, Relaxed);
    }

    /// After its sequences are published: whoever sees that it waits no more sees those.
    pub(super) fn take(&self) {
        self.queued.fetch_sub(1, Release);
    }

    pub(super) fn pass_begins(&self) {
        self.pass_since.store(self.millis() + 1, Relaxed);
    }

    pub(super) fn pass_ends(&self, took: Duration, rows: usize) {
        self.pass_since.store(0, Relaxed);
        self.steps.fetch_add(1, Relaxed);
        self.took.observe(took.as_secs_f64());
        self.rows.observe(rows as f64);
    }

    /// That have ended.
    pub(super) fn passes(&self) -> u64 {
        self.steps.load(Relaxed)
    }

    pub(super) fn passing(&self) -> Option<Duration> {
        let began = self.pass_since.load(Relaxed).checked_sub(1)?;
        Some(Duration::from_millis(self.millis().saturating_sub(began)))
    }

    pub(super) fn steps(&self) -> (Histogram, Histogram) {
        (self.took.clone(), self.rows.clone())
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    pub(super) fn load(&self, waiting_calls: usize) -> Load {
        // Before the sequences: a call that is taken in between counts twice rather than not at all.
        let queued = self.queued.load(Acquire);
        Load {
            live_sequences: self.sequences.load(Relaxed).saturating_add(queued),
            waiting_calls: u32::try_from(waiting_calls).unwrap_or(u32::MAX),
            engine_steps: self.steps.load(Relaxed),
            cached_tokens: self.cached_tokens.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_from_when_it_is_sent_until_its_last_sequence_has_ended() {
        let counters = Counters::default();
        let live = || counters.load(0).live_sequences;
        counters.queue();
        assert_eq!(live(), 1);
        counters.publish(3, 0);
        assert!(live() >= 1);
        counters.take();
        assert_eq!(live(), 3);
        counters.publish(0, 0);
        assert_eq!(live(), 0);
    }
}
