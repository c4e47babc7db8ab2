//! Recordings of generations driven by dice: what was recorded follows, what was changed is found, what cannot be is refused.

mod alternatives;

use std::{collections::HashMap, num::NonZeroU32};

use proptest::prelude::*;

use super::{Contradiction, Replayed, check};
use crate::{
    candidate::OwnScore,
    generation::{
        Action, DraftOutcome, Event, Generation, Request,
        tests::properties::{Dice, any_request},
    },
    member::MemberIndex,
    policy::{ExitRule, Policy, RankRule},
    recording::{
        self, Call, Drafted, Ending, Member, Prompt, Question, Recording, Round, Sampling, Scored, Stage, VERSION,
        Witness,
    },
};

fn name(member: MemberIndex) -> String {
    format!("m{}", member.0)
}

/// What the drafts of a round told beside their outcomes.
#[derive(Default)]
struct Notes(HashMap<MemberIndex, Vec<f32>>);

impl Witness for Notes {
    fn name(&self, member: MemberIndex) -> String {
        name(member)
    }

    fn draft(&self, member: MemberIndex) -> Call {
        let token_logprobs = self.0.get(&member).cloned().unwrap_or_default();
        Call { token_logprobs, why: "lost".to_owned(), ..Call::default() }
    }

    fn score(&self, _: MemberIndex) -> Call {
        Call { why: "late".to_owned(), ..Call::default() }
    }
}

/// An event as `answer` gives it, with log-probabilities of as many tokens as the author's score says.
fn told(event: Event, notes: &mut Notes, dice: &mut Dice) -> Event {
    let Event::Drafted { round, member, outcome: DraftOutcome::Drafted(mut draft) } = event else { return event };
    let logprobs: Vec<f32> = (0..draft.own.tokens).map(|_| -(dice.roll(400) as f32) / 77.0).collect();
    let sum_logprob = logprobs.iter().copied().map(f64::from).sum();
    draft.own = OwnScore { sum_logprob, tokens: draft.own.tokens };
    notes.0.insert(member, logprobs);
    Event::Drafted { round, member, outcome: DraftOutcome::Drafted(draft) }
}

fn recording_of(request: &Request) -> Recording {
    let members: Vec<String> = request.members.iter().copied().map(name).collect();
    let member = |name: &String| Member { name: name.clone(), model: name.clone(), fingerprints: vec![] };
    Recording {
        version: VERSION,
        request_id: "r".to_owned(),
        asked_at: "2026-01-01T00:00:00Z".to_owned(),
        ensemble: "default".to_owned(),
        strategy: "fuse".to_owned(),
        question: Question {
            prompt: Prompt::Raw("Once".to_owned()),
            max_tokens: request.max_tokens.get(),
            stop: request.stop.clone(),
            sampling: Sampling {
                temperature: 0.0,
                top_p: None,
                top_k: 0,
                min_p: 0.0,
                seed: request.seed,
                repetition_penalty: None,
                presence_penalty: 0.0,
                frequency_penalty: 0.0,
            },
        },
        members: members.iter().map(member).collect(),
        stages: vec![Stage { members, policy: request.policy.clone(), reads_proposals: false }],
        rounds: vec![],
        ending: None,
    }
}

/// The recording of a generation whose calls are answered one after the other.
fn played(request: Request, mut answer: impl FnMut(&Action, &mut Notes) -> Option<Event>) -> Recording {
    let mut recording = recording_of(&request);
    let mut notes = Notes::default();
    let (mut generation, mut open) = Generation::start(request);
    open.reverse();
    while let Some(action) = open.pop() {
        match &action {
            Action::Emit(round) => recording.rounds.push(recording::round(round, &notes)),
            Action::Finish(finish) => {
                recording.ending = Some(Ending {
                    reason: finish.ending.name().to_owned(),
                    error: None,
                    text: finish.released.clone(),
                    completion_tokens: finish.completion_tokens,
                    total_micros: 1,
                });
            }
            Action::Draft { .. } | Action::Score { .. } => {
                let event = answer(&action, &mut notes).unwrap();
                open.extend(generation.step(event).into_iter().rev());
            }
        }
    }
    recording
}

pub(super) fn thrown(request: Request, seed: u64) -> Recording {
    let mut dice = Dice(seed);
    played(Request { rounds_before: 0, ..request }, |action, notes| {
        let event = dice.answer(action)?;
        Some(told(event, notes, &mut dice))
    })
}

