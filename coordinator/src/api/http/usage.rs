//! What the choices of a request cost together.

use specfuse_proto::v1 as proto;

use super::types::{MemberUsage, Usage, UsageExtension};

#[derive(Debug, Default)]
pub(super) struct Tally {
    usage: Usage,
    /// Sum over the rounds of the members active in them.
    member_rounds: f64,
}

impl Tally {
    /// `counts_prompt`: of one choice of each prompt.
    pub(super) fn add(&mut self, told: proto::Usage, counts_prompt: bool) {
        let usage = &mut self.usage;
        usage.prompt_tokens += if counts_prompt { u64::from(told.prompt_tokens) } else { 0 };
        usage.completion_tokens += u64::from(told.completion_tokens);
        usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
        let ours = &mut usage.specfuse;
        ours.rounds += u64::from(told.rounds);
        ours.draft_calls += u64::from(told.draft_calls);
        ours.score_calls += u64::from(told.score_calls);
        ours.scored_rounds += u64::from(told.scored_rounds);
        ours.gated_rounds += u64::from(told.gated_rounds);
        self.member_rounds += told.members_per_round * f64::from(told.rounds);
        ours.members_per_round = if ours.rounds == 0 { 0.0 } else { self.member_rounds / ours.rounds as f64 };
        for member in told.members {
            add_member(ours, member);
        }
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage.clone()
    }
}

fn add_member(ours: &mut UsageExtension, told: proto::MemberUsage) {
    let place = ours.members.iter().position(|known| known.member == told.member).unwrap_or_else(|| {
        ours.members.push(MemberUsage { member: told.member.clone(), ..MemberUsage::default() });
        ours.members.len() - 1
    });
    let Some(member) = ours.members.get_mut(place) else { return };
    member.segments_won += u64::from(told.segments_won);
    member.bytes_won += u64::from(told.bytes_won);
    member.drafted_tokens += u64::from(told.drafted_tokens);
    member.scored_tokens += told.scored_tokens;
    member.tokens_computed += told.tokens_computed;
    member.tokens_cached += told.tokens_cached;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_added_and_their_prompt_counts_once() {
        let member = |won| proto::MemberUsage { member: "a".to_owned(), segments_won: won, ..Default::default() };
        let told = |rounds, members_per_round| proto::Usage {
            prompt_tokens: 7,
            completion_tokens: 10,
            rounds,
            members_per_round,
            members: vec![member(rounds)],
            ..Default::default()
        };
        let mut tally = Tally::default();
        tally.add(told(1, 3.0), true);
        tally.add(told(3, 1.0), false);
        let usage = tally.usage();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (7, 20, 27));
        assert_eq!((usage.specfuse.rounds, usage.specfuse.members_per_round), (4, 1.5));
        assert_eq!((usage.specfuse.members.len(), usage.specfuse.members[0].segments_won), (1, 4));
    }
}
