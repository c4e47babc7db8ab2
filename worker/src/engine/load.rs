//! What the engine is doing, for whoever asks from another thread: the engine's thread writes, all others read.

use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

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

#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Calls that the engine's thread has not taken yet, each of one sequence or more.
    queued: AtomicU32,
    sequences: AtomicU32,
    steps: AtomicU64,
    cached_tokens: AtomicU64,
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

    pub(super) fn count_step(&self) {
        self.steps.fetch_add(1, Relaxed);
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
