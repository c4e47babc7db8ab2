//! What one API key may ask for, and how much of it is left. Holds no key.
//!
//! Requests and generations are counted when one begins. Tokens are known only when they are written: they are charged
//! then, beyond what is left if need be, and the next request waits for the debt to be refilled.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

const MINUTE: Duration = Duration::from_secs(60);

/// None: unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) requests_per_minute: Option<NonZeroU32>,
    pub(crate) max_generations: Option<NonZeroU32>,
    pub(crate) tokens_per_minute: Option<NonZeroU32>,
}

/// The limits of one key and what is used of them.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    requests: Option<DefaultDirectRateLimiter<StateInformationMiddleware>>,
    generations: Option<Arc<Semaphore>>,
    tokens: Option<Mutex<Budget>>,
}

/// What the key may run at once, less those of a request, for as long as this is held. None where that is not limited.
#[derive(Debug)]
pub(crate) struct Allowance {
    _running: Option<OwnedSemaphorePermit>,
    /// Requests that may follow at once.
    requests_left: Option<u32>,
}

/// Of a limit by the minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) allowed: NonZeroU32,
    pub(crate) left: u32,
    /// Until all of it is there again.
    pub(crate) refilled: Duration,
}

/// None: not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Standings {
    pub(crate) requests: Option<Standing>,
    pub(crate) tokens: Option<Standing>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverLimit {
    #[error("this API key may start {allowed} requests a minute; try again in {after:.1?}")]
    Requests { allowed: NonZeroU32, after: Duration },
    #[error("this API key may run {allowed} generations at once, and they run or wait; try again later")]
    Generations { allowed: NonZeroU32 },
    #[error("{asked} answers are asked for at once, of which this API key may run {allowed}")]
    TooMany { asked: NonZeroU32, allowed: NonZeroU32 },
    #[error("this API key may have {allowed} tokens a minute and has had more; try again in {after:.1?}")]
    Tokens { allowed: NonZeroU32, after: Duration },
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            requests: limits
                .requests_per_minute
                .map(|allowed| RateLimiter::direct(Quota::per_minute(allowed)).with_middleware()),
            generations: limits.max_generations.map(|allowed| Arc::new(Semaphore::new(allowed.get() as usize))),
            tokens: limits.tokens_per_minute.map(|allowed| Mutex::new(Budget::full(allowed, Instant::now()))),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Counts one request of so many generations, unless a limit forbids it. The rate comes last: what the others refuse is not
    /// counted.
    pub(crate) fn allow(&self, generations: NonZeroU32) -> Result<Allowance, OverLimit> {
        if let (Some(allowed), Some(after)) = (self.limits.tokens_per_minute, self.debt()) {
            return Err(OverLimit::Tokens { allowed, after });
        }
        let running = match (self.limits.max_generations, &self.generations) {
            (Some(allowed), Some(_)) if generations > allowed => {
                return Err(OverLimit::TooMany { asked: generations, allowed });
            }
            (Some(allowed), Some(permits)) => {
                let permit = Arc::clone(permits).try_acquire_many_owned(generations.get());
                Some(permit.map_err(|_| OverLimit::Generations { allowed })?)
            }
            _ => None,
        };
        let requests_left = match (self.limits.requests_per_minute, &self.requests) {
            (Some(allowed), Some(requests)) => {
                let state = requests.check().map_err(|not_until| {
                    let after = not_until.wait_time_from(DefaultClock::default().now());
                    OverLimit::Requests { allowed, after }
                })?;
                Some(state.remaining_burst_capacity())
            }
            _ => None,
        };
        Ok(Allowance { _running: running, requests_left })
    }

    pub(crate) fn charge(&self, tokens: u32) {
        if let Some(budget) = &self.tokens {
            budget.lock().unwrap_or_else(PoisonError::into_inner).charge(tokens, Instant::now());
        }
    }

    /// Where the limits stand, for a request that left so many more.
    pub(crate) fn standings(&self, allowance: &Allowance) -> Standings {
        self.standings_with(allowance.requests_left)
    }

    /// Where they stand for one that was refused.
    pub(crate) fn standings_of_refused(&self, refused: &OverLimit) -> Standings {
        let left = matches!(refused, OverLimit::Requests { .. }).then_some(0);
        self.standings_with(left)
    }

    fn standings_with(&self, requests_left: Option<u32>) -> Standings {
        let requests = self.limits.requests_per_minute.zip(requests_left);
        let requests = requests.map(|(allowed, left)| {
            let used = f64::from(allowed.get().saturating_sub(left));
            Standing { allowed, left, refilled: MINUTE.mul_f64(used / f64::from(allowed.get())) }
        });
        let tokens = self.limits.tokens_per_minute.zip(self.tokens.as_ref()).map(|(allowed, budget)| {
            let mut budget = budget.lock().unwrap_or_else(PoisonError::into_inner);
            budget.standing(allowed, Instant::now())
        });
        Standings { requests, tokens }
    }

    fn debt(&self) -> Option<Duration> {
        self.tokens.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).debt(Instant::now())
    }
}

