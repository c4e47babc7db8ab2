//! Stopping: SIGTERM, SIGINT, a closed supervisor pipe or a failure of our own cancel one token; everything long-lived watches
//! it. A second signal cancels another: whoever finishes what is running gives that up.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Owns the long-lived tasks of a process.
#[derive(Clone, Debug)]
pub struct Shutdown {
    begun: CancellationToken,
    hurried: CancellationToken,
    tasks: TaskTracker,
    /// Of those that wait for signals: nobody waits for them, a signal may come until the very end.
    listeners: TaskTracker,
    grace: Duration,
}

/// Tasks were cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    #[error("{tasks} tasks had not finished after {grace:?} and were cut")]
    Late { tasks: usize, grace: Duration },
    #[error("stopped at once by a second signal: {tasks} tasks were cut")]
    Hurried { tasks: usize },
}

impl Shutdown {
    /// `grace`: how long [`Shutdown::drain`] waits for tasks after the stop.
    pub fn new(grace: Duration) -> Self {
        let (begun, hurried) = (CancellationToken::new(), CancellationToken::new());
        Self { begun, hurried, tasks: TaskTracker::new(), listeners: TaskTracker::new(), grace }
    }

    /// Begins the stop; calling it again changes nothing.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Completes when the stop begins. Cancel safe.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Ends what a stop waits for; begins the stop if it has not begun.
    pub fn hurry(&self) {
        self.begun.cancel();
        self.hurried.cancel();
    }

    /// Completes when nothing is to be waited for any more: the process ends now, and says what it cut. Cancel safe.
    pub async fn hurried(&self) {
        self.hurried.cancelled().await;
    }

    /// Runs a long-lived task, which must end on its own soon after [`Shutdown::begun`].
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Begins the stop at the first SIGTERM or SIGINT, and hurries it at the second.
    pub fn on_signal(&self) -> std::io::Result<()> {
        self.on(true)
    }

    /// Begins the stop at the first SIGTERM, and hurries it at the second. SIGINT is heard and ignored: a Ctrl-C in the terminal
    /// that a supervisor shares with us reaches both, and is the supervisor's to act on.
    pub fn on_terminate(&self) -> std::io::Result<()> {
        self.on(false)
    }

    fn on(&self, interrupt_stops: bool) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let this = self.clone();
        self.listeners.spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv(), if interrupt_stops => "SIGINT",
                }
            };
            // Never awaited inside the macro: a level that is not logged would not wait.
            let signal = next().await;
            tracing::info!("{signal}: stopping");
            this.begin();
            let signal = next().await;
            tracing::warn!("{signal} again: stopping at once");
            this.hurry();
        });
        Ok(())
    }

    /// Waits for every task, for at most the grace. Call it after the stop has begun.
    pub async fn drain(&self) -> Result<(), Cut> {
        self.tasks.close();
        tokio::select! {
            biased;
            () = self.tasks.wait() => Ok(()),
            () = self.hurried() => Err(Cut::Hurried { tasks: self.tasks.len() }),
            () = tokio::time::sleep(self.grace) => Err(Cut::Late { tasks: self.tasks.len(), grace: self.grace }),
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
        assert_eq!(shutdown.drain().await, Err(Cut::Late { tasks: 1, grace }));
    }

    #[tokio::test]
    async fn a_hurried_stop_waits_for_nothing() {
        let shutdown = Shutdown::new(Duration::from_secs(60));
        shutdown.spawn(std::future::pending());
        shutdown.hurry();
        shutdown.begun().await;
        assert_eq!(shutdown.drain().await, Err(Cut::Hurried { tasks: 1 }));
    }
}
