//! How many generations run, and how many requests wait for one to end. A full queue and a wait that is over are answers.
//!
//! Requests wait in the order of their arrival. One that is dropped leaves the queue; the stop refuses all that wait.

use std::{sync::Arc, time::Duration};

use specfuse_runtime::shutdown::Shutdown;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// A wait ends so long before the request's deadline: at the deadline itself the server's own timer answers CANCELLED.
const SPARE: Duration = Duration::from_millis(10);

/// What a coordinator takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
    pub(crate) max_wait: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Admission {
    bounds: Bounds,
    permits: Arc<Semaphore>,
    /// One permit for each request that may wait.
    places: Arc<Semaphore>,
    running: watch::Sender<usize>,
    cut: CancellationToken,
    shutdown: Shutdown,
}

/// The right to run one generation, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Ticket {
    _running: Running,
    _permit: OwnedSemaphorePermit,
    cut: CancellationToken,
}

#[derive(Debug)]
struct Running(watch::Sender<usize>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error(
        "{} generations are running and {} requests wait, which is all this coordinator takes; try again later",
        .0.running, .0.waiting
    )]
    Full(Bounds),
    #[error("there was no place among {} running generations within {:?}; try again later", .0.running, .0.max_wait)]
    Late(Bounds),
    #[error("the request's deadline passed before it could be started")]
    Expired,
    #[error("this coordinator is stopping")]
    Stopping,
}

impl Admission {
    pub(crate) fn new(bounds: Bounds, shutdown: Shutdown) -> Self {
        Self {
            bounds,
            permits: Arc::new(Semaphore::new(bounds.running)),
            places: Arc::new(Semaphore::new(bounds.waiting)),
            running: watch::Sender::new(0),
            cut: CancellationToken::new(),
            shutdown,
        }
    }

    /// Waits for a ticket: in order, for at most the longest wait, and not beyond the request's deadline. Cancel safe.
    pub(crate) async fn admit(&self, deadline: Option<Instant>) -> Result<Ticket, Denied> {
        if self.shutdown.has_begun() {
            return Err(Denied::Stopping);
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(Denied::Expired);
        }
        // This overtakes nobody: a permit that comes back goes to the first who waits.
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return self.ticket(permit);
        }
        let Ok(_place) = self.places.try_acquire() else { return Err(Denied::Full(self.bounds)) };
        tokio::select! {
            biased;
            ticket = self.follow() => ticket,
            denied = self.waited(deadline) => Err(denied),
        }
    }

    /// Waits for a ticket for one more answer of a request that was admitted: in order, as long as it takes. Cancel safe.
    pub(crate) async fn follow(&self) -> Result<Ticket, Denied> {
        tokio::select! {
            biased;
            () = self.shutdown.begun() => Err(Denied::Stopping),
            permit = Arc::clone(&self.permits).acquire_owned() => {
                permit.map_err(|_| Denied::Stopping).and_then(|permit| self.ticket(permit))
            }
        }
    }

    /// Whether new requests are taken.
    pub(crate) fn is_open(&self) -> bool {
        !self.shutdown.has_begun()
    }

    pub(crate) fn counts(&self) -> Counts {
        let waiting = self.bounds.waiting.saturating_sub(self.places.available_permits());
        Counts { running: *self.running.borrow(), waiting }
    }

    /// Waits until no generation runs, but not beyond `enough`; then cuts the rest. The error: how many, and what `enough`
    /// said. Call it after the stop has begun: nothing is admitted any more.
    pub(crate) async fn drain<T>(&self, enough: impl Future<Output = T>) -> Result<(), (usize, T)> {
        let mut running = self.running.subscribe();
        let why = tokio::select! {
            biased;
            _ = running.wait_for(|running| *running == 0) => return Ok(()),
            why = enough => why,
        };
        // Counted before they are cut: they end on other threads at once.
        let left = *self.running.borrow();
        self.cut.cancel();
        match left {
            0 => Ok(()),
            left => Err((left, why)),
        }
    }

    /// Counted first, then looked at the stop: either the drain sees the ticket, or the ticket sees the stop.
    fn ticket(&self, permit: OwnedSemaphorePermit) -> Result<Ticket, Denied> {
        self.running.send_modify(|running| *running += 1);
        let ticket = Ticket { _running: Running(self.running.clone()), _permit: permit, cut: self.cut.clone() };
        if self.shutdown.has_begun() { Err(Denied::Stopping) } else { Ok(ticket) }
    }

    async fn waited(&self, deadline: Option<Instant>) -> Denied {
        let longest = Instant::now() + self.bounds.max_wait;
        match deadline.map(|deadline| deadline.checked_sub(SPARE).unwrap_or(deadline)) {
            Some(deadline) if deadline < longest => {
                tokio::time::sleep_until(deadline).await;
                Denied::Expired
            }
            Some(_) | None => {
                tokio::time::sleep_until(longest).await;
                Denied::Late(self.bounds)
            }
        }
    }
}

impl Ticket {
    /// Completes when the generation has outlived the stop. Cancel safe.
    pub(crate) async fn cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running = running.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests;
