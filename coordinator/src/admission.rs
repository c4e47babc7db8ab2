//! How many generations run, and whether another may start. Full is an answer, never a queue.

use std::{sync::Arc, time::Duration};

use specfuse_runtime::shutdown::Shutdown;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

#[derive(Clone, Debug)]
pub(crate) struct Admission {
    permits: Arc<Semaphore>,
    limit: usize,
    cut: CancellationToken,
    shutdown: Shutdown,
}

/// The right to run one generation, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Ticket {
    _permit: OwnedSemaphorePermit,
    cut: CancellationToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("{limit} generations are running, which is all this coordinator runs at once; try again later")]
    Full { limit: usize },
    #[error("this coordinator is stopping")]
    Stopping,
}

impl Admission {
    pub(crate) fn new(limit: usize, shutdown: Shutdown) -> Self {
        Self { permits: Arc::new(Semaphore::new(limit)), limit, cut: CancellationToken::new(), shutdown }
    }

    pub(crate) fn admit(&self) -> Result<Ticket, Denied> {
        if self.shutdown.has_begun() {
            return Err(Denied::Stopping);
        }
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => Ok(Ticket { _permit: permit, cut: self.cut.clone() }),
            Err(_) => Err(Denied::Full { limit: self.limit }),
        }
    }

    /// Waits until no generation runs, for at most the grace; then cuts the rest and says how many. Call it after the
    /// stop has begun: nothing is admitted any more.
    pub(crate) async fn drain(&self, grace: Duration) -> usize {
        let idle = async {
            while self.running() > 0 {
                let _ = self.permits.acquire_many(u32::try_from(self.limit).unwrap_or(u32::MAX)).await;
            }
        };
        if tokio::time::timeout(grace, idle).await.is_ok() {
            return 0;
        }
        let running = self.running();
        self.cut.cancel();
        running
    }

    fn running(&self) -> usize {
        self.limit.saturating_sub(self.permits.available_permits())
    }
}

impl Ticket {
    /// Completes when the generation has outlived the shutdown's grace. Cancel safe.
    pub(crate) async fn cut(&self) {
        self.cut.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn full_is_an_answer_and_a_dropped_ticket_makes_room() {
        let admission = Admission::new(1, Shutdown::new(Duration::ZERO));
        let ticket = admission.admit().unwrap();
        assert_eq!(admission.admit().unwrap_err(), Denied::Full { limit: 1 });
        drop(ticket);
        assert!(admission.admit().is_ok());
    }

    #[tokio::test]
    async fn the_drain_waits_for_running_generations_and_cuts_the_rest() {
        let shutdown = Shutdown::new(Duration::ZERO);
        let admission = Admission::new(3, shutdown.clone());
        let (first, second) = (admission.admit().unwrap(), admission.admit().unwrap());
        shutdown.begin();
        assert_eq!(admission.admit().unwrap_err(), Denied::Stopping);
        drop(first);
        assert_eq!(admission.drain(Duration::from_millis(20)).await, 1);
        second.cut().await;
        drop(second);
        assert_eq!(admission.drain(Duration::from_millis(20)).await, 0);
    }
}
