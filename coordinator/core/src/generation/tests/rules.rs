//! Rounds decided otherwise than by everyone's scores, and answers that may not cost more than so many calls.

use super::*;
use crate::policy::{Calibration, RankRule, Voters};

fn ruled(members: usize, change: impl FnOnce(&mut Policy)) -> Request {
    let mut request = request(members);
    request.policy.exit.rule = ExitRule::Never;
    request.max_tokens = NonZeroU32::new(100).unwrap();
    change(&mut request.policy);
    request
}

/// A draft of ten tokens whose author gives each of them this log-probability.
fn sure(words: &str, mean: f64) -> DraftOutcome {
    let DraftOutcome::Drafted(draft) = text(words) else { panic!("a text is a draft") };
    DraftOutcome::Drafted(Draft { own: OwnScore { sum_logprob: 10.0 * mean, tokens: 10 }, ..draft })
}

fn won(round: &Round) -> (usize, DecidedBy) {
    (round.winner, round.decided_by)
}

#[test]
fn under_author_the_surest_hand_so_far_wins_and_nobody_is_asked_to_score() {
    let (mut generation, _) = Generation::start(ruled(2, |policy| policy.rank = RankRule::Author));
    let actions = draft(&mut generation, &[(0, sure("a", -0.1)), (1, sure("b", -0.5))]);
    assert!(asked_to_score(&actions).is_empty());
    assert_eq!(won(emitted(&actions)), (0, DecidedBy::Author));
    // -0.5 on average against -0.4: what was drafted in vain counts too.
    let actions = draft(&mut generation, &[(0, sure("a", -0.9)), (1, sure("b", -0.3))]);
    assert_eq!(won(emitted(&actions)), (1, DecidedBy::Author));
    assert_eq!(emitted(&actions).scoring.as_ref().unwrap().aggregate, Some(vec![-0.5, -0.4]));
}

#[test]
fn under_author_members_that_are_unsure_leave() {
    let (mut generation, _) = Generation::start(ruled(2, |policy| {
        policy.rank = RankRule::Author;
        policy.exit = ExitPolicy { rule: ExitRule::Cumulative, theta: 0.8, tau: 0.2 };
    }));
    let actions = draft(&mut generation, &[(0, sure("a", -0.1)), (1, sure("b", -1.5))]);
    assert_eq!(exits(emitted(&actions)), [(1, ExitReason::Quality)]);
}

#[test]
fn a_blend_weighs_the_authors_own_mean_against_the_scores() {
    let winner = |alpha| {
        let (mut generation, _) = Generation::start(ruled(2, |policy| policy.rank = RankRule::Blend { alpha }));
        draft(&mut generation, &[(0, sure("a", -0.1)), (1, sure("b", -0.5))]);
        let row = scores(&[-1.0, -0.8]);
        let actions = score(&mut generation, &[(0, row.clone()), (1, row)]);
        won(emitted(&actions))
    };
    assert_eq!(winner(0.0), (1, DecidedBy::Blend));
    assert_eq!(winner(0.5), (0, DecidedBy::Blend));
}

#[test]
fn without_self_votes_a_member_cannot_vote_itself_up() {
    let winner = |voters| {
        let (mut generation, _) = Generation::start(ruled(3, |policy| policy.voters = voters));
        draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
        let rows = [scores(&[0.0, -4.0, -4.0]), scores(&[-3.0, -2.0, -3.5]), scores(&[-3.0, -1.2, -1.5])];
        let actions = score(&mut generation, &[(0, rows[0].clone()), (1, rows[1].clone()), (2, rows[2].clone())]);
        emitted(&actions).winner
    };
    // -2 against -2.4 and -3; of the others alone -3 against -2.6 and -3.75.
    assert_eq!((winner(Voters::Everyone), winner(Voters::Others)), (0, 1));
}

#[test]
fn samples_of_one_model_are_scored_by_the_first_that_drafted() {
    let (mut generation, _) = Generation::start(ruled(3, |policy| policy.voters = Voters::First));
    let actions = draft(&mut generation, &[(0, DraftOutcome::Failed), (1, text("b")), (2, text("c"))]);
    assert_eq!(asked_to_score(&actions), [1]);
}

