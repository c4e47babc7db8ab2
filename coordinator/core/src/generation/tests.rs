//! Stories of single rounds, and properties of every generation whatever its calls come to.

mod failures;
pub(crate) mod properties;
mod rules;

use std::num::{NonZeroU32, NonZeroUsize};

use super::*;
use crate::{
    candidate::{Draft, OwnScore, Terms},
    policy::{ExitPolicy, ExitRule, ScoreRule, WeightRule},
};

fn policy() -> Policy {
    Policy { max_strikes: NonZeroU32::new(2).unwrap(), ..Policy::default() }
}

fn request(members: usize) -> Request {
    Request {
        members: MemberIndex::all(members),
        rounds_before: 0,
        policy: policy(),
        max_tokens: NonZeroU32::new(25).unwrap(),
        stop: vec![],
        seed: 7,
    }
}

fn text(text: &str) -> DraftOutcome {
    DraftOutcome::Drafted(Draft { text: text.to_owned(), finished: false, tokens: 10, own: OwnScore::default() })
}

fn last(text: &str) -> DraftOutcome {
    DraftOutcome::Drafted(Draft { text: text.to_owned(), finished: true, tokens: 10, own: OwnScore::default() })
}

/// One term for each candidate.
fn scores(means: &[f64]) -> ScoreOutcome {
    ScoreOutcome::Scored(means.iter().map(|mean| Terms::new(vec![*mean]).unwrap()).collect())
}

fn draft(generation: &mut Generation, outcomes: &[(usize, DraftOutcome)]) -> Vec<Action> {
    let round = generation.round;
    let event = |(member, outcome): &(usize, DraftOutcome)| Event::Drafted {
        round,
        member: MemberIndex(*member),
        outcome: outcome.clone(),
    };
    outcomes.iter().flat_map(|it| generation.step(event(it))).collect()
}

fn score(generation: &mut Generation, outcomes: &[(usize, ScoreOutcome)]) -> Vec<Action> {
    let round = generation.round;
    let event = |(member, outcome): &(usize, ScoreOutcome)| Event::Scored {
        round,
        member: MemberIndex(*member),
        outcome: outcome.clone(),
    };
    outcomes.iter().flat_map(|it| generation.step(event(it))).collect()
}

fn emitted(actions: &[Action]) -> &Round {
    actions.iter().find_map(|it| if let Action::Emit(round) = it { Some(round) } else { None }).unwrap()
}

fn finished(actions: &[Action]) -> &Finish {
    actions.iter().find_map(|it| if let Action::Finish(finish) = it { Some(finish) } else { None }).unwrap()
}

fn asked_to_draft(actions: &[Action]) -> Vec<(usize, u32)> {
    let draft = |it: &Action| match it {
        Action::Draft { member, max_tokens, .. } => Some((member.0, *max_tokens)),
        Action::Score { .. } | Action::Emit(_) | Action::Finish(_) => None,
    };
    actions.iter().filter_map(draft).collect()
}

fn asked_to_score(actions: &[Action]) -> Vec<usize> {
    let score = |it: &Action| match it {
        Action::Score { member, .. } => Some(member.0),
        Action::Draft { .. } | Action::Emit(_) | Action::Finish(_) => None,
    };
    actions.iter().filter_map(score).collect()
}

fn exits(round: &Round) -> Vec<(usize, ExitReason)> {
    round.exits.iter().map(|exit| (exit.member.0, exit.reason)).collect()
}

#[test]
fn the_last_segment_is_as_long_as_tokens_are_left() {
    let (mut generation, actions) = Generation::start(request(1));
    assert_eq!(asked_to_draft(&actions), [(0, 10)]);
    assert_eq!(asked_to_draft(&draft(&mut generation, &[(0, text("a"))])), [(0, 10)]);
    assert_eq!(asked_to_draft(&draft(&mut generation, &[(0, text("b"))])), [(0, 5)]);
    let actions = draft(&mut generation, &[(0, text("c"))]);
    let finish = finished(&actions);
    assert_eq!((finish.ending, finish.text.as_str(), finish.completion_tokens), (Ending::Length, "abc", 25));
    assert_eq!((finish.rounds, finish.member_rounds), (3, 3));
}

