//! A round whose drafts are wanted, and no winner: proposals for somebody else's answer.

use std::sync::Arc;

use super::{Action, DecidedBy, Drafted, Ending, Generation, Round};

impl Generation {
    /// Reports the drafts; the generation is then over.
    pub(super) fn close_gathered(&mut self, drafted: Drafted) -> Vec<Action> {
        let (active, quality) = (self.roster.members(), self.roster.quality());
        self.decided = self.decided.saturating_add(1);
        self.member_rounds = self.member_rounds.saturating_add(active.len() as u64);
        let round = Round {
            number: self.round,
            active,
            accepted: self.transcript.accepted(),
            released: String::new(),
            drafts: drafted.drafts,
            candidates: Arc::default(),
            scores: Vec::new(),
            winner: 0,
            decided_by: DecidedBy::Nothing,
            scoring: None,
            quality,
            exits: drafted.exits,
            recalled: Vec::new(),
        };
        vec![Action::Emit(Box::new(round)), self.finish(Ending::Stop)]
    }
}
