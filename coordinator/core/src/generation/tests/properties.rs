//! What holds for every generation, whatever its calls come to, in whatever order, told once or more often.

use proptest::prelude::*;

use super::*;
use crate::{
    generation::seed::splitmix64,
    policy::{Calibration, RankRule, Voters},
};

/// An endless supply of choices from one number.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = splitmix64(self.0);
        (self.0 % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    fn own(&mut self) -> OwnScore {
        let tokens = self.roll(4) as u32;
        OwnScore { sum_logprob: -(self.roll(400) as f64) / 100.0 * f64::from(tokens), tokens }
    }

    fn terms(&mut self) -> Terms {
        Terms::new((0..=self.roll(3)).map(|_| -(self.roll(400) as f64) / 50.0).collect()).unwrap()
    }

    fn draft(&mut self) -> DraftOutcome {
        match self.roll(20) {
            0 => DraftOutcome::ContextFull,
            1 => DraftOutcome::Refused,
            2 | 3 => DraftOutcome::Failed,
            4 => last(self.pick(&["", "b", "\n"])),
            5 => text(""),
            _ => {
                let tokens = self.pick(&[0, 1, 3, 9]);
                let text = self.pick(&["a", "b", "ab", "a\n", "é"]).to_owned();
                DraftOutcome::Drafted(Draft { text, finished: false, tokens, own: self.own() })
            }
        }
    }

    fn scores(&mut self, candidates: usize) -> ScoreOutcome {
        match self.roll(10) {
            0 => ScoreOutcome::Failed,
            1 => ScoreOutcome::Abstained,
            2 => ScoreOutcome::Scored(vec![self.terms()]),
            _ => ScoreOutcome::Scored((0..candidates).map(|_| self.terms()).collect()),
        }
    }

    /// The event that answers a call; None for what is not one.
    pub(crate) fn answer(&mut self, call: &Action) -> Option<Event> {
        match call {
            Action::Draft { round, member, .. } => {
                Some(Event::Drafted { round: *round, member: *member, outcome: self.draft() })
            }
            Action::Score { round, member, candidates, .. } => {
                Some(Event::Scored { round: *round, member: *member, outcome: self.scores(candidates.len()) })
            }
            Action::Emit(_) | Action::Finish(_) => None,
        }
    }
}

pub(crate) fn any_policy() -> impl Strategy<Value = Policy> {
    let rules = prop_oneof![
        Just(ExitRule::Cumulative),
        Just(ExitRule::NoEntropy),
        Just(ExitRule::Never),
        (0u32..4).prop_map(|rounds| ExitRule::FirstRounds { rounds }),
        (0u32..4).prop_map(|rounds| ExitRule::AllButBest { rounds }),
    ];
    let exit = (rules, 0.0..2.0, 0.05..2.0).prop_map(|(rule, theta, tau)| ExitPolicy { rule, theta, tau });
    let score = prop_oneof![Just(ScoreRule::MeanLogprob), Just(ScoreRule::MeanProb)];
    let weights = prop_oneof![
        Just(WeightRule::Uniform),
        (0.0..50.0).prop_map(|rate: f64| WeightRule::Hedge { rate }),
        Just(WeightRule::Reliability),
    ];
    let rank = prop_oneof![
        4 => Just(RankRule::Cross),
        2 => Just(RankRule::Author),
        2 => (0.0..1.0).prop_map(|alpha| RankRule::Blend { alpha }),
        1 => Just(RankRule::Majority),
        1 => Just(RankRule::Gather),
    ];
    let voters = prop_oneof![3 => Just(Voters::Everyone), 1 => Just(Voters::Others), 1 => Just(Voters::First)];
    let calibration = (0.5..2.0, -1.0..1.0).prop_map(|(scale, shift)| Calibration { scale, shift });
    let limits = (prop::option::of(-4.0..0.0), prop::option::of(1u32..40), prop::collection::vec(calibration, 0..4));
    let counts = (1u32..12, 1usize..3, 1u32..3, 1usize..4);
    let choices = (score, rank, exit, weights, voters);
    (choices, limits, counts).prop_map(
        |((score, rank, exit, weights, voters), (gate, budget, calibration), (segment, members, strikes, quorum))| {
            Policy {
                segment_tokens: NonZeroU32::new(segment).unwrap(),
                whole: segment == 7,
                score,
                rank,
                exit,
                weights,
                voters,
                gate,
                budget: budget.and_then(NonZeroU32::new),
                calibration,
                quorum: NonZeroUsize::new(quorum).unwrap(),
                min_members: NonZeroUsize::new(members).unwrap(),
                max_strikes: NonZeroU32::new(strikes).unwrap(),
            }
        },
    )
}