#[test]
fn every_draft_of_a_request_has_its_own_seed_and_the_same_one_again() {
    let seeds = || {
        let (mut generation, mut actions) = Generation::start(request(2));
        actions.extend(draft(&mut generation, &[(0, text("a")), (1, text("a"))]));
        let seed = |it: &Action| if let Action::Draft { seed, .. } = it { Some(*seed) } else { None };
        actions.iter().filter_map(seed).collect::<Vec<_>>()
    };
    let mut unique = seeds();
    assert_eq!(unique, seeds());
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 4);
}

#[test]
fn a_unanimous_round_wins_unscored_and_sends_nobody_away() {
    let (mut generation, _) = Generation::start(request(2));
    let actions = draft(&mut generation, &[(1, text("a")), (0, text("a"))]);
    let round = emitted(&actions);
    assert!(round.scoring.is_none() && round.exits.is_empty());
    assert_eq!(round.quality, [0.5, 0.5]);
    assert_eq!(asked_to_draft(&actions), [(0, 10), (1, 10)]);
}

#[test]
fn a_failed_drafter_is_not_asked_to_score_and_counts_as_the_lowest() {
    let (mut generation, _) = Generation::start(request(3));
    let actions = draft(&mut generation, &[(0, text("a")), (1, DraftOutcome::Failed), (2, text("b"))]);
    assert_eq!(asked_to_score(&actions), [0, 2]);
    let actions = score(&mut generation, &[(2, scores(&[-2.0, -1.0])), (0, scores(&[-2.0, -1.0]))]);
    let round = emitted(&actions);
    let scoring = round.scoring.as_ref().unwrap();
    assert_eq!((scoring.rows.len(), &scoring.rows[1].1), (3, &None));
    assert_eq!(round.winner, 1);
    assert!((round.quality[1] - round.quality[0]).abs() < 1e-15 && round.quality[2] > round.quality[0]);
}

#[test]
fn strikes_of_one_round_count_once_and_the_second_round_of_them_ends_membership() {
    let (mut generation, _) = Generation::start(request(3));
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, DraftOutcome::Failed)]);
    let actions =
        score(&mut generation, &[(0, scores(&[-1.0, -1.0])), (1, ScoreOutcome::Failed), (2, ScoreOutcome::Failed)]);
    assert!(emitted(&actions).exits.is_empty());
    draft(&mut generation, &[(0, text("c")), (1, text("d")), (2, DraftOutcome::Failed)]);
    let actions = score(&mut generation, &[(0, scores(&[-1.0, -1.0])), (1, ScoreOutcome::Failed)]);
    assert_eq!(exits(emitted(&actions)), [(1, ExitReason::Failed), (2, ExitReason::Failed)]);
    assert_eq!(asked_to_draft(&actions), [(0, 5)]);
}

/// All drafts fail, round after round, until the answer ends.
fn fail(generation: &mut Generation, mut actions: Vec<Action>) -> Vec<Action> {
    while !actions.iter().any(|it| matches!(it, Action::Finish(_))) {
        let asked = asked_to_draft(&actions);
        actions = draft(generation, &asked.iter().map(|(it, _)| (*it, DraftOutcome::Failed)).collect::<Vec<_>>());
    }
    actions
}

#[test]
fn when_the_last_members_are_out_of_strikes_they_are_asked_a_last_time_and_the_text_so_far_stands() {
    let mut request = request(2);
    request.policy.max_strikes = NonZeroU32::MIN;
    let (mut generation, _) = Generation::start(request);
    draft(&mut generation, &[(0, text("a")), (1, text("b"))]);
    let actions = score(&mut generation, &[(0, ScoreOutcome::Failed), (1, ScoreOutcome::Failed)]);
    assert_eq!(exits(emitted(&actions)), [(0, ExitReason::Failed), (1, ExitReason::Failed)]);
    assert_eq!(emitted(&actions).recalled, [MemberIndex(0), MemberIndex(1)]);
    let actions = fail(&mut generation, actions);
    let finish = finished(&actions);
    assert_eq!((finish.ending, finish.text.as_str()), (Ending::Failed(Failure::Unavailable), "a"));
}

