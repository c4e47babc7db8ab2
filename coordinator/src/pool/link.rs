//! One worker's channel, how the calls to it have gone, and how many are under way. Counts; decides nothing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use specfuse_runtime::discovery::Listed;
use tokio::sync::Notify;

use crate::client::{CallError, WorkerClient};

#[derive(Debug)]
pub(crate) struct Link {
    pub(super) listed: Listed,
    pub(super) client: WorkerClient,
    calls: AtomicU32,
    /// Calls in a row that failed for reasons of the worker's own.
    failures: AtomicU32,
    /// A call has been answered since it was last asked for.
    answered: AtomicBool,
    /// A call has gone wrong: the probe should look.
    pub(super) suspected: Notify,
}

/// A call under way, counted for as long as it is held.
#[derive(Debug)]
pub(crate) struct Calling(Arc<Link>);

impl Link {
    pub(super) fn new(listed: Listed, client: WorkerClient) -> Self {
        Self {
            listed,
            client,
            calls: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            answered: AtomicBool::new(false),
            suspected: Notify::new(),
        }
    }

    /// As configured, or as the worker advertises it.
    pub(crate) fn url(&self) -> &str {
        &self.listed.address
    }

    /// Calls of this coordinator that are under way.
    pub(crate) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn call(self: &Arc<Self>) -> Calling {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Calling(Arc::clone(self))
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Forgets the failures, and tells whether a call was answered since the last time.
    pub(super) fn forgive(&self) -> bool {
        self.failures.store(0, Ordering::Relaxed);
        self.answered.swap(false, Ordering::Relaxed)
    }

    /// Others did not wait for it: it may hang.
    pub(crate) fn suspect(&self) {
        self.suspected.notify_one();
    }
}

impl Calling {
    pub(crate) fn client(&self) -> WorkerClient {
        self.0.client.clone()
    }

    pub(crate) fn link(&self) -> &Link {
        &self.0
    }

    /// Tells how the call ended.
    pub(crate) fn ended<T>(&self, outcome: &Result<T, CallError>) {
        match outcome {
            Err(
                CallError::Late { .. } | CallError::Unreachable(_) | CallError::Broken(_) | CallError::Malformed(_),
            ) => {
                self.0.failures.fetch_add(1, Ordering::Relaxed);
                self.0.suspect();
            }
            Ok(_)
            | Err(CallError::Busy(_) | CallError::ContextFull(_) | CallError::Refused(_) | CallError::Invalid(_)) => {
                self.0.failures.store(0, Ordering::Relaxed);
                self.0.answered.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
