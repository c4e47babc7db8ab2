use std::num::NonZeroUsize;

use specfuse_core::policy::ScoreRule;

use super::*;
use crate::request::Message;

fn planned(kind: Kind) -> (Plan, Sampling) {
    let members = ["a", "b"].map(Arc::from);
    let mut sampling = Sampling::default();
    let plan = Strategy::new("s", kind, Policy::default()).plan(&members, &mut sampling);
    (plan, sampling)
}

fn labels(plan: &Plan) -> Vec<&str> {
    plan.seats.iter().map(|seat| &*seat.label).collect()
}

#[test]
fn a_member_alone_keeps_its_place_in_the_ensemble() {
    let (plan, _) = planned(Kind::Single { member: MemberIndex(1) });
    assert_eq!((labels(&plan), plan.stages[0].members.as_slice()), (vec!["a", "b"], &[MemberIndex(1)][..]));
    assert_eq!(plan.models(), ["b".into()], "nobody else is waited for");
}

#[test]
fn samples_of_one_member_have_names_of_their_own_and_are_drawn_with_some_randomness() {
    let kind = Kind::SelfFuse { member: MemberIndex(1), samples: NonZeroUsize::new(3).unwrap(), temperature: 0.5 };
    let (plan, sampling) = planned(kind);
    assert_eq!(labels(&plan), ["b", "b#2", "b#3"]);
    assert!(plan.seats.iter().all(|seat| &*seat.model == "b"));
    assert_eq!(sampling.temperature, 0.5);
    assert_eq!((plan.stages[0].policy.voters, plan.stages[0].policy.exit.rule), (Voters::First, ExitRule::Never));
}

#[test]
fn a_mixture_gathers_layer_by_layer_and_lets_one_write() {
    let kind = Kind::Mixture { aggregator: MemberIndex(1), layers: NonZeroUsize::new(2).unwrap() };
    let (plan, _) = planned(kind);
    let reads: Vec<bool> = plan.stages.iter().map(|stage| stage.reads_proposals).collect();
    assert_eq!(reads, [false, true, true]);
    assert!(plan.stages.iter().take(2).all(|stage| stage.policy.rank == RankRule::Gather && stage.members.len() == 2));
    assert_eq!(plan.stages[2].members, [MemberIndex(1)]);
    assert_eq!(plan.stages[2].policy.segment_tokens.get(), 10, "the answer itself is streamed");
}

#[test]
fn a_digest_is_of_everything_that_a_strategy_is_told() {
    let digest = |policy| Strategy::new("s", Kind::Fuse, policy).digest();
    assert_eq!(digest(Policy::default()), digest(Policy::default()));
    assert_ne!(digest(Policy::default()), digest(Policy { gate: Some(-0.1), ..Policy::default() }));
}

#[test]
fn an_adjusted_strategy_differs_in_what_was_adjusted_alone() {
    let fuse = Strategy::new("s", Kind::Fuse, Policy::default());
    assert_eq!(fuse.adjusted(&Adjustment::default()), Ok(fuse.clone()));
    let adjustment = Adjustment {
        segment_tokens: NonZeroU32::new(3),
        exit: Some(ExitRule::Never),
        theta: Some(0.25),
        tau: Some(2.0),
        score: Some(ScoreRule::MeanProb),
        min_members: NonZeroUsize::new(2),
    };
    let adjusted = fuse.adjusted(&adjustment).unwrap();
    let expected = Policy {
        segment_tokens: NonZeroU32::new(3).unwrap(),
        exit: ExitPolicy { rule: ExitRule::Never, theta: 0.25, tau: 2.0 },
        score: ScoreRule::MeanProb,
        min_members: NonZeroUsize::new(2).unwrap(),
        ..Policy::default()
    };
    assert_eq!(adjusted, Strategy { policy: expected, ..fuse.clone() });
    assert_ne!(adjusted.digest(), fuse.digest());
}

#[test]
fn each_kind_of_strategy_can_be_adjusted_in_what_it_makes_use_of() {
    let member = MemberIndex(0);
    let some = NonZeroUsize::MIN;
    let shorter = Adjustment { segment_tokens: NonZeroU32::new(3), ..Adjustment::default() };
    let colder = Adjustment { tau: Some(0.5), ..shorter };
    for kind in [
        Kind::Single { member },
        Kind::SelfFuse { member, samples: some, temperature: 0.7 },
        Kind::Mixture { aggregator: member, layers: some },
        Kind::Route { rounds: 1 },
    ] {
        let strategy = Strategy::new("s", kind, Policy::default());
        assert_eq!(strategy.adjusted(&shorter).unwrap().policy.segment_tokens.get(), 3, "{kind:?}");
        let refused = strategy.adjusted(&colder).unwrap_err().to_string();
        assert_eq!(refused, "adjustment.tau: strategy s makes no use of it: it may be given segment_tokens");
    }
    for kind in [Kind::BestOfN, Kind::Vote] {
        let refused = Strategy::new("s", kind, Policy::default()).adjusted(&shorter).unwrap_err().to_string();
        assert_eq!(refused, "adjustment.segment_tokens: strategy s makes no use of it: it may be given nothing");
    }
}

#[test]
fn where_nobody_is_asked_to_score_there_is_no_other_score() {
    let policy = Policy { rank: RankRule::Author, ..Policy::default() };
    let adjustment = Adjustment { score: Some(ScoreRule::MeanProb), ..Adjustment::default() };
    let refused = Strategy::new("s", Kind::Fuse, policy).adjusted(&adjustment);
    assert_eq!(refused, Err(Unsupported::Score("s".into())));
}

#[test]
fn what_a_strategy_cannot_do_is_refused_by_name() {
    let of = |kind| Strategy::new("mine", kind, Policy::default());
    let asks = Message { role: Role::User, content: "Why?".to_owned() };
    let conversation = Prompt::Conversation(vec![asks]);
    let some = NonZeroU32::new(5000).unwrap();
    let stop = ["END".to_owned()];
    let mixture = of(Kind::Mixture { aggregator: MemberIndex(0), layers: NonZeroUsize::MIN });
    assert_eq!(mixture.supports(&Prompt::Raw("x".to_owned()), &[], some), Err(Unsupported::Raw("mine".into())));
    assert_eq!(mixture.supports(&conversation, &stop, some), Ok(()));
    let silent = Prompt::Conversation(Vec::new());
    assert_eq!(mixture.supports(&silent, &[], some), Err(Unsupported::NoQuestion("mine".into())));
    assert_eq!(of(Kind::Vote).supports(&conversation, &stop, NonZeroU32::MIN), Err(Unsupported::Stop("mine".into())));
    let long = of(Kind::BestOfN).supports(&conversation, &[], some);
    assert_eq!(long, Err(Unsupported::MaxTokens { strategy: "mine".into(), given: 5000 }));
    assert_eq!(of(Kind::Fuse).supports(&Prompt::Raw("x".to_owned()), &stop, some), Ok(()));
}
