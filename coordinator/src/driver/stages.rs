//! The generations of one answer, one after another: what the next one is asked, and what all of them have come to.

use std::collections::VecDeque;

use specfuse_core::{
    generation::{Ending, Failure, Finish, Request, Round},
    policy::RankRule,
};

use crate::{
    request::{GenerateRequest, Prompt},
    strategy::{Proposal, Stage, with_proposals},
};

/// Where the generation under way stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Among all that have begun.
    pub(super) stage: usize,
    /// In the plan.
    pub(super) planned: usize,
}

pub(super) struct Stages {
    /// None before the first has begun.
    place: Option<Place>,
    /// The first is the one under way.
    left: VecDeque<Stage>,
    /// Of the generation under way, if it gathers them.
    proposals: Vec<Proposal>,
    /// Of the generations that are over.
    rounds: u32,
    member_rounds: u64,
    /// Number of the last round.
    last_round: u32,
}

impl Stages {
    /// At least one.
    pub(super) fn new(stages: VecDeque<Stage>) -> Self {
        Self { place: None, left: stages, proposals: Vec::new(), rounds: 0, member_rounds: 0, last_round: 0 }
    }

    /// What the generation under way is asked.
    pub(super) fn begin(&mut self, request: &GenerateRequest) -> Request {
        self.place = Some(self.place.map_or_else(Place::default, |last| Place { stage: last.stage + 1, ..last }));
        let stage = self.left.front();
        Request {
            members: stage.map(|stage| stage.members.clone()).unwrap_or_default(),
            rounds_before: self.last_round,
            policy: stage.map(|stage| stage.policy.clone()).unwrap_or_default(),
            max_tokens: request.max_tokens,
            stop: request.stop.clone(),
            seed: request.sampling.seed,
        }
    }

    pub(super) fn place(&self) -> Place {
        self.place.unwrap_or_default()
    }

    pub(super) fn hear(&mut self, round: &Round) {
        self.last_round = round.number;
        if self.left.front().is_some_and(|stage| stage.policy.rank == RankRule::Gather) {
            let drafts = round.drafts.iter().filter_map(|(_, outcome)| outcome.draft());
            let texts = drafts.map(|draft| draft.text.clone()).filter(|text| !text.trim().is_empty());
            self.proposals = texts.map(|text| Proposal { text }).collect();
        }
    }

    /// Whether another generation follows this one; it is then the one under way. The next stage, or, where what others proposed is
    /// too long for those who are to read it, the same one with less of that.
    pub(super) fn goes_on(&mut self, finish: &Finish) -> bool {
        match finish.ending {
            Ending::Failed(Failure::PromptTooLong) => self.reads_proposals() && self.shorten(),
            Ending::Failed(_) => false,
            Ending::Stop | Ending::Length if self.left.len() < 2 => false,
            Ending::Stop | Ending::Length => {
                self.left.pop_front();
                if let Some(place) = &mut self.place {
                    place.planned += 1;
                }
                self.rounds = self.rounds.saturating_add(finish.rounds);
                self.member_rounds = self.member_rounds.saturating_add(finish.member_rounds);
                true
            }
        }
    }

    fn reads_proposals(&self) -> bool {
        self.left.front().is_some_and(|stage| stage.reads_proposals)
    }

    /// Keeps half of each proposal, or none where hardly anything would be left. False: there was none.
    fn shorten(&mut self) -> bool {
        let had = !self.proposals.is_empty();
        self.proposals.retain_mut(Proposal::halve);
        had
    }

    /// What the members of the generation under way read in the place of the question.
    pub(super) fn prompt(&self, question: &Prompt) -> Prompt {
        if self.reads_proposals() { with_proposals(question, &self.proposals) } else { question.clone() }
    }

    /// Drafts that a round of the generation under way needs.
    pub(super) fn quorum(&self) -> usize {
        self.left.front().map_or(1, |stage| stage.policy.quorum.get())
    }

    pub(super) fn total(&self, finish: Finish) -> Finish {
        Finish {
            rounds: finish.rounds.saturating_add(self.rounds),
            member_rounds: finish.member_rounds.saturating_add(self.member_rounds),
            ..finish
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use specfuse_core::{
        candidate::{Draft, OwnScore},
        generation::{Action, DraftOutcome, Event, Generation},
        member::MemberIndex,
    };

    use specfuse_runtime::propagation::Origin;

    use super::*;
    use crate::{config::Config, request::Sampling};

    fn request() -> GenerateRequest {
        let config = "workers = [\"http://a:1\"]\n[ensembles.default]\nmembers = [\"a\"]";
        let ensemble = Config::parse(config, Path::new("test")).unwrap().ensembles.remove("default").unwrap();
        GenerateRequest {
            strategy: Arc::clone(&ensemble.strategies["mixture"]),
            prompt: Arc::new(Prompt::Raw("?".to_owned())),
            max_tokens: ensemble.default_max_tokens,
            sampling: Sampling::default(),
            stop: Vec::new(),
            top_logprobs: None,
            record: true,
            request_id: "r".into(),
            key: None,
            deadline: None,
            origin: Origin::default(),
            ensemble,
        }
    }

    #[test]
    fn a_stage_that_begins_again_with_shorter_proposals_is_another_one_of_the_same_plan() {
        let request = request();
        let mut sampling = request.sampling;
        let plan = request.strategy.plan(&request.ensemble.members, &mut sampling);
        let mut stages = Stages::new(plan.stages);
        let (mut gathering, _) = Generation::start(stages.begin(&request));
        let text = "It is five, as we have counted. ".repeat(3);
        let draft = Draft { text, finished: true, tokens: 9, own: OwnScore::default() };
        let outcome = DraftOutcome::Drafted(draft);
        let actions = gathering.step(Event::Drafted { round: 1, member: MemberIndex(0), outcome });
        let [Action::Emit(round), Action::Finish(finish)] = actions.as_slice() else { panic!("{actions:?}") };
        stages.hear(round);
        assert_eq!(stages.place(), Place { stage: 0, planned: 0 });
        assert!(stages.goes_on(finish));
        stages.begin(&request);
        assert_eq!(stages.place(), Place { stage: 1, planned: 1 });
        assert!(stages.goes_on(&Finish { ending: Ending::Failed(Failure::PromptTooLong), ..finish.clone() }));
        stages.begin(&request);
        assert_eq!(stages.place(), Place { stage: 2, planned: 1 });
    }
}