#[test]
fn the_gate_lets_a_certain_leader_pass() {
    let (mut generation, _) = Generation::start(ruled(2, |policy| policy.gate = Some(-0.2)));
    let actions = draft(&mut generation, &[(0, sure("a", -0.1)), (1, sure("b", -0.1))]);
    assert_eq!(asked_to_score(&actions), [0, 1], "nobody leads in the first round");
    let row = scores(&[-2.0, -1.0]);
    score(&mut generation, &[(0, row.clone()), (1, row.clone())]);
    let actions = draft(&mut generation, &[(0, sure("c", -0.01)), (1, sure("d", -0.3))]);
    assert_eq!(asked_to_score(&actions), [0, 1], "the leader is not certain");
    score(&mut generation, &[(0, row.clone()), (1, row)]);
    let actions = draft(&mut generation, &[(0, sure("e", -0.3)), (1, sure("f", -0.1))]);
    assert_eq!(won(emitted(&actions)), (1, DecidedBy::Gate));
    assert!(emitted(&actions).scoring.is_none());
}

#[test]
fn calibration_makes_members_comparable() {
    let (mut generation, _) = Generation::start(ruled(2, |policy| {
        policy.rank = RankRule::Author;
        policy.calibration = vec![Calibration { scale: 3.0, shift: 0.0 }];
    }));
    let actions = draft(&mut generation, &[(0, sure("a", -0.2)), (1, sure("b", -0.5))]);
    assert_eq!(won(emitted(&actions)), (1, DecidedBy::Author));
}

#[test]
fn the_majority_is_of_members_that_come_to_the_same_answer() {
    let (mut generation, _) = Generation::start(ruled(3, |policy| policy.rank = RankRule::Majority));
    let answers = ["So the answer is 12.", "It is 6 · 3, the answer is 18 pears.", "We add. The answer is 18."];
    let outcomes = [(0, last(answers[0])), (1, last(answers[1])), (2, last(answers[2]))];
    let actions = draft(&mut generation, &outcomes);
    assert_eq!(won(emitted(&actions)), (1, DecidedBy::Majority));
    assert_eq!(finished(&actions).text, answers[1]);
}

#[test]
fn who_has_not_come_to_an_answer_has_no_vote() {
    let request = ruled(4, |policy| (policy.rank, policy.whole) = (RankRule::Majority, true));
    let (mut generation, actions) = Generation::start(request);
    assert_eq!(asked_to_draft(&actions), [(0, 100), (1, 100), (2, 100), (3, 100)]);
    let outcomes = [(0, text("1 + 1 = 2 and 3")), (1, text("2 + 1 = 3")), (2, last("")), (3, last("The answer is 4."))];
    let actions = draft(&mut generation, &outcomes);
    assert_eq!(emitted(&actions).scoring.as_ref().unwrap().aggregate, Some(vec![0.0, 0.0, 0.0, 1.0]));
    assert_eq!(won(emitted(&actions)), (3, DecidedBy::Majority));
}

#[test]
fn whole_answers_take_one_round_though_they_be_unfinished() {
    let (mut generation, _) = Generation::start(ruled(2, |policy| policy.whole = true));
    draft(&mut generation, &[(0, text("a")), (1, text("b"))]);
    let row = scores(&[-2.0, -1.0]);
    let actions = score(&mut generation, &[(0, row.clone()), (1, row)]);
    assert_eq!((finished(&actions).ending, finished(&actions).text.as_str()), (Ending::Length, "b"));
}

#[test]
fn a_blend_keeps_to_the_scale_of_the_score_rule() {
    let (mut generation, _) = Generation::start(ruled(2, |policy| {
        policy.rank = RankRule::Blend { alpha: 0.5 };
        policy.score = ScoreRule::MeanProb;
    }));
    draft(&mut generation, &[(0, sure("a", -0.1)), (1, sure("b", -0.5))]);
    let row = scores(&[-1.0, -0.8]);
    let actions = score(&mut generation, &[(0, row.clone()), (1, row)]);
    let aggregate = emitted(&actions).scoring.as_ref().unwrap().aggregate.clone().unwrap();
    let expected = [(-0.1_f64).exp() + (-1.0_f64).exp(), (-0.5_f64).exp() + (-0.8_f64).exp()].map(|sum| sum / 2.0);
    assert!(aggregate.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-12), "{aggregate:?}");
}

