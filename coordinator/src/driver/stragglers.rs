//! How long those who have answered wait for those who have not. Whether they may go on without them is the generation's to say.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(super) struct Stragglers {
    grace: Duration,
    /// The phase under way may take as long as its calls may.
    is_patient: bool,
    /// When the wait is over; None while nobody waits.
    until: Option<Instant>,
    /// Ends the calls of the phase under way.
    overdue: CancellationToken,
}

impl Stragglers {
    pub(super) fn new(grace: Duration) -> Self {
        Self { grace, is_patient: false, until: None, overdue: CancellationToken::new() }
    }

    /// A new phase: its calls end early when this token says so.
    pub(super) fn next_phase(&mut self, is_patient: bool) {
        self.is_patient = is_patient;
        self.until = None;
        self.overdue = CancellationToken::new();
    }

    pub(super) fn overdue(&self) -> CancellationToken {
        self.overdue.clone()
    }

    /// The wait begins when the quorum is in.
    pub(super) fn wait(&mut self, has_quorum: bool) {
        if has_quorum && !self.is_patient && self.until.is_none() {
            self.until = Some(Instant::now() + self.grace);
        }
    }

    /// Completes when the wait is over, and has then ended the calls. Cancel safe.
    pub(super) async fn over(&self) {
        match self.until {
            Some(until) if !self.overdue.is_cancelled() => tokio::time::sleep_until(until).await,
            Some(_) | None => std::future::pending().await,
        }
        self.overdue.cancel();
    }
}
