//! Other policies for the same drafts: a recording's own decides the same, others see only what was recorded.

use proptest::prelude::*;

use super::{contest, never, thrown};
use crate::{
    generation::tests::properties::{any_policy, any_request},
    policy::{ExitRule, Policy, RankRule, Voters},
    recording::{Drafted, Round, Scored},
    replay::{AnotherRound, NoAlternative, Verdict, what_if},
};

/// A round without what calls told beside their outcomes.
fn bare(round: &Round) -> Round {
    let mut round = round.clone();
    for draft in &mut round.drafts {
        match &mut draft.outcome {
            Drafted::Drafted { token_logprobs, .. } => token_logprobs.clear(),
            Drafted::Failed { why } | Drafted::ContextFull { why } | Drafted::Refused { why } => why.clear(),
        }
    }
    for score in &mut round.scores {
        if let Scored::Abstained { why } | Scored::Failed { why } = &mut score.outcome {
            why.clear();
        }
    }
    round.exits.iter_mut().for_each(|exit| exit.detail.clear());
    round
}

fn decided(round: &AnotherRound) -> &Round {
    let Verdict::Decided { round, .. } = &round.verdict else { panic!("{round:?}") };
    round
}

fn exits(round: &AnotherRound) -> Vec<&str> {
    decided(round).exits.iter().map(|exit| exit.member.as_str()).collect()
}

proptest! {
    #[test]
    fn the_recordings_own_policy_decides_as_recorded(request in any_request(), seed: u64) {
        let recording = thrown(request, seed);
        let alternative = what_if(&recording, &recording.stages[0].policy).unwrap();
        prop_assert_eq!(alternative.rounds.len(), recording.rounds.len());
        for (other, recorded) in alternative.rounds.iter().zip(&recording.rounds) {
            prop_assert_eq!(decided(other), &bare(recorded));
            prop_assert!(other.agrees() == Some(true) && !other.goes_on());
        }
        prop_assert_eq!(alternative.agreeing(), recording.rounds.len());
    }

    #[test]
    fn any_other_policy_judges_recorded_drafts_alone(request in any_request(), policy in any_policy(), seed: u64) {
        let recording = thrown(request, seed);
        let alternative = what_if(&recording, &policy).unwrap();
        prop_assert_eq!(alternative.rounds.len(), recording.rounds.len());
        for (other, recorded) in alternative.rounds.iter().zip(&recording.rounds) {
            let Verdict::Decided { round, .. } = &other.verdict else { continue };
            let drafted = |member: &String| recorded.drafts.iter().any(|draft| draft.member == *member);
            prop_assert!(round.active.iter().all(drafted));
            prop_assert!(round.quality.iter().all(|quality| quality.is_finite()));
            let known = |text: &str| recorded.candidates.iter().any(|candidate| candidate.text == text);
            prop_assert!(recorded.candidates.is_empty() || round.candidates.iter().all(|it| known(&it.text)));
        }
    }
}

#[test]
fn another_policy_may_keep_a_member_that_left_and_it_has_no_part_where_it_did_not_draft() {
    let recording = contest(Policy::default());
    let left: Vec<usize> = recording.rounds.iter().map(|round| round.exits.len()).collect();
    assert!(left.contains(&1), "the second member leaves: {left:?}");
    let alternative = what_if(&recording, &never()).unwrap();
    assert!(alternative.rounds.iter().all(|round| exits(round).is_empty()));
    let active: Vec<usize> = alternative.rounds.iter().map(|round| decided(round).active.len()).collect();
    assert_eq!(active, recording.rounds.iter().map(|round| round.active.len()).collect::<Vec<_>>());
    assert_eq!((alternative.agreeing(), alternative.first_different()), (3, None));
}

#[test]
fn another_policy_may_send_a_member_away_that_stayed() {
    let recording = contest(never());
    let mut policy = Policy::default();
    policy.exit.rule = ExitRule::AllButBest { rounds: 1 };
    let alternative = what_if(&recording, &policy).unwrap();
    assert_eq!(exits(&alternative.rounds[0]), ["m1"]);
    assert_eq!(decided(&alternative.rounds[1]).active, ["m0"]);
    assert_eq!(decided(&alternative.rounds[1]).decided_by, "unopposed");
}

#[test]
fn scores_that_were_not_recorded_cannot_be_told() {
    let unscored = contest(Policy { rank: RankRule::Author, ..never() });
    let alternative = what_if(&unscored, &never()).unwrap();
    assert!(alternative.rounds.iter().all(|round| round.verdict == Verdict::NoScores));
    assert_eq!((alternative.decided(), alternative.agreeing(), alternative.first_different()), (0, 0, None));
    let scored_by_one = contest(Policy { voters: Voters::First, ..never() });
    assert_eq!(what_if(&scored_by_one, &never()).unwrap().decided(), 0);
}

#[test]
fn an_answer_may_end_earlier_or_later() {
    let recording = contest(never());
    let quorum = Policy { quorum: std::num::NonZeroUsize::new(2).unwrap(), ..never() };
    assert!(what_if(&recording, &quorum).unwrap().rounds.iter().all(|round| round.ends_earlier().is_none()));
    let mut rounds = what_if(&recording, &never()).unwrap().rounds;
    rounds[0].ended = true;
    assert_eq!(rounds.iter().map(AnotherRound::goes_on).collect::<Vec<_>>(), [true, false, false]);
    (rounds[0].ended, rounds[2].ended) = (false, false);
    let ends: Vec<_> = rounds.iter().map(AnotherRound::ends_earlier).collect();
    assert_eq!(ends, [None, None, Some("stop")]);
}

#[test]
fn of_several_generations_there_is_no_telling() {
    let mut recording = contest(never());
    recording.stages.push(recording.stages[0].clone());
    assert_eq!(what_if(&recording, &never()), Err(NoAlternative::Stages(2)));
    let mut recording = contest(never());
    recording.rounds[0].quality[0] += 1.0;
    assert!(matches!(what_if(&recording, &never()), Err(NoAlternative::Differs(difference)) if difference.round == 1));
}

#[test]
fn an_answer_whose_end_nobody_was_told_ended_all_the_same() {
    let mut recording = contest(never());
    recording.ending = None;
    let alternative = what_if(&recording, &never()).unwrap();
    let last = alternative.rounds.last().unwrap();
    assert!(last.ended && last.ends_earlier().is_none(), "{last:?}");
    recording.rounds.pop();
    let alternative = what_if(&recording, &never()).unwrap();
    assert!(alternative.rounds.iter().all(|round| !round.ended));
}
