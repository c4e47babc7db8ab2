//! The generations of a recording, driven by what it says that came of their calls.

use super::{
    Contradiction, Difference, Replayed, compare,
    script::{Scene, Script},
};
use crate::{
    generation::{self, Action, Ending, Event, Finish, Generation},
    member::MemberIndex,
    policy::RankRule,
    recording::{self, Call, Witness},
};

/// `watch` sees every generation when a round's drafts are about to be told to it.
pub(super) fn play(script: &Script<'_>, watch: impl FnMut(&Generation, &Scene<'_>)) -> Result<Replayed, Contradiction> {
    let rounds = script.rounds.len();
    match (Play { script, watch, at: 0 }).all() {
        Ok(None) => Ok(Replayed::Follows { rounds }),
        Ok(Some(ending)) => Ok(Replayed::FollowsToItsEnd { rounds, ending: ending.name() }),
        Err(Stop::Differs(difference)) => Ok(Replayed::Differs(difference)),
        Err(Stop::Contradiction(contradiction)) => Err(contradiction),
    }
}

struct Play<'a, W> {
    script: &'a Script<'a>,
    watch: W,
    /// Rounds played.
    at: usize,
}

enum Stop {
    Differs(Difference),
    Contradiction(Contradiction),
}

impl<W: FnMut(&Generation, &Scene<'_>)> Play<'_, W> {
    /// How its rounds end it, where no ending is recorded.
    fn all(mut self) -> Result<Option<Ending>, Stop> {
        let stages = self.script.recording.stages.len();
        for stage in 0..stages {
            let finish = self.stage(stage)?;
            let is_last = stage + 1 == stages;
            match finish {
                _ if is_last => return self.end(finish),
                Some(Finish { ending: Ending::Stop | Ending::Length, .. }) => {}
                // Only what others proposed can be made shorter, for those who are to read it.
                Some(_) | None if self.is_begun_again(stage) => {}
                Some(finish) => return Err(self.differs("stage", "another one", finish.ending.name())),
                None => return Err(self.differs("stage", "another one", "another round")),
            }
        }
        Ok(None)
    }

    /// None: its rounds end while it goes on.
    fn stage(&mut self, stage: usize) -> Result<Option<Finish>, Stop> {
        let script = self.script;
        let (mut generation, mut asked) = Generation::start(script.request(stage, self.round()));
        loop {
            if let [.., Action::Finish(finish)] = asked.as_slice() {
                return match script.rounds.get(self.at) {
                    Some(next) if next.recorded.stage == stage => {
                        self.at += 1;
                        Err(self.differs("round", "held", finish.ending.name()))
                    }
                    Some(_) | None => Ok(Some(finish.clone())),
                };
            }
            match script.rounds.get(self.at) {
                Some(scene) if scene.recorded.stage == stage => {
                    self.at += 1;
                    (self.watch)(&generation, scene);
                    asked = self.round_of(scene, &mut generation, &asked)?;
                }
                Some(_) | None => return Ok(None),
            }
        }
    }

    /// What is asked for after it.
    fn round_of(&self, scene: &Scene<'_>, generation: &mut Generation, asked: &[Action]) -> Result<Vec<Action>, Stop> {
        let round = scene.recorded.round;
        self.all_drafted(scene, asked)?;
        let mut actions = Vec::new();
        for (member, outcome) in &scene.drafts {
            actions.extend(generation.step(Event::Drafted { round, member: *member, outcome: outcome.clone() }));
        }
        let scorers = |action: &Action| match action {
            Action::Score { member, .. } => Some(*member),
            Action::Draft { .. } | Action::Emit(_) | Action::Finish(_) => None,
        };
        let scorers: Vec<MemberIndex> = actions.iter().filter_map(scorers).collect();
        let scored: Vec<MemberIndex> = scene.scores.iter().map(|(member, _)| *member).collect();
        if scorers != scored {
            return Err(self.differs("scorers", &self.names(&scored), &self.names(&scorers)));
        }
        for (member, outcome) in &scene.scores {
            actions.extend(generation.step(Event::Scored { round, member: *member, outcome: outcome.clone() }));
        }
        actions.retain(|action| !matches!(action, Action::Score { .. }));
        if !matches!(actions.first(), Some(Action::Emit(_))) {
            return Err(self.differs("round", "held", "failed before it"));
        }
        let rest = actions.split_off(1);
        if let Some(Action::Emit(again)) = actions.first()
            && let Some(difference) = compare::rounds(scene.recorded, &self.in_words(again))
        {
            return Err(Stop::Differs(difference));
        }
        Ok(rest)
    }

    /// Whoever was asked, and nobody else.
    fn all_drafted(&self, scene: &Scene<'_>, asked: &[Action]) -> Result<(), Stop> {
        let round = scene.recorded.round;
        let asked: Vec<MemberIndex> = asked
            .iter()
            .filter_map(|action| match action {
                Action::Draft { member, .. } => Some(*member),
                Action::Score { .. } | Action::Emit(_) | Action::Finish(_) => None,
            })
            .collect();
        let drafted = |member: &MemberIndex| scene.drafts.iter().any(|(drafter, _)| drafter == member);
        if let Some(member) = asked.iter().find(|member| !drafted(member)) {
            return Err(Stop::Contradiction(Contradiction::NoDraft { round, name: self.script.name(*member) }));
        }
        match scene.drafts.iter().find(|(member, _)| !asked.contains(member)) {
            Some((member, _)) => {
                Err(Stop::Contradiction(Contradiction::StrayDraft { round, name: self.script.name(*member) }))
            }
            None => Ok(()),
        }
    }

    /// A client can leave at any time, and an answer can fail until its rounds end it.
    fn end(&self, finish: Option<Finish>) -> Result<Option<Ending>, Stop> {
        let Some(recorded) = &self.script.recording.ending else {
            return Ok(finish.filter(|finish| self.ends(finish)).map(|finish| finish.ending));
        };
        if recorded.reason == "failed" {
            return self.fails(recorded, finish.as_ref()).map(|()| None);
        }
        let Some(finish) = finish else { return Err(self.differs("ending", &recorded.reason, "another round")) };
        let again = recording::Ending {
            reason: finish.ending.name().to_owned(),
            error: None,
            text: finish.released,
            completion_tokens: finish.completion_tokens,
            total_micros: 0,
        };
        compare::endings(self.round(), recorded, &again).map_or(Ok(None), |difference| Err(Stop::Differs(difference)))
    }

    /// What was held back until then is in the last round.
    fn fails(&self, recorded: &recording::Ending, finish: Option<&Finish>) -> Result<(), Stop> {
        match finish.filter(|finish| self.ends(finish)).map(|finish| finish.ending) {
            Some(ending @ (Ending::Stop | Ending::Length)) => Err(self.differs("ending", "failed", ending.name())),
            Some(Ending::Failed(_)) | None if recorded.text.is_empty() => Ok(()),
            Some(Ending::Failed(_)) | None => Err(self.differs("ending's text", &recorded.text, "")),
        }
    }

    /// Where proposals were gathered in full, the generation that was to read them is not recorded before its first round.
    fn ends(&self, finish: &Finish) -> bool {
        let last = self.script.recording.stages.last();
        let gathers = last.is_some_and(|stage| stage.policy.rank == RankRule::Gather);
        !gathers || matches!(finish.ending, Ending::Failed(_))
    }

    fn is_begun_again(&self, stage: usize) -> bool {
        let stages = &self.script.recording.stages;
        stages.get(stage).is_some_and(|stage| stage.reads_proposals) && stages.get(stage) == stages.get(stage + 1)
    }

    /// Number of the last one played.
    fn round(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    fn differs(&self, what: &'static str, recorded: &str, again: &str) -> Stop {
        let (recorded, decided_again) = (recorded.to_owned(), again.to_owned());
        Stop::Differs(Difference { round: self.round(), what, recorded, decided_again })
    }

    fn names(&self, members: &[MemberIndex]) -> String {
        format!("{:?}", members.iter().map(|member| self.script.name(*member)).collect::<Vec<_>>())
    }

    fn in_words(&self, round: &generation::Round) -> recording::Round {
        recording::round(round, self.script)
    }
}

/// What calls told beside their outcomes decides nothing.
impl Witness for Script<'_> {
    fn name(&self, member: MemberIndex) -> String {
        Script::name(self, member)
    }

    fn draft(&self, _member: MemberIndex) -> Call {
        Call::default()
    }

    fn score(&self, _member: MemberIndex) -> Call {
        Call::default()
    }
}
