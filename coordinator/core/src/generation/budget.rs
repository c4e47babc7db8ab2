//! How many calls are left, and what follows: fewer members, and in the end one call for all that is left to write.

use super::{Exit, Generation, LONGEST_DRAFT};
use crate::policy::{RankRule, Voters};

impl Generation {
    /// L of the round to come (section 4): the segment's, or, where the budget has one more call and one member is left to make it,
    /// the rest of the answer.
    pub(super) fn next_segment_tokens(&self, members: usize) -> u32 {
        let is_last_call = members == 1 && self.calls_left().is_some_and(|left| left <= 1);
        let longest = if is_last_call { LONGEST_DRAFT } else { self.policy.segment_tokens.get() };
        longest.min(self.transcript.tokens_left())
    }

    /// Sends away, lowest quality first, those with whom a round and one more call would be over the budget.
    pub(super) fn dismiss_unaffordable(&mut self) -> Vec<Exit> {
        let Some(left) = self.calls_left() else { return Vec::new() };
        let exits = self.roster.unaffordable(|members| self.most_calls(members).saturating_add(1) <= left as usize);
        self.roster.dismiss(&exits);
        exits
    }

    /// None: without end.
    fn calls_left(&self) -> Option<u32> {
        Some(self.policy.budget?.get().saturating_sub(self.calls))
    }

    /// Calls that a round of so many members may take.
    fn most_calls(&self, members: usize) -> usize {
        let scorers = match (self.policy.rank, self.policy.voters) {
            _ if members == 1 => 0,
            (RankRule::Author | RankRule::Majority | RankRule::Gather, _) => 0,
            (RankRule::Cross | RankRule::Blend { .. }, Voters::First) => 1,
            (RankRule::Cross | RankRule::Blend { .. }, Voters::Everyone | Voters::Others) => members,
        };
        members.saturating_add(scorers)
    }
}
