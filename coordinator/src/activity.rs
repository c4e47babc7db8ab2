//! What the last minute saw, for who watches the cluster: answers, tokens, members per round. Counts of whole seconds, in a ring.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

/// How far back it goes.
pub(crate) const SECONDS: u64 = 60;

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<Mutex<Ring>>);

#[derive(Debug)]
struct Ring {
    since: Instant,
    /// Second s of those since then is at s % SECONDS.
    seconds: Vec<Second>,
}

#[derive(Clone, Debug, Default)]
struct Second {
    number: u64,
    counts: Counts,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) answers: u64,
    /// Of winning segments.
    pub(crate) tokens: u64,
    pub(crate) rounds: u64,
    /// Sum over the rounds of the members active in them.
    pub(crate) member_rounds: u64,
    pub(crate) members: BTreeMap<Arc<str>, MemberCounts>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MemberCounts {
    pub(crate) drafted_tokens: u64,
    pub(crate) scored_tokens: u64,
    pub(crate) segments_won: u64,
}

impl Counts {
    fn add(&mut self, more: &Self) {
        self.answers += more.answers;
        self.tokens += more.tokens;
        self.rounds += more.rounds;
        self.member_rounds += more.member_rounds;
        for (member, more) in &more.members {
            let counts = self.members.entry(Arc::clone(member)).or_default();
            counts.drafted_tokens += more.drafted_tokens;
            counts.scored_tokens += more.scored_tokens;
            counts.segments_won += more.segments_won;
        }
    }
}

impl Activity {
    pub(crate) fn new() -> Self {
        let seconds = (0..SECONDS).map(|_| Second::default()).collect();
        Self(Arc::new(Mutex::new(Ring { since: Instant::now(), seconds })))
    }

    pub(crate) fn count(&self, counts: &Counts) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count(counts, Instant::now());
    }

    /// One more finished answer.
    pub(crate) fn answered(&self) {
        self.count(&Counts { answers: 1, ..Counts::default() });
    }

    /// Of the last [`SECONDS`], the one under way included.
    pub(crate) fn recent(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).recent(Instant::now())
    }
}

impl Ring {
    fn now(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.since).as_secs()
    }

    fn count(&mut self, counts: &Counts, now: Instant) {
        let number = self.now(now);
        let place = usize::try_from(number % SECONDS).unwrap_or_default();
        let Some(second) = self.seconds.get_mut(place) else { return };
        if second.number != number {
            *second = Second { number, counts: Counts::default() };
        }
        second.counts.add(counts);
    }

    fn recent(&self, now: Instant) -> Counts {
        let now = self.now(now);
        let mut recent = Counts::default();
        for second in self.seconds.iter().filter(|second| second.number + SECONDS > now) {
            recent.add(&second.counts);
        }
        recent
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_minute_later_it_is_forgotten() {
        let since = Instant::now();
        let at = |seconds| since + Duration::from_secs(seconds);
        let mut ring = Ring { since, seconds: vec![Second::default(); 60] };
        let won = MemberCounts { drafted_tokens: 7, scored_tokens: 9, segments_won: 1 };
        let counts = Counts { answers: 1, tokens: 7, rounds: 1, member_rounds: 3, members: [("a".into(), won)].into() };
        ring.count(&counts, at(0));
        ring.count(&counts, at(59));
        assert_eq!((ring.recent(at(59)).answers, ring.recent(at(59)).members["a"].drafted_tokens), (2, 14));
        assert_eq!(ring.recent(at(60)), counts);
        ring.count(&counts, at(60));
        assert_eq!(ring.recent(at(60)).tokens, 14);
        assert_eq!(ring.recent(at(1000)), Counts::default());
    }
}