#[test]
fn gathered_drafts_are_told_and_nothing_is_chosen() {
    let request = Request { rounds_before: 4, ..ruled(2, |policy| policy.rank = RankRule::Gather) };
    let (mut generation, _) = Generation::start(request);
    let actions = draft(&mut generation, &[(0, last("a")), (1, last("b"))]);
    let round = emitted(&actions);
    assert_eq!((round.number, round.drafts.len(), round.candidates.len()), (5, 2, 0));
    assert_eq!((finished(&actions).ending, finished(&actions).text.as_str()), (Ending::Stop, ""));
}

#[test]
fn all_but_the_best_leave_once_a_round_was_scored() {
    let (mut generation, _) =
        Generation::start(ruled(3, |policy| policy.exit.rule = ExitRule::AllButBest { rounds: 1 }));
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
    let row = scores(&[-2.0, -1.0, -1.5]);
    let actions = score(&mut generation, &[(0, row.clone()), (1, row.clone()), (2, row)]);
    assert_eq!(exits(emitted(&actions)), [(0, ExitReason::Quality), (2, ExitReason::Quality)]);
}

#[test]
fn a_budget_sends_members_away_and_gives_the_last_call_the_rest_of_the_answer() {
    let (mut generation, _) = Generation::start(ruled(3, |policy| policy.budget = NonZeroU32::new(12)));
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
    let row = scores(&[-2.0, -1.0, -1.5]);
    // 6 of 12 calls are spent. Another such round would leave none: two members, who may spend 4, and 2 remain.
    let actions = score(&mut generation, &[(0, row.clone()), (1, row.clone()), (2, row)]);
    assert_eq!(exits(emitted(&actions)), [(0, ExitReason::Budget)]);
    draft(&mut generation, &[(1, text("d")), (2, text("e"))]);
    let row = scores(&[-1.0, -2.0]);
    let actions = score(&mut generation, &[(1, row.clone()), (2, row)]);
    assert_eq!(exits(emitted(&actions)), [(2, ExitReason::Budget)]);
    assert_eq!(asked_to_draft(&actions), [(1, 10)]);
    let actions = draft(&mut generation, &[(1, text("f"))]);
    assert_eq!(asked_to_draft(&actions), [(1, 70)], "the twelfth call writes the rest");
}

#[test]
fn who_is_recalled_still_has_to_be_within_the_budget() {
    let (mut generation, _) = Generation::start(ruled(3, |policy| policy.budget = NonZeroU32::new(9)));
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
    let row = scores(&[-2.0, -1.0, -1.5]);
    let actions = score(&mut generation, &[(0, row.clone()), (1, row.clone()), (2, row)]);
    assert_eq!(exits(emitted(&actions)), [(0, ExitReason::Budget), (2, ExitReason::Budget)]);
    // The one left fails; two calls of nine are left for all who come back: the best of them, who is the one that failed.
    let actions = draft(&mut generation, &[(1, DraftOutcome::Failed)]);
    assert!(emitted(&actions).recalled.is_empty());
    assert_eq!(asked_to_draft(&actions), [(1, 10)]);
    let actions = draft(&mut generation, &[(1, DraftOutcome::ContextFull)]);
    assert_eq!(emitted(&actions).recalled, [MemberIndex(2)], "the next best");
    assert_eq!(asked_to_draft(&actions).len(), 1);
}

#[test]
fn reliable_scorers_gain_a_voice() {
    let (mut generation, _) = Generation::start(ruled(3, |policy| policy.weights = WeightRule::Reliability));
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
    let (agree, oppose) = (scores(&[-1.0, -2.0, -3.0]), scores(&[-2.2, -2.0, -1.8]));
    let actions = score(&mut generation, &[(0, agree.clone()), (1, agree), (2, oppose)]);
    let weights = emitted(&actions).scoring.as_ref().unwrap().weights.clone().unwrap();
    assert!(weights[0] == weights[1] && weights[0] > weights[2], "{weights:?}");
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}
