//! What the engine is doing, for whoever asks from another thread: the engine's thread writes, all others read.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

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

    pub(super) fn count_step(&self) {
        self.steps.fetch_add(1, Relaxed);
    }

    /// `queued`: calls that the engine's thread has not taken yet, each of one sequence or more.
    pub(super) fn load(&self, queued: usize, waiting_calls: usize) -> Load {
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Load {
            live_sequences: self.sequences.load(Relaxed).saturating_add(small(queued)),
            waiting_calls: small(waiting_calls),
            engine_steps: self.steps.load(Relaxed),
            cached_tokens: self.cached_tokens.load(Relaxed),
        }
    }
}
