//! A round of another generation, decided as this one would: the drafts and the text are the other's, qualities, weights and
//! memberships this one's own.

use super::{Action, DraftOutcome, Ending, Event, Generation, Phase, Request, Round, ScoreOutcome};
use crate::{candidate::Candidate, member::MemberIndex};

/// What a round of another generation comes to.
#[derive(Debug)]
pub(crate) enum Held {
    /// No round: the generation fails before its first one.
    Failed,
    Decided {
        round: Box<Round>,
        /// The generation would end here.
        ending: Option<Ending>,
    },
    /// It wants scores that there are not.
    NoScores,
    /// None of its members drafted.
    NoDrafts,
}

impl Generation {
    /// One that holds no rounds of its own.
    pub(crate) fn another(request: Request) -> Self {
        let (generation, _) = Self::start(request);
        Self { phase: Phase::Done, calls: 0, ..generation }
    }

    /// Holds the round that the other generation has just opened. Members whose outcome is not among `drafts` have no part in it, and
    /// are back for the next one. None from `score`: it is not known what this member thinks of these candidates.
    pub(crate) fn hold(
        &mut self,
        other: &Self,
        drafts: &[(MemberIndex, DraftOutcome)],
        score: impl Fn(MemberIndex, &[Candidate]) -> Option<ScoreOutcome>,
    ) -> Held {
        let absent = self.roster.part_with(|member| !drafts.iter().any(|(drafter, _)| *drafter == member));
        self.transcript = other.transcript.clone();
        self.decided = other.decided;
        self.round = other.round.saturating_sub(1);
        let held = if self.roster.members().is_empty() { Held::NoDrafts } else { self.decide(drafts, score) };
        self.roster.seat_again(absent);
        held
    }

    fn decide(
        &mut self,
        drafts: &[(MemberIndex, DraftOutcome)],
        score: impl Fn(MemberIndex, &[Candidate]) -> Option<ScoreOutcome>,
    ) -> Held {
        self.open_round();
        let round = self.round;
        let mut actions = Vec::new();
        for (member, outcome) in drafts {
            actions.extend(self.step(Event::Drafted { round, member: *member, outcome: outcome.clone() }));
        }
        let scored = |action: &Action| match action {
            Action::Score { member, candidates, .. } => Some((*member, score(*member, candidates))),
            Action::Draft { .. } | Action::Emit(_) | Action::Finish(_) => None,
        };
        for (member, outcome) in actions.iter().filter_map(scored).collect::<Vec<_>>() {
            let Some(outcome) = outcome else { return self.leave_open() };
            actions.extend(self.step(Event::Scored { round, member, outcome }));
        }
        self.came_to(actions)
    }

    /// Nobody wins, and nobody is judged.
    fn leave_open(&mut self) -> Held {
        self.phase = Phase::Done;
        let struck = self.roster.departures(&[], &self.policy);
        self.roster.dismiss(&struck);
        Held::NoScores
    }

    fn came_to(&mut self, actions: Vec<Action>) -> Held {
        let (mut held, mut ending) = (None, None);
        for action in actions {
            match action {
                Action::Emit(round) => held = Some(round),
                Action::Finish(finish) => ending = Some(finish.ending),
                // Of the next round, which will be opened again.
                Action::Draft { .. } => self.calls = self.calls.saturating_sub(1),
                Action::Score { .. } => {}
            }
        }
        match (held, ending) {
            (Some(round), ending) => Held::Decided { round, ending },
            (None, Some(_)) => Held::Failed,
            (None, None) => Held::NoDrafts,
        }
    }
}
