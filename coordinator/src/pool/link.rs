//! One worker's channel, how the calls to it have gone, and how many are under way. Counts; decides nothing.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use specfuse_runtime::discovery::Listed;
use tokio::sync::Notify;

use crate::client::WorkerClient;

#[derive(Debug)]
pub(crate) struct Link {
    pub(super) listed: Listed,
    pub(super) client: WorkerClient,
    calls: AtomicU32,
    /// Calls in a row that failed for reasons of the worker's own.
    failures: AtomicU32,
    /// How often it was ejected: what calls begun before the last time come to, counts for nothing.
    era: AtomicU32,
    /// A call has gone wrong: the probe should look.
    pub(super) suspected: Notify,
}

/// A call under way, counted for as long as it is held.
#[derive(Debug)]
pub(crate) struct Calling {
    link: Arc<Link>,
    era: u32,
}

impl Link {
    pub(super) fn new(listed: Listed, client: WorkerClient) -> Self {
        let (calls, failures, era) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        Self { listed, client, calls, failures, era, suspected: Notify::new() }
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
        Calling { link: Arc::clone(self), era: self.era.load(Ordering::Relaxed) }
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// It is ejected: when it is back, so many failures are held against it until a call is answered.
    pub(super) fn on_probation(&self, failures: u32) {
        self.era.fetch_add(1, Ordering::Relaxed);
        self.failures.store(failures, Ordering::Relaxed);
    }
}

impl Calling {
    pub(crate) fn client(&self) -> WorkerClient {
        self.link.client.clone()
    }

    pub(crate) fn answered(&self) {
        if self.is_of_this_era() {
            self.link.failures.store(0, Ordering::Relaxed);
        }
    }

    /// It failed for a reason of the worker's own.
    pub(crate) fn failed(&self) {
        if self.is_of_this_era() {
            self.link.failures.fetch_add(1, Ordering::Relaxed);
        }
        self.suspect();
    }

    /// Nothing is held against it, but it may hang.
    pub(crate) fn suspect(&self) {
        self.link.suspected.notify_one();
    }

    fn is_of_this_era(&self) -> bool {
        self.era == self.link.era.load(Ordering::Relaxed)
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.link.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