pub(crate) fn any_request() -> impl Strategy<Value = Request> {
    let stops = prop::collection::vec("[abé\n]{1,3}", 0..3);
    (any_policy(), 1usize..6, 1u32..60, stops, any::<u64>()).prop_map(|(policy, members, max_tokens, stop, seed)| {
        Request {
            members: MemberIndex::all(members),
            rounds_before: (seed % 3) as u32,
            policy,
            max_tokens: NonZeroU32::new(max_tokens).unwrap(),
            stop,
            seed,
        }
    })
}

fn drawn(words: &str, tokens: u32) -> DraftOutcome {
    DraftOutcome::Drafted(Draft { text: words.to_owned(), finished: false, tokens, own: OwnScore::default() })
}

/// Runs a generation to its end, answering its calls in any order, and tells it now and then what it has heard
/// before. Returns all it asked for.
fn play(request: Request, dice: &mut Dice, repeat: bool) -> Vec<Action> {
    let (mut generation, mut actions) = Generation::start(request);
    let mut open: Vec<Action> = actions.clone();
    let mut told: Vec<Event> = Vec::new();
    while !open.is_empty() {
        let call = open.swap_remove(dice.roll(open.len()));
        let Some(event) = dice.answer(&call) else { continue };
        let new = generation.step(event.clone());
        told.push(event);
        if repeat {
            for event in &told {
                let before = format!("{generation:?}");
                assert!(generation.step(event.clone()).is_empty());
                assert_eq!(before, format!("{generation:?}"));
            }
        }
        open.extend(new.iter().cloned());
        actions.extend(new);
        assert!(actions.len() < 10_000, "the generation does not end");
    }
    actions
}