/// Tokens that refill steadily, up to those of one minute, and may be owed.
#[derive(Debug)]
struct Budget {
    /// Tokens.
    full: f64,
    /// Tokens; negative: owed.
    left: f64,
    at: Instant,
}

impl Budget {
    fn full(per_minute: NonZeroU32, now: Instant) -> Self {
        let full = f64::from(per_minute.get());
        Self { full, left: full, at: now }
    }

    fn charge(&mut self, tokens: u32, now: Instant) {
        self.refill(now);
        self.left -= f64::from(tokens);
    }

    /// How long until there is a token again; None: there is one.
    fn debt(&mut self, now: Instant) -> Option<Duration> {
        self.refill(now);
        (self.left < 1.0).then(|| Duration::from_secs_f64((1.0 - self.left) / self.full * 60.0))
    }

    fn standing(&mut self, allowed: NonZeroU32, now: Instant) -> Standing {
        self.refill(now);
        let refilled = MINUTE.mul_f64((self.full - self.left) / self.full);
        Standing { allowed, left: self.left.max(0.0) as u32, refilled }
    }

    fn refill(&mut self, now: Instant) {
        let refilled = now.saturating_duration_since(self.at).as_secs_f64() / 60.0 * self.full;
        self.left = (self.left + refilled).min(self.full);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(change: impl Fn(&mut Limits)) -> Meter {
        let mut limits = Limits::default();
        change(&mut limits);
        Meter::new(limits)
    }

    #[test]
    fn a_key_without_limits_is_never_refused() {
        let meter = meter(|_| {});
        meter.charge(u32::MAX);
        let held: Vec<_> = (0..1000).map(|_| meter.allow(NonZeroU32::MIN).unwrap()).collect();
        assert_eq!(held.len(), 1000);
    }

    #[test]
    fn requests_of_a_minute_may_come_at_once_and_then_at_the_rate() {
        let meter = meter(|limits| limits.requests_per_minute = NonZeroU32::new(3));
        for _ in 0..3 {
            meter.allow(NonZeroU32::MIN).unwrap();
        }
        let Err(OverLimit::Requests { after, .. }) = meter.allow(NonZeroU32::MIN) else { panic!("a fourth") };
        assert!(after > Duration::from_secs(15) && after <= Duration::from_secs(20), "{after:?}");
    }

    #[test]
    fn a_generation_that_ends_makes_room_and_one_that_is_refused_counts_for_nothing() {
        let meter = meter(|limits| {
            limits.max_generations = NonZeroU32::new(1);
            limits.requests_per_minute = NonZeroU32::new(2);
        });
        let first = meter.allow(NonZeroU32::MIN).unwrap();
        for _ in 0..10 {
            assert!(matches!(meter.allow(NonZeroU32::MIN), Err(OverLimit::Generations { .. })));
        }
        drop(first);
        drop(meter.allow(NonZeroU32::MIN).unwrap());
        assert!(matches!(meter.allow(NonZeroU32::MIN), Err(OverLimit::Requests { .. })));
        assert_eq!(meter.generations.as_ref().unwrap().available_permits(), 1);
    }

    #[test]
    fn a_key_that_has_had_too_many_tokens_waits() {
        let meter = meter(|limits| limits.tokens_per_minute = NonZeroU32::new(60));
        meter.charge(40);
        meter.allow(NonZeroU32::MIN).unwrap();
        meter.charge(600);
        let Err(OverLimit::Tokens { after, .. }) = meter.allow(NonZeroU32::MIN) else { panic!("more than there is") };
        assert!(after > Duration::from_secs(570) && after <= Duration::from_secs(581), "{after:?}");
    }

    #[test]
    fn tokens_are_owed_and_refilled_but_no_more_than_a_minutes_are_saved() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut budget = Budget::full(NonZeroU32::new(60).unwrap(), begun);
        budget.charge(59, begun);
        assert_eq!(budget.debt(begun), None);
        budget.charge(30, begun);
        assert_eq!(budget.debt(begun), Some(Duration::from_secs(30)));
        assert_eq!(budget.debt(at(10)), Some(Duration::from_secs(20)));
        assert_eq!(budget.debt(at(30)), None);
        budget.charge(60, at(3600));
        assert_eq!(budget.debt(at(3600)), Some(Duration::from_secs(1)));
    }
}
