//! One worker's probe: asks for its health and its description, again and again, and publishes what it hears. Never ends by itself.
//!
//! - ready: again after 2 s, or 0.2 s after a call that went wrong
//! - unreachable: again after 0.2 s, doubling to 5 s, each with jitter
//! - ejected: a worker that is ready but failed its last three calls is unreachable for 1 s, with jitter; then it is looked at, and
//!   is on probation: its next failure ejects it for twice as long, up to 60 s, until a call is answered

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{Cluster, Link, State};
use crate::client::{CallError, Description};

const AGAIN_WHEN_READY: Duration = Duration::from_secs(2);
const AGAIN_WHEN_SUSPECTED: Duration = Duration::from_millis(200);
const UNREACHABLE: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(5) };
const EJECTED: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) };
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
const FAILURES_TO_EJECT: u32 = 3;

struct Backoff {
    first: Duration,
    longest: Duration,
}

/// Where one worker's state is published, and read by calls.
pub(super) struct Board {
    link: Arc<Link>,
    publish: Arc<watch::Sender<Arc<Cluster>>>,
}

pub(super) async fn run(board: Board) {
    let link = Arc::clone(&board.link);
    let (mut failures, mut ejections) = (0, 0);
    loop {
        ejections = match link.failures() {
            0 => 0,
            1..FAILURES_TO_EJECT => ejections,
            FAILURES_TO_EJECT.. => ejections + 1,
        };
        if link.failures() >= FAILURES_TO_EJECT {
            link.on_probation(FAILURES_TO_EJECT - 1);
            board.lost(format!("its last {FAILURES_TO_EJECT} calls failed"));
            tokio::time::sleep(EJECTED.pause(ejections, jitter())).await;
        }
        if look(&board).await {
            failures = 0;
            // A worker that is unreachable is not hurried: no call goes to it.
            tokio::select! {
                () = tokio::time::sleep(AGAIN_WHEN_READY) => {}
                () = link.suspected.notified() => tokio::time::sleep(AGAIN_WHEN_SUSPECTED).await,
            }
        } else {
            failures += 1;
            tokio::time::sleep(UNREACHABLE.pause(failures, jitter())).await;
        }
    }
}

/// Publishes what the worker says now; true when calls may go to it.
async fn look(board: &Board) -> bool {
    let error = match ask(&board.link).await {
        Ok(description) => {
            board.set(State::Ready(Arc::new(description)));
            return true;
        }
        Err(CallError::Late { .. }) => format!("it did not say within {PROBE_TIMEOUT:?} how it is"),
        Err(CallError::Unreachable(error)) => error,
        Err(
            error @ (CallError::Busy(_)
            | CallError::ContextFull(_)
            | CallError::Refused(_)
            | CallError::Invalid(_)
            | CallError::Broken(_)
            | CallError::Malformed(_)),
        ) => error.to_string(),
    };
    board.lost(error);
    false
}

/// Usable is who says it is serving, and describes itself as it is registered.
async fn ask(link: &Link) -> Result<Description, CallError> {
    link.client.serving(PROBE_TIMEOUT, link.listed.record.is_some()).await?;
    let description = link.client.describe(PROBE_TIMEOUT).await?;
    if let Some(record) = &link.listed.record {
        description.matches(record)?;
    }
    Ok(description)
}

fn jitter() -> f64 {
    rand::random_range(0.5..1.0)
}

impl Board {
    pub(super) fn new(link: Arc<Link>, publish: Arc<watch::Sender<Arc<Cluster>>>) -> Self {
        Self { link, publish }
    }

    fn lost(&self, error: String) {
        let last_known = self.state().as_ref().and_then(State::description).cloned();
        self.set(State::Unreachable { error, last_known });
    }

    fn set(&self, state: State) {
        let worker = self.link.url();
        match (&self.state(), &state) {
            (Some(State::Ready(_)), State::Ready(_)) | (Some(State::Unreachable { .. }), State::Unreachable { .. }) => {
                tracing::trace!(worker, "probed");
            }
            (_, State::Ready(told)) => tracing::info!(worker, model = %told.model, "worker is ready"),
            (_, State::Unreachable { error, .. }) => tracing::warn!(worker, error, "worker is unreachable"),
            (_, State::Connecting) => {}
        }
        self.publish.send_modify(|cluster| {
            // It may have left the list by now.
            if cluster.workers.iter().any(|worker| Arc::ptr_eq(&worker.link, &self.link)) {
                let workers = Arc::make_mut(cluster).workers.iter_mut();
                workers.filter(|worker| Arc::ptr_eq(&worker.link, &self.link)).for_each(|worker| {
                    worker.state = state.clone();
                });
            }
        });
    }

    fn state(&self) -> Option<State> {
        let cluster = self.publish.borrow();
        Some(cluster.workers.iter().find(|worker| Arc::ptr_eq(&worker.link, &self.link))?.state.clone())
    }
}

impl Backoff {
    /// The n-th time in a row waits `first · 2^(n-1)`, at most `longest`, times the jitter.
    fn pause(&self, times: u32, jitter: f64) -> Duration {
        let doublings = times.saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.longest).mul_f64(jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_its_limit() {
        let waits: Vec<u128> = (1..=7).map(|failures| UNREACHABLE.pause(failures, 1.0).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(UNREACHABLE.pause(u32::MAX, 0.5), Duration::from_millis(2500));
    }
}