/// Every number that a round was decided by, and what it is called.
fn numbers(round: &mut Round) -> Vec<(&'static str, &mut f64)> {
    let means = round.scores.iter_mut().filter_map(|score| match &mut score.outcome {
        Scored::Scored { means, .. } => Some(means),
        Scored::Abstained { .. } | Scored::Failed { .. } => None,
    });
    let mut numbers: Vec<(&'static str, &mut f64)> = means.flatten().map(|mean| ("scores", mean)).collect();
    numbers.extend(round.weights.iter_mut().flatten().map(|weight| ("weights", weight)));
    numbers.extend(round.candidates.iter_mut().filter_map(|it| Some(("aggregate", it.aggregate.as_mut()?))));
    numbers.extend(round.entropy.iter_mut().map(|entropy| ("entropy", entropy)));
    numbers.extend(round.quality.iter_mut().map(|quality| ("quality", quality)));
    numbers.extend(round.keep.iter_mut().flatten().map(|keep| ("keep", keep)));
    numbers
}

proptest! {
    #[test]
    fn every_decision_of_a_recorded_generation_follows(request in any_request(), seed: u64) {
        let recording = thrown(request, seed);
        prop_assert_eq!(check(&recording), Ok(Replayed::Follows { rounds: recording.rounds.len() }));
    }

    #[test]
    fn an_answer_that_was_broken_off_follows_as_far_as_it_went(request in any_request(), seed: u64, left: usize) {
        let mut recording = thrown(request, seed);
        let is_failed = recording.ending.as_ref().is_some_and(|ending| ending.reason == "failed");
        let whole = recording.rounds.len();
        recording.rounds.truncate(left % (whole + 1));
        let rounds = recording.rounds.len();
        let replayed = check(&recording);
        recording.ending = None;
        let broken_off = check(&recording).unwrap();
        prop_assert!(broken_off.follows(), "{broken_off:?}");
        if rounds < whole {
            prop_assert_eq!(broken_off, Replayed::Follows { rounds });
            prop_assert!(matches!(replayed, Ok(Replayed::Differs(_))) || whole == 0 || is_failed);
        }
    }

    #[test]
    fn one_changed_bit_is_found_at_its_round(request in any_request(), seed: u64, at: usize, which: usize, bit in 0u32..52) {
        let mut recording = thrown(request, seed);
        prop_assume!(!recording.rounds.is_empty());
        let rounds = recording.rounds.len();
        let round = &mut recording.rounds[at % rounds];
        let number = round.round;
        let mut numbers = numbers(round);
        prop_assume!(!numbers.is_empty());
        let count = numbers.len();
        let (what, value) = &mut numbers[which % count];
        let what = *what;
        **value = f64::from_bits(value.to_bits() ^ (1 << bit));
        let Ok(Replayed::Differs(difference)) = check(&recording) else { panic!("{what} is changed in round {number}") };
        prop_assert_eq!((difference.round, difference.what), (number, what));
        prop_assert_ne!(difference.recorded, difference.decided_again);
    }

    #[test]
    fn a_changed_draft_never_passes_for_another_answer(request in any_request(), seed: u64, at: usize) {
        let mut recording = thrown(request, seed);
        prop_assume!(!recording.rounds.is_empty());
        let rounds = recording.rounds.len();
        let round = &mut recording.rounds[at % rounds];
        let number = round.round;
        let Some(draft) = round.drafts.iter_mut().find_map(|draft| match &mut draft.outcome {
            Drafted::Drafted { text, .. } if !text.is_empty() => Some(text),
            Drafted::Drafted { .. } | Drafted::Failed { .. } | Drafted::ContextFull { .. } | Drafted::Refused { .. } => None,
        }) else { return Ok(()) };
        draft.push('!');
        prop_assume!(!round.candidates.is_empty());
        let Ok(Replayed::Differs(difference)) = check(&recording) else { panic!("a draft is changed in round {number}") };
        prop_assert_eq!(difference.round, number);
        prop_assert!(["candidates", "scorers"].contains(&difference.what), "{difference:?}");
    }
}

fn say(text: &str, finished: bool) -> DraftOutcome {
    let own = OwnScore { sum_logprob: 0.0, tokens: 0 };
    DraftOutcome::Drafted(crate::candidate::Draft { text: text.to_owned(), finished, tokens: 2, own })
}

fn asked(members: usize, policy: Policy) -> Request {
    Request {
        members: MemberIndex::all(members),
        rounds_before: 0,
        policy,
        max_tokens: NonZeroU32::new(20).unwrap(),
        stop: vec![],
        seed: 1,
    }
}

/// Three rounds of two members that each say their own; the first is preferred by both.
pub(super) fn contest(policy: Policy) -> Recording {
    played(asked(2, policy), |action, _| match action {
        Action::Draft { round, member, .. } => {
            let outcome = say(["a", "b"][member.0], *round == 3);
            Some(Event::Drafted { round: *round, member: *member, outcome })
        }
        Action::Score { round, member, candidates, .. } => {
            let terms = |place: usize| crate::candidate::Terms::new(vec![-1.5 * place as f64 - 0.1]).unwrap();
            let outcome = crate::generation::ScoreOutcome::Scored((0..candidates.len()).map(terms).collect());
            Some(Event::Scored { round: *round, member: *member, outcome })
        }
        Action::Emit(_) | Action::Finish(_) => None,
    })
}

pub(super) fn never() -> Policy {
    let mut policy = Policy::default();
    policy.exit.rule = ExitRule::Never;
    policy
}

#[test]
fn what_contradicts_itself_is_refused_by_name() {
    let round = |number, problem: fn(u32, String) -> Contradiction| problem(number, "m1".to_owned());
    type Change = fn(&mut Recording);
    let table: Vec<(Change, Contradiction)> = vec![
        (|it| it.version = 2, Contradiction::Version(2)),
        (|it| it.members[1].name = "m0".to_owned(), Contradiction::SameName("m0".to_owned())),
        (|it| it.stages.clear(), Contradiction::Size { what: "stages", given: 0, most: 4096 }),
        (|it| it.stages[0].members.clear(), Contradiction::Size { what: "members of a stage", given: 0, most: 256 }),
        (|it| it.stages[0].members.reverse(), Contradiction::StageMember { stage: 0, name: "m0".to_owned() }),
        (|it| it.rounds.swap(0, 1), Contradiction::RoundOrder { expected: 1, found: 2 }),
        (|it| it.rounds[1].stage = 1, Contradiction::StageOrder { round: 2, stage: 1 }),
        (
            |it| it.rounds[2].drafts[0].member = "m1".to_owned(),
            round(3, |round, name| Contradiction::RoundMember { round, name }),
        ),
        (|it| drop(it.rounds[2].drafts.pop()), round(3, |round, name| Contradiction::NoDraft { round, name })),
        (
            |it| it.rounds[0].scores[1].outcome = Scored::Scored { terms: vec![vec![f64::NAN]], means: vec![] },
            round(1, |round, name| Contradiction::NotFinite { round, name }),
        ),
    ];
    for (change, expected) in table {
        let mut recording = contest(never());
        change(&mut recording);
        assert_eq!(check(&recording), Err(expected));
    }
    let mut recording = contest(never());
    recording.question.max_tokens = 0;
    assert!(matches!(check(&recording), Err(Contradiction::Size { given: 0, .. })));
}

#[test]
fn the_first_difference_says_what_was_recorded_and_what_follows() {
    type Change = fn(&mut Recording);
    let table: Vec<(Change, u32, &str, &str, &str)> = vec![
        (|it| it.rounds[1].winner = Some("m1".to_owned()), 2, "winner", "Some(\"m1\")", "Some(\"m0\")"),
        (|it| it.rounds[1].text = "b".to_owned(), 2, "text", "\"b\"", "\"a\""),
        (|it| it.rounds[0].scores.clear(), 1, "scorers", "[]", "[\"m0\", \"m1\"]"),
        (|it| drop(it.rounds.pop()), 2, "ending", "stop", "another round"),
        (|it| it.ending.as_mut().unwrap().reason = "length".to_owned(), 3, "ending", "\"length\"", "\"stop\""),
        (|it| it.ending.as_mut().unwrap().completion_tokens = 7, 3, "completion_tokens", "7", "6"),
        (fail, 3, "ending", "failed", "stop"),
        (|it| (fail(it), it.rounds.pop(), it.ending.as_mut().unwrap().text.push('x')).0, 2, "ending's text", "x", ""),
        (|it| it.rounds[0].recalled.push("m1".to_owned()), 1, "recalled", "[\"m1\"]", "[]"),
    ];
    for (change, round, what, recorded, again) in table {
        let mut recording = contest(never());
        change(&mut recording);
        let Ok(Replayed::Differs(difference)) = check(&recording) else { panic!("{what}") };
        let told = (difference.round, difference.what, difference.recorded.as_str(), difference.decided_again.as_str());
        assert_eq!(told, (round, what, recorded, again));
    }
}

fn fail(recording: &mut Recording) {
    let ending = recording.ending.as_mut().unwrap();
    (ending.reason, ending.error) = ("failed".to_owned(), Some("lost".to_owned()));
}

#[test]
fn an_answer_can_fail_or_lose_its_client_until_its_rounds_end_it() {
    let mut recording = contest(never());
    recording.ending = None;
    assert_eq!(check(&recording), Ok(Replayed::FollowsToItsEnd { rounds: 3, ending: "stop" }));
    let mut recording = contest(never());
    fail(&mut recording);
    recording.rounds.pop();
    assert_eq!(check(&recording), Ok(Replayed::Follows { rounds: 2 }));
}

#[test]
fn an_answer_whose_proposals_are_gathered_can_still_fail() {
    let gather = Policy { rank: RankRule::Gather, ..never() };
    let mut recording = contest(gather);
    assert_eq!(recording.ending.as_ref().unwrap().reason, "stop");
    fail(&mut recording);
    let rounds = recording.rounds.len();
    assert_eq!(check(&recording), Ok(Replayed::Follows { rounds }));
    recording.ending = None;
    assert_eq!(check(&recording), Ok(Replayed::Follows { rounds }));
}

#[test]
fn a_stage_that_reads_proposals_may_have_begun_again() {
    let mut recording = contest(never());
    let reading = Stage { reads_proposals: true, ..recording.stages[0].clone() };
    recording.stages = vec![reading.clone(), reading.clone(), reading.clone()];
    recording.rounds.iter_mut().for_each(|round| round.stage = 2);
    assert_eq!(check(&recording), Ok(Replayed::Follows { rounds: 3 }));
    recording.stages[1].reads_proposals = false;
    let Ok(Replayed::Differs(difference)) = check(&recording) else { panic!("another stage before this one is over") };
    assert_eq!((difference.round, difference.what), (0, "stage"));
}
