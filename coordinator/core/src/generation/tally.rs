//! Waiting for one outcome from each member: the first one counts, others change nothing.

use crate::member::MemberIndex;

#[derive(Debug)]
pub(super) struct Tally<T> {
    slots: Vec<(MemberIndex, Option<T>)>,
}

impl<T> Tally<T> {
    pub(super) fn new(members: Vec<MemberIndex>) -> Self {
        Self { slots: members.into_iter().map(|member| (member, None)).collect() }
    }

    /// Everyone's outcome, in the order of the members, once this was the last one missing.
    pub(super) fn record(&mut self, member: MemberIndex, outcome: T) -> Option<Vec<(MemberIndex, T)>> {
        let (_, slot) = self.slots.iter_mut().find(|(waiting, slot)| *waiting == member && slot.is_none())?;
        *slot = Some(outcome);
        if self.slots.iter().any(|(_, slot)| slot.is_none()) {
            return None;
        }
        let slots = std::mem::take(&mut self.slots);
        Some(slots.into_iter().filter_map(|(member, outcome)| Some((member, outcome?))).collect())
    }

    /// Whether at least so many outcomes are such, while others are missing.
    pub(super) fn has(&self, quorum: usize, counts: impl Fn(&T) -> bool) -> bool {
        let such = self.slots.iter().filter(|(_, outcome)| outcome.as_ref().is_some_and(&counts)).count();
        such >= quorum && self.slots.iter().any(|(_, outcome)| outcome.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_outcome_of_each_counts_and_their_order_does_not() {
        let (first, second) = (MemberIndex(0), MemberIndex(2));
        let mut tally = Tally::new(vec![first, second]);
        assert_eq!(tally.record(second, 'a'), None);
        assert_eq!(tally.record(second, 'b'), None);
        assert_eq!(tally.record(MemberIndex(1), 'c'), None);
        assert_eq!(tally.record(first, 'd'), Some(vec![(first, 'd'), (second, 'a')]));
        assert_eq!(tally.record(first, 'e'), None);
    }

    #[test]
    fn a_quorum_is_there_once_enough_have_such_an_outcome_and_others_have_none() {
        let (first, second) = (MemberIndex(0), MemberIndex(2));
        let mut tally = Tally::new(vec![first, second]);
        assert!(!tally.has(1, |_| true));
        tally.record(second, 'a');
        assert!(tally.has(1, |_| true) && !tally.has(2, |_| true) && !tally.has(1, |it| *it == 'b'));
        tally.record(first, 'b');
        assert!(!tally.has(1, |_| true), "nobody is missing");
    }
}
