//! Stopping: SIGTERM, SIGINT, a closed supervisor pipe or a failure of our own cancel one token; everything long-lived watches it.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Owns the long-lived tasks of a process.
#[derive(Clone, Debug)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
    grace: Duration,
}

/// Tasks were still running when the grace was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{tasks} tasks had not finished after {grace:?} and were cut")]
pub struct GraceExceeded {
    pub tasks: usize,
    pub grace: Duration,
}

impl Shutdown {
    /// `grace`: how long [`Shutdown::drain`] waits for tasks after the stop.
    pub fn new(grace: Duration) -> Self {
        Self { token: CancellationToken::new(), tasks: TaskTracker::new(), grace }
    }

    /// Begins the stop; calling it again changes nothing.
    pub fn begin(&self) {
        self.token.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Completes when the stop begins. Cancel safe.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Runs a long-lived task, which must end on its own soon after [`Shutdown::begun`].
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Begins the stop at the first SIGTERM or SIGINT.
    pub fn on_signal(&self) -> std::io::Result<()> {
        self.on(true)
    }

    /// Begins the stop at the first SIGTERM. SIGINT is heard and ignored: a Ctrl-C in the terminal that a supervisor shares
    /// with us reaches both, and is the supervisor's to act on.
    pub fn on_terminate(&self) -> std::io::Result<()> {
        self.on(false)
    }

    fn on(&self, interrupt_stops: bool) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let this = self.clone();
        self.spawn(async move {
            tokio::select! {
                _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
                _ = interrupt.recv(), if interrupt_stops => tracing::info!("SIGINT: stopping"),
                () = this.begun() => {}
            }
            this.begin();
        });
        Ok(())
    }

    /// Waits for every task, for at most the grace. Call it after the stop has begun.
    pub async fn drain(&self) -> Result<(), GraceExceeded> {
        self.tasks.close();
        match tokio::time::timeout(self.grace, self.tasks.wait()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(GraceExceeded { tasks: self.tasks.len(), grace: self.grace }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_in_time_is_waited_for() {
        let shutdown = Shutdown::new(Duration::from_secs(5));
        let inner = shutdown.clone();
        shutdown.spawn(async move { inner.begun().await });
        shutdown.begin();
        assert_eq!(shutdown.drain().await, Ok(()));
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_counted() {
        let grace = Duration::from_millis(20);
        let shutdown = Shutdown::new(grace);
        shutdown.spawn(std::future::pending());
        shutdown.begin();
        assert_eq!(shutdown.drain().await, Err(GraceExceeded { tasks: 1, grace }));
    }
}
