//! How long what passes is waited for: a coordinator that is busy, and one that is away or has lost its members.

use std::{error::Error, time::Duration};

use tokio::time::Instant;
use tonic::{Code, Status};

use crate::stream::StreamError;

/// How long a busy coordinator is asked again, and one that is away.
const BUSY: Duration = Duration::from_secs(600);
const AWAY: Duration = Duration::from_secs(120);
/// Where a busy one does not say when to come back; and the longest that it may say.
const COME_BACK: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The first wait for one that is away; it doubles, up to so much.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(15);
/// The trailer in which a busy one says so: milliseconds, negative for never.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Of one question.
#[derive(Debug)]
pub(super) struct Patience {
    begun: Instant,
    backoff: Duration,
}

impl Patience {
    pub(super) fn new(now: Instant) -> Self {
        Self { begun: now, backoff: FIRST_WAIT }
    }

    /// How long to wait before asking again; None: it does not pass, or not in time. No two who wait come back together.
    pub(super) fn wait(&mut self, error: &StreamError, now: Instant) -> Option<Duration> {
        let busy = match error {
            StreamError::Refused(status) if status.code() == Code::ResourceExhausted => Some(status),
            StreamError::Refused(_)
            | StreamError::Connect { .. }
            | StreamError::Unfinished
            | StreamError::NoCoordinator { .. }
            | StreamError::NoGrpc { .. }
            | StreamError::Record(_)
            | StreamError::Output(_) => None,
        };
        let (wait, patience) = match busy {
            Some(status) => (come_back(status)?.mul_f64(rand::random_range(1.0..1.25)), BUSY),
            None if is_away(error) => {
                let wait = self.backoff.mul_f64(rand::random_range(0.5..1.0));
                self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
                (wait, AWAY)
            }
            None => return None,
        };
        (now + wait < self.begun + patience).then_some(wait)
    }
}

fn is_away(error: &StreamError) -> bool {
    match error {
        // A connection that is cut is no status of the coordinator's.
        StreamError::Refused(status) => status.code() == Code::Unavailable || status.source().is_some(),
        StreamError::Connect { .. } | StreamError::Unfinished => true,
        StreamError::NoCoordinator { .. }
        | StreamError::NoGrpc { .. }
        | StreamError::Record(_)
        | StreamError::Output(_) => false,
    }
}

/// None: not at all.
fn come_back(status: &Status) -> Option<Duration> {
    let Some(told) = status.metadata().get(PUSHBACK) else { return Some(COME_BACK) };
    let milliseconds: i64 = told.to_str().ok()?.parse().ok()?;
    u64::try_from(milliseconds).ok().map(|wait| Duration::from_millis(wait).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataMap;

    use super::*;

    fn refused(status: Status) -> StreamError {
        StreamError::Refused(Box::new(status))
    }

    #[test]
    fn a_busy_coordinator_says_when_to_come_back_and_may_say_never() {
        let wait = |told: Option<&'static str>| {
            let mut metadata = MetadataMap::new();
            if let Some(told) = told {
                metadata.insert(PUSHBACK, told.parse().unwrap());
            }
            come_back(&Status::with_metadata(Code::ResourceExhausted, "busy", metadata))
        };
        assert_eq!(wait(None), Some(COME_BACK));
        assert_eq!(wait(Some("250")), Some(Duration::from_millis(250)));
        assert_eq!(wait(Some("3600000")), Some(LONGEST_WAIT));
        assert_eq!((wait(Some("-1")), wait(Some("soon"))), (None, None));
    }

    #[test]
    fn one_that_is_away_is_waited_for_longer_and_longer_but_not_without_end() {
        let begun = Instant::now();
        let mut patience = Patience::new(begun);
        let mut waited = Duration::ZERO;
        while let Some(wait) = patience.wait(&refused(Status::unavailable("no member is left")), begun + waited) {
            assert!(wait <= LONGEST_BACKOFF && wait >= FIRST_WAIT / 2, "{wait:?}");
            waited += wait;
        }
        assert!(waited > AWAY - LONGEST_BACKOFF && waited < AWAY, "{waited:?}");
        let reset = || Status::from_error(Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
        assert!(Patience::new(begun).wait(&refused(reset()), begun).is_some());
    }

    #[test]
    fn what_does_not_pass_is_not_waited_for() {
        let now = Instant::now();
        for status in [Status::invalid_argument("no"), Status::deadline_exceeded("late"), Status::internal("bug")] {
            assert_eq!(Patience::new(now).wait(&refused(status), now), None);
        }
    }
}
