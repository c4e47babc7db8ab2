//! A round that came to nothing: held again where that may help, else the end of the answer.

use std::sync::Arc;

use super::{Action, DecidedBy, DraftOutcome, Ending, Exit, Failure, Generation, Round};
use crate::member::MemberIndex;

/// Rounds in a row that may decide nothing because members failed.
pub(super) const MOST_UNDECIDED: u32 = 3;

impl Generation {
    /// Too few drafts, or nothing but void ones. Where members failed, the round is held again by those who are left, and where
    /// they are the trouble by those who had left; else, and where nobody is there, it is the last. It is reported too, for its
    /// exits, and because an answer that fails keeps the text held back; but where an answer fails before it has begun, its
    /// failure says it all.
    pub(super) fn close_undecided(
        &mut self,
        drafts: Vec<(MemberIndex, DraftOutcome)>,
        mut exits: Vec<Exit>,
    ) -> Vec<Action> {
        let ending = self.ending_without_decision(&drafts);
        let has_failed = matches!(ending, Ending::Failed(_));
        if has_failed && self.decided == 0 {
            return vec![self.finish(ending)];
        }
        let (active, quality) = (self.roster.members(), self.roster.quality());
        let struck = self.roster.departures(&[], &self.policy);
        self.roster.dismiss(&struck);
        exits.extend(struck);
        self.undecided = self.undecided.saturating_add(1);
        let may_help = has_failed || any(&drafts, &DraftOutcome::Failed);
        let may_try = may_help && self.undecided < MOST_UNDECIDED;
        let (recalled, unaffordable) = if may_try && has_failed { self.recall() } else { (Vec::new(), Vec::new()) };
        exits.extend(unaffordable);
        let again = may_try && !self.roster.members().is_empty();
        let round = Round {
            number: self.round,
            active,
            accepted: self.transcript.accepted(),
            released: if has_failed && !again { self.transcript.release_rest() } else { String::new() },
            drafts,
            candidates: Arc::default(),
            scores: Vec::new(),
            winner: 0,
            decided_by: DecidedBy::Nothing,
            scoring: None,
            quality,
            exits,
            recalled,
        };
        let rest = if again { self.open_round() } else { vec![self.finish(ending)] };
        std::iter::once(Action::Emit(Box::new(round))).chain(rest).collect()
    }

    /// As many drafts as the round needs, void or not.
    pub(super) fn is_quorum(&self, drafts: &[(MemberIndex, DraftOutcome)]) -> bool {
        let answered = drafts.iter().filter(|(_, outcome)| outcome.draft().is_some()).count();
        answered > 0 && answered >= self.policy.quorum.get().min(self.roster.members().len())
    }

    /// Nothing to choose from: all drafts are void, or there are too few and the reason is the caller's to know.
    fn ending_without_decision(&self, drafts: &[(MemberIndex, DraftOutcome)]) -> Ending {
        if self.is_quorum(drafts) {
            Ending::Length
        } else if drafts.iter().any(|(_, outcome)| outcome.draft().is_some()) {
            Ending::Failed(Failure::NoQuorum)
        } else if any(drafts, &DraftOutcome::Failed) {
            Ending::Failed(Failure::Unavailable)
        } else if any(drafts, &DraftOutcome::ContextFull) {
            let has_begun = !self.transcript.accepted().is_empty();
            Ending::Failed(if has_begun { Failure::ContextFull } else { Failure::PromptTooLong })
        } else {
            Ending::Failed(Failure::Refused)
        }
    }
}

fn any(drafts: &[(MemberIndex, DraftOutcome)], wanted: &DraftOutcome) -> bool {
    drafts.iter().any(|(_, outcome)| outcome == wanted)
}
