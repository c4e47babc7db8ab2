//! Rounds in which members fail: quorums, those who are late, and those who come back.

use super::*;
use crate::generation::undecided::MOST_UNDECIDED;

fn failing(members: usize, quorum: usize) -> Request {
    let mut request = request(members);
    request.policy.quorum = NonZeroUsize::new(quorum).unwrap();
    request.max_tokens = NonZeroU32::new(100).unwrap();
    request
}

fn attempts(actions: &[Action]) -> Vec<(usize, u32)> {
    let draft = |it: &Action| match it {
        Action::Draft { member, attempt, .. } => Some((member.0, *attempt)),
        Action::Score { .. } | Action::Emit(_) | Action::Finish(_) => None,
    };
    actions.iter().filter_map(draft).collect()
}

/// Three members of whom only the first is left, by quality, after the first round.
fn one_left() -> Generation {
    let mut request = failing(3, 1);
    request.policy.exit.theta = 1.0;
    request.policy.exit.tau = 0.01;
    let (mut generation, _) = Generation::start(request);
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
    let all = scores(&[-0.1, -4.0, -5.0]);
    let actions = score(&mut generation, &[(0, all.clone()), (1, all.clone()), (2, all)]);
    assert_eq!(asked_to_draft(&actions), [(0, 10)]);
    generation
}

#[test]
fn a_quorum_of_drafts_or_scores_is_told_while_others_are_missing() {
    let (mut generation, _) = Generation::start(failing(3, 2));
    draft(&mut generation, &[(0, text("a")), (1, DraftOutcome::Failed)]);
    assert!(!generation.has_quorum(), "a failure is no draft");
    let (mut generation, _) = Generation::start(failing(3, 2));
    draft(&mut generation, &[(0, text("a")), (2, text("b"))]);
    assert!(generation.has_quorum());
    assert_eq!(asked_to_score(&draft(&mut generation, &[(1, DraftOutcome::Failed)])), [0, 2]);
    assert!(!generation.has_quorum(), "another phase");
    let mut generation = Generation::start(failing(3, 1)).0;
    draft(&mut generation, &[(0, text("a")), (1, text("b")), (2, text("c"))]);
    score(&mut generation, &[(0, ScoreOutcome::Abstained)]);
    assert!(!generation.has_quorum(), "an abstention is no score");
    score(&mut generation, &[(1, scores(&[-1.0, -2.0, -3.0]))]);
    assert!(generation.has_quorum());
}

#[test]
fn too_few_drafts_decide_nothing_and_are_asked_for_again_a_few_times() {
    let (mut generation, actions) = Generation::start(failing(2, 2));
    assert_eq!(attempts(&actions), [(0, 0), (1, 0)]);
    draft(&mut generation, &[(0, text("a")), (1, text("a"))]);
    let actions = draft(&mut generation, &[(0, text("b")), (1, DraftOutcome::Failed)]);
    let round = emitted(&actions);
    assert_eq!((round.candidates.len(), round.exits.len(), round.released.as_str()), (0, 0, ""));
    assert_eq!(attempts(&actions), [(0, 1), (1, 1)]);
    let actions = draft(&mut generation, &[(0, text("b")), (1, text("b"))]);
    assert_eq!(attempts(&actions), [(0, 0), (1, 0)]);
    draft(&mut generation, &[(0, DraftOutcome::Failed), (1, text("c"))]);
    // Whoever is out of strikes does not count for the quorum any more.
    let actions = draft(&mut generation, &[(0, DraftOutcome::Failed), (1, text("c"))]);
    assert_eq!(exits(emitted(&actions)), [(0, ExitReason::Failed)]);
    assert_eq!(attempts(&actions), [(1, 2)]);
    let actions = draft(&mut generation, &[(1, last("c"))]);
    assert_eq!((finished(&actions).text.as_str(), finished(&actions).rounds), ("abc", 3));
}

#[test]
fn without_a_quorum_at_the_start_the_answer_fails_at_once() {
    let (mut generation, _) = Generation::start(failing(2, 2));
    let actions = draft(&mut generation, &[(0, text("a")), (1, DraftOutcome::Failed)]);
    assert_eq!((actions.len(), finished(&actions).ending), (1, Ending::Failed(Failure::NoQuorum)));
}

#[test]
fn whoever_left_for_its_quality_is_recalled_when_those_who_stayed_fail() {
    let mut generation = one_left();
    let actions = draft(&mut generation, &[(0, DraftOutcome::Failed)]);
    assert_eq!(emitted(&actions).recalled, [MemberIndex(1), MemberIndex(2)]);
    assert_eq!(attempts(&actions), [(0, 1), (1, 1), (2, 1)]);
    let actions = draft(&mut generation, &[(0, DraftOutcome::Failed), (1, last("b")), (2, last("b"))]);
    let finish = finished(&actions);
    assert_eq!((finish.ending, finish.text.as_str()), (Ending::Stop, "ab"));
}

#[test]
fn they_are_recalled_too_when_the_context_of_the_last_is_full() {
    let mut generation = one_left();
    let actions = draft(&mut generation, &[(0, DraftOutcome::ContextFull)]);
    assert_eq!(exits(emitted(&actions)), [(0, ExitReason::ContextFull)]);
    assert_eq!(attempts(&actions), [(1, 1), (2, 1)]);
}

#[test]
fn members_that_go_on_failing_end_the_answer_and_its_text_stands() {
    let mut request = failing(1, 1);
    request.policy.max_strikes = NonZeroU32::new(1_000_000).unwrap();
    let (mut generation, _) = Generation::start(request);
    draft(&mut generation, &[(0, text("a"))]);
    for attempt in 1..MOST_UNDECIDED {
        assert_eq!(attempts(&draft(&mut generation, &[(0, DraftOutcome::Failed)])), [(0, attempt)]);
    }
    let actions = draft(&mut generation, &[(0, DraftOutcome::Failed)]);
    let finish = finished(&actions);
    assert_eq!((finish.ending, finish.text.as_str()), (Ending::Failed(Failure::Unavailable), "a"));
}

#[test]
fn whoever_was_out_of_strikes_is_asked_again_before_the_answer_fails() {
    let mut request = failing(2, 1);
    request.policy.max_strikes = NonZeroU32::MIN;
    let (mut generation, _) = Generation::start(request);
    draft(&mut generation, &[(0, DraftOutcome::Failed), (1, text("a"))]);
    let actions = draft(&mut generation, &[(1, DraftOutcome::Failed)]);
    assert_eq!(emitted(&actions).recalled, [MemberIndex(0), MemberIndex(1)]);
    let actions = draft(&mut generation, &[(0, last("b")), (1, DraftOutcome::Failed)]);
    assert_eq!(finished(&actions).text, "ab");
}

#[test]
fn void_drafts_end_the_answer_only_once_nobody_else_may_have_something_to_say() {
    let void = || text("");
    let (mut generation, _) = Generation::start(failing(2, 1));
    let actions = draft(&mut generation, &[(0, void()), (1, DraftOutcome::Failed)]);
    assert_eq!(attempts(&actions), [(0, 1), (1, 1)]);
    let actions = draft(&mut generation, &[(0, void()), (1, DraftOutcome::Failed)]);
    assert_eq!(attempts(&actions), [(0, 2)], "the other is out of strikes");
    let actions = draft(&mut generation, &[(0, void())]);
    assert_eq!(finished(&actions).ending, Ending::Length);
    let (mut generation, _) = Generation::start(failing(2, 1));
    draft(&mut generation, &[(0, void())]);
    assert!(!generation.has_quorum(), "nobody goes on with nothing");
}