#[test]
fn exits_by_quality_leave_enough_members_that_are_not_out_of_strikes() {
    let mut request = request(3);
    request.policy.max_strikes = NonZeroU32::MIN;
    request.policy.exit.theta = 0.9;
    let (mut generation, _) = Generation::start(request);
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
    let all = [-0.1, -4.0, -5.0];
    let actions = score(&mut generation, &[(0, ScoreOutcome::Failed), (1, scores(&all)), (2, scores(&all))]);
    assert_eq!(exits(emitted(&actions)), [(2, ExitReason::Quality), (0, ExitReason::Failed)]);
    assert_eq!(asked_to_draft(&actions), [(1, 10)]);
}

#[test]
fn where_every_scorer_abstains_the_first_candidate_wins_and_nothing_else_changes() {
    let (mut generation, _) = Generation::start(request(3));
    let void =
        DraftOutcome::Drafted(Draft { text: String::new(), finished: false, tokens: 4, own: OwnScore::default() });
    let actions = draft(&mut generation, &[(0, void), (1, text("b")), (2, text("c"))]);
    assert_eq!(asked_to_score(&actions), [0, 1, 2]);
    let actions =
        score(&mut generation, &[(0, ScoreOutcome::Abstained), (1, scores(&[-1.0])), (2, ScoreOutcome::Failed)]);
    let round = emitted(&actions);
    assert_eq!(round.candidates[round.winner].text, "b");
    assert_eq!((round.quality.as_slice(), round.exits.len()), ([0.0; 3].as_slice(), 0));
    let scoring = round.scoring.as_ref().unwrap();
    assert!(scoring.aggregate.is_none() && scoring.entropy.is_none() && scoring.keep.is_none());
}

#[test]
fn those_who_cannot_go_on_leave_while_drafting_and_take_no_part() {
    let (mut generation, _) = Generation::start(request(4));
    let outcomes =
        [(3, DraftOutcome::Refused), (0, text("a")), (1, DraftOutcome::ContextFull), (2, DraftOutcome::Failed)];
    let actions = draft(&mut generation, &outcomes);
    let round = emitted(&actions);
    assert_eq!(round.active, [MemberIndex(0), MemberIndex(2)]);
    assert_eq!(exits(round), [(1, ExitReason::ContextFull), (3, ExitReason::Refused)]);
    assert_eq!((round.drafts.len(), round.quality.as_slice()), (4, [0.5, 0.5].as_slice()));
}

#[test]
fn without_a_draft_the_ending_says_why() {
    use DraftOutcome::{ContextFull, Failed, Refused};
    let table = [
        ([Refused, Refused], Failure::Refused),
        ([ContextFull, ContextFull], Failure::PromptTooLong),
        ([ContextFull, Refused], Failure::PromptTooLong),
        ([ContextFull, Failed], Failure::Unavailable),
        ([Failed, Failed], Failure::Unavailable),
    ];
    for ([first, second], failure) in table {
        let (mut generation, _) = Generation::start(request(2));
        let actions = draft(&mut generation, &[(0, first), (1, second)]);
        assert_eq!((actions.len(), finished(&actions).ending), (1, Ending::Failed(failure)));
    }
}

#[test]
fn an_answer_that_outgrows_every_context_keeps_its_text() {
    let (mut generation, _) = Generation::start(request(1));
    draft(&mut generation, &[(0, text("a"))]);
    let actions = draft(&mut generation, &[(0, DraftOutcome::ContextFull)]);
    let finish = finished(&actions);
    assert_eq!((finish.ending, finish.text.as_str()), (Ending::Failed(Failure::ContextFull), "a"));
    assert_eq!(exits(emitted(&actions)), [(0, ExitReason::ContextFull)]);
}

