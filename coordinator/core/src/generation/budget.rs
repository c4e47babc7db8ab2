//! How many calls are left, and what follows: fewer members, and in the end one call for all that is left to write.

use super::{Exit, Generation, LONGEST_DRAFT};
use crate::{
    member::MemberIndex,
    policy::{RankRule, Voters},
};

impl Generation {
    /// Whether the round to come drafts all that is left: because answers are drafted whole, or because the budget has no more calls
    /// than that takes, and one member is left to make them.
    pub(super) fn is_whole(&self, members: usize) -> bool {
        self.policy.whole || (members == 1 && self.calls_left().is_some_and(|left| left <= self.calls_for_the_rest()))
    }

    /// Sends away, lowest quality first, those with whom a round, and then the rest of the answer drafted at once, would be over the
    /// budget. `min_members` does not hold them.
    pub(super) fn dismiss_unaffordable(&mut self) -> Vec<Exit> {
        let Some(left) = self.calls_left() else { return Vec::new() };
        let rest = self.calls_for_the_rest();
        let affordable = |members| self.most_calls(members).saturating_add(rest as usize) <= left as usize;
        let exits = self.roster.unaffordable(affordable);
        self.roster.dismiss(&exits);
        exits
    }

    /// Where one member drafts as much as a call may.
    fn calls_for_the_rest(&self) -> u32 {
        self.transcript.tokens_left().div_ceil(LONGEST_DRAFT)
    }

    /// Takes back those who could go on, as far as the budget has calls for them, one at least; and who had stayed and has to leave for
    /// one that is better.
    pub(super) fn recall(&mut self) -> (Vec<MemberIndex>, Vec<Exit>) {
        let mut recalled = self.roster.recall();
        let is_back = |exit: &Exit| recalled.contains(&exit.member);
        let (gone_again, left): (Vec<Exit>, Vec<Exit>) = self.dismiss_unaffordable().into_iter().partition(is_back);
        recalled.retain(|member| !gone_again.iter().any(|exit| exit.member == *member));
        (recalled, left)
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