proptest! {
    #[test]
    fn there_is_one_finish_and_it_comes_last(request in any_request(), seed: u64) {
        let actions = play(request.clone(), &mut Dice(seed), false);
        let finishes = actions.iter().filter(|it| matches!(it, Action::Finish(_))).count();
        prop_assert_eq!(finishes, 1);
        prop_assert!(matches!(actions.last(), Some(Action::Finish(_))));
        let finish = finished(&actions);
        prop_assert!(finish.completion_tokens <= request.max_tokens.get());
    }

    #[test]
    fn the_transcript_only_grows_and_what_is_released_is_the_answer(request in any_request(), seed: u64) {
        let actions = play(request.clone(), &mut Dice(seed), false);
        let finish = finished(&actions);
        let (mut accepted, mut released, mut rounds, mut member_rounds) = (String::new(), String::new(), 0, 0);
        for action in &actions {
            let Action::Emit(round) = action else { continue };
            prop_assert_eq!(&*round.accepted, accepted.as_str());
            released.push_str(&round.released);
            let Some(winner) = round.candidates.get(round.winner) else {
                let gathered = request.policy.rank == RankRule::Gather && finish.ending == Ending::Stop;
                rounds += u32::from(gathered);
                member_rounds += if gathered { round.active.len() as u64 } else { 0 };
                continue;
            };
            accepted.push_str(&winner.text);
            prop_assert!(accepted.starts_with(&released));
            prop_assert!(request.stop.iter().all(|stop| !released.contains(stop.as_str())));
            rounds += 1;
            member_rounds += round.active.len() as u64;
        }
        released.push_str(&finish.released);
        prop_assert_eq!(&released, &finish.text);
        prop_assert!(accepted.starts_with(&released));
        prop_assert_eq!((finish.rounds, finish.member_rounds), (rounds, member_rounds));
    }

    #[test]
    fn who_left_is_asked_nothing_more(request in any_request(), seed: u64) {
        let mut left: Vec<MemberIndex> = Vec::new();
        for action in play(request.clone(), &mut Dice(seed), false) {
            match action {
                Action::Draft { member, .. } | Action::Score { member, .. } => prop_assert!(!left.contains(&member)),
                Action::Emit(round) => {
                    left.extend(round.exits.iter().map(|exit| exit.member));
                    left.retain(|member| !round.recalled.contains(member));
                    prop_assert!(round.quality.len() == round.active.len());
                    prop_assert!(round.quality.iter().all(|quality| quality.is_finite()));
                    let quality = round.exits.iter().filter(|exit| exit.reason == ExitReason::Quality).count();
                    let others = round.exits.iter().filter(|exit| exit.reason == ExitReason::Failed).count();
                    if round.exits.iter().any(|exit| exit.reason == ExitReason::Budget) {
                        continue;
                    }
                    let stay = round.active.len() - quality - others;
                    prop_assert!(quality == 0 || stay >= request.policy.min_members.get());
                }
                Action::Finish(_) => {}
            }
        }
    }

    #[test]
    fn an_answer_costs_no_more_than_its_budget_where_nobody_fails(request in any_request(), budget in 11u32..60, seed: u64) {
        let mut request = request;
        request.policy.budget = NonZeroU32::new(budget);
        let mut dice = Dice(seed);
        let (mut generation, mut open) = Generation::start(request);
        let mut calls = 0;
        while let Some(action) = open.pop() {
            let event = match action {
                Action::Draft { round, member, max_tokens, .. } => {
                    let words = ["a", "b", "c"][dice.roll(3)];
                    let outcome = if dice.roll(20) == 0 { last(words) } else { drawn(words, max_tokens) };
                    Event::Drafted { round, member, outcome }
                }
                Action::Score { round, member, candidates, .. } => {
                    let terms = candidates.iter().map(|_| dice.terms()).collect();
                    Event::Scored { round, member, outcome: ScoreOutcome::Scored(terms) }
                }
                Action::Emit(_) | Action::Finish(_) => continue,
            };
            calls += 1;
            open.extend(generation.step(event));
        }
        prop_assert!(calls <= budget, "{calls} calls");
    }

    #[test]
    fn events_told_before_change_nothing(request in any_request(), seed: u64) {
        play(request, &mut Dice(seed), true);
    }

    #[test]
    fn the_order_of_answers_does_not_matter(request in any_request(), seed: u64, order: u64) {
        // Every answer is thrown with dice of its own, so that only the order differs between the two runs.
        let run = |order: u64| {
            let (mut generation, mut actions) = Generation::start(request.clone());
            let (mut shuffle, mut open) = (Dice(order), actions.clone());
            while !open.is_empty() {
                let call = open.swap_remove(shuffle.roll(open.len()));
                let own = match &call {
                    Action::Draft { round, member, .. } => splitmix64(u64::from(*round) * 64 + member.0 as u64),
                    Action::Score { round, member, .. } => splitmix64(u64::from(*round) * 64 + 32 + member.0 as u64),
                    Action::Emit(_) | Action::Finish(_) => continue,
                };
                let Some(event) = Dice(seed ^ own).answer(&call) else { continue };
                let new = generation.step(event);
                open.extend(new.iter().cloned());
                actions.extend(new);
            }
            format!("{actions:?}")
        };
        prop_assert_eq!(run(order), run(order.wrapping_add(1)));
    }
}