#[test]
fn text_held_back_is_released_when_the_answer_fails() {
    let (mut generation, _) = Generation::start(Request { stop: vec!["\n\nQ".to_owned()], ..request(1) });
    let actions = draft(&mut generation, &[(0, text("a\n"))]);
    let actions = fail(&mut generation, actions);
    let (round, finish) = (emitted(&actions), finished(&actions));
    assert_eq!((round.released.as_str(), round.candidates.len()), ("\n", 0));
    assert_eq!((finish.text.as_str(), finish.released.as_str(), finish.rounds), ("a\n", "", 1));
}

#[test]
fn a_round_of_void_drafts_ends_the_answer_for_its_length() {
    let (mut generation, _) = Generation::start(request(2));
    let actions = draft(&mut generation, &[(0, text("")), (1, DraftOutcome::ContextFull)]);
    assert_eq!(finished(&actions).ending, Ending::Length);
    assert_eq!(exits(emitted(&actions)), [(1, ExitReason::ContextFull)]);
}

#[test]
fn a_stop_string_across_rounds_is_never_shown() {
    let (mut generation, _) = Generation::start(Request { stop: vec!["\n\nQ".to_owned()], ..request(1) });
    let actions = draft(&mut generation, &[(0, text("It is 4.\n"))]);
    assert_eq!(emitted(&actions).released, "It is 4.");
    let actions = draft(&mut generation, &[(0, text("\nQ: next"))]);
    assert_eq!((&*emitted(&actions).accepted, emitted(&actions).released.as_str()), ("It is 4.\n", ""));
    let finish = finished(&actions);
    assert_eq!((finish.ending, finish.text.as_str(), finish.released.as_str()), (Ending::Stop, "It is 4.", ""));
    assert_eq!(finish.completion_tokens, 20);
}

#[test]
fn text_held_back_is_released_when_the_answer_ends_otherwise() {
    let (mut generation, _) = Generation::start(Request { stop: vec!["\n\nQ".to_owned()], ..request(1) });
    let actions = draft(&mut generation, &[(0, last("It is 4.\n"))]);
    let finish = finished(&actions);
    assert_eq!((finish.text.as_str(), finish.released.as_str()), ("It is 4.\n", "\n"));
}

#[test]
fn first_rounds_sends_the_winless_away_once() {
    let mut request = request(3);
    request.policy.exit.rule = ExitRule::FirstRounds { rounds: 2 };
    request.max_tokens = NonZeroU32::new(100).unwrap();
    let (mut generation, _) = Generation::start(request);
    // Round 1 is won unscored by the first, round 2 has no score, round 3 is the first scored one that counts.
    draft(&mut generation, &[(0, text("a")), (1, text("")), (2, text(""))]);
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
    let silent = ScoreOutcome::Abstained;
    let actions = score(&mut generation, &[(0, silent.clone()), (1, silent.clone()), (2, silent)]);
    assert!(emitted(&actions).exits.is_empty());
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
    let all = scores(&[-2.0, -1.0, -3.0]);
    let actions = score(&mut generation, &[(0, all.clone()), (1, all.clone()), (2, all)]);
    assert_eq!(exits(emitted(&actions)), [(2, ExitReason::Quality)]);
}

#[test]
fn hedge_weights_of_those_who_stay_sum_to_one() {
    let mut request = request(3);
    request.policy.weights = WeightRule::Hedge { rate: 10.0 };
    let (mut generation, _) = Generation::start(request);
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, DraftOutcome::ContextFull)]);
    let silent = ScoreOutcome::Abstained;
    let actions = score(&mut generation, &[(0, silent.clone()), (1, silent)]);
    assert_eq!(emitted(&actions).scoring.as_ref().unwrap().weights, Some(vec![0.5, 0.5]));
}
