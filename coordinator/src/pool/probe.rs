//! One worker's probe: asks it to describe itself, again and again, and publishes what it says. Never ends before the stop.
//!
//! - ready: again after 5 s, or at once after a call that it did not answer
//! - unreachable: again after 0.2 s, doubling to 5 s, each with jitter
//! - ejected: a worker that describes itself but answered none of its last three calls in time is unreachable for 5 s

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use specfuse_runtime::shutdown::Shutdown;
use tokio::sync::watch;

use super::{Cluster, Link, State};
use crate::client::CallError;

const AGAIN_WHEN_READY: Duration = Duration::from_secs(5);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(3);
const LATE_CALLS_TO_EJECT: u32 = 3;

/// Where one worker's state is published.
pub(super) struct Board {
    pub(super) place: usize,
    pub(super) publish: Arc<watch::Sender<Arc<Cluster>>>,
}

pub(super) async fn run(link: Arc<Link>, board: Board, shutdown: Shutdown) {
    let rounds = async {
        let mut failures = 0;
        loop {
            let ready = look(&link, &board).await;
            failures = if ready { 0 } else { failures + 1 };
            let pause = if ready { AGAIN_WHEN_READY } else { backoff(failures, rand::random_range(0.5..1.0)) };
            if ready {
                // A worker that is unreachable is not hurried: no call goes to it.
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = link.suspected.notified() => {}
                }
            } else {
                tokio::time::sleep(pause).await;
            }
        }
    };
    tokio::select! {
        () = shutdown.begun() => {}
        () = rounds => {}
    }
}

/// Publishes what the worker says now; true when calls may go to it.
async fn look(link: &Link, board: &Board) -> bool {
    if link.late.load(Ordering::Relaxed) >= LATE_CALLS_TO_EJECT {
        board.lost(link, format!("its last {LATE_CALLS_TO_EJECT} calls were not answered in time"));
        tokio::time::sleep(LONGEST_BACKOFF).await;
        link.late.store(0, Ordering::Relaxed);
    }
    match link.client.describe(DESCRIBE_TIMEOUT).await {
        Ok(description) => {
            board.set(link, State::Ready(Arc::new(description)));
            true
        }
        Err(CallError::Late { .. }) => {
            board.lost(link, format!("it did not describe itself within {DESCRIBE_TIMEOUT:?}"));
            false
        }
        Err(CallError::Unreachable(error)) => {
            board.lost(link, error);
            false
        }
        Err(error) => {
            board.lost(link, error.to_string());
            false
        }
    }
}

impl Board {
    fn lost(&self, link: &Link, error: String) {
        let last_known = self.state().as_ref().and_then(State::description).cloned();
        self.set(link, State::Unreachable { error, last_known });
    }

    fn set(&self, link: &Link, state: State) {
        let before = self.state();
        match (&before, &state) {
            (Some(State::Ready(_)), State::Ready(_)) | (Some(State::Unreachable { .. }), State::Unreachable { .. }) => {
                tracing::trace!(worker = %link.url, "probed");
            }
            (_, State::Ready(told)) => tracing::info!(worker = %link.url, model = %told.model, "worker is ready"),
            (_, State::Unreachable { error, .. }) => {
                tracing::warn!(worker = %link.url, error, "worker is unreachable");
            }
            (_, State::Connecting) => {}
        }
        self.publish.send_modify(|cluster| {
            if let Some(worker) = Arc::make_mut(cluster).workers.get_mut(self.place) {
                worker.state = state;
            }
        });
    }

    fn state(&self) -> Option<State> {
        Some(self.publish.borrow().workers.get(self.place)?.state.clone())
    }
}

/// The n-th failure in a row waits `FIRST_BACKOFF · 2^(n-1)`, at most `LONGEST_BACKOFF`, times the jitter.
fn backoff(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF).mul_f64(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_its_limit() {
        let waits: Vec<u128> = (1..=7).map(|failures| backoff(failures, 1.0).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff(u32::MAX, 0.5), Duration::from_millis(2500));
    }
}
