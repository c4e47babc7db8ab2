//! Trying again for ever: how long to wait, and when there is something to tell.

use std::time::Duration;

use super::connector::EtcdError;
use crate::message::chain;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// What is kept up, such as "registration", and how that goes.
#[derive(Debug)]
pub(super) struct Attempts {
    what: &'static str,
    /// Since it was up, or since the start.
    failures: u32,
    is_told: bool,
}

impl Attempts {
    pub(super) fn at(what: &'static str) -> Self {
        Self { what, failures: 0, is_told: false }
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        tracing::info!("the {} at etcd is up", self.what);
        self.is_told = false;
    }

    /// How long to wait before the next attempt.
    pub(super) fn failed(&mut self, error: &EtcdError) -> Duration {
        let error = chain(error);
        if std::mem::replace(&mut self.is_told, true) {
            tracing::debug!(error, "the {} at etcd is still down", self.what);
        } else {
            tracing::warn!(error, "the {} at etcd is down, and is tried again", self.what);
        }
        let longest = delay(self.failures);
        self.failures = self.failures.saturating_add(1);
        // Many lose the same etcd at once, and should not all come back at once.
        longest.mul_f64(rand::random_range(0.5..=1.0))
    }
}

fn delay(failures: u32) -> Duration {
    FIRST_DELAY.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_bound_and_begins_anew_after_a_success() {
        let millis: Vec<_> =
            [0, 1, 2, 4, 5, 31, u32::MAX].iter().map(|failures| delay(*failures).as_millis()).collect();
        assert_eq!(millis, [200, 400, 800, 3200, 5000, 5000, 5000]);
        let mut attempts = Attempts::at("test");
        for longest in [200, 400, 800].map(Duration::from_millis) {
            let wait = attempts.failed(&EtcdError::LeaseLapsed);
            assert!(longest / 2 <= wait && wait <= longest, "{wait:?} {longest:?}");
        }
        attempts.succeeded();
        assert!(attempts.failed(&EtcdError::LeaseLapsed) <= FIRST_DELAY);
    }
}
