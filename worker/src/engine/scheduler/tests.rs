use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::engine::{DraftJob, Sampling, ScoreSequence};

const VOCAB: u32 = 5;

/// A model whose keys are the tokens themselves: a row's logits depend on exactly what its span's slots hold, and on whether its
/// sequence is long.
#[derive(Default)]
struct FakeModel {
    slots: BTreeMap<u32, (usize, u32, bool)>, // slot: (position, token, long)
    short_context: Option<usize>,
}

impl FakeModel {
    fn forward(&mut self, batch: &Batch) -> Vec<Vec<f32>> {
        let mut written = HashSet::new();
        for (row, write) in batch.writes.iter().enumerate() {
            if let Some(slot) = write {
                assert!(written.insert(*slot), "slot {slot} written twice in one pass");
                let long = self.is_long(batch.lengths[row]);
                self.slots.insert(*slot, (batch.positions[row] as usize, batch.tokens[row], long));
            }
        }
        let mut logits = Vec::new();
        let mut row = 0;
        for span in &batch.spans {
            assert_eq!(span.slots.len(), span.start + span.rows);
            for position in span.start..span.start + span.rows {
                let seen: Vec<_> = span.slots[..=position].iter().map(|slot| self.slots[slot]).collect();
                assert!(
                    seen.iter().enumerate().all(|(place, (held, ..))| place == *held),
                    "a slot of another position"
                );
                assert_eq!(seen[position].1, batch.tokens[row]);
                let long = self.is_long(batch.lengths[row]);
                assert!(seen.iter().all(|(.., held)| *held == long), "keys of a short sequence under a long one");
                if batch.reads.contains(&(row as u32)) {
                    logits.push(Self::logits(&seen, long));
                }
                row += 1;
            }
        }
        assert_eq!(row, batch.rows());
        logits
    }

    fn is_long(&self, length: u32) -> bool {
        self.short_context.is_some_and(|longest| length as usize > longest)
    }

    fn logits(seen: &[(usize, u32, bool)], long: bool) -> Vec<f32> {
        let mix = |state: u32, token: u32| (state ^ (token + 1)).wrapping_mul(0x9E37_79B1).rotate_left(13);
        let state = seen.iter().fold(17 + u32::from(long), |state, (_, token, _)| mix(state, *token));
        (0..VOCAB).map(|token| (mix(state, token) >> 16) as f32 / 16384.0).collect()
    }
}

#[derive(Clone, Debug)]
enum Ask {
    Draft { tokens: Vec<u32>, max_new: usize, temperature: f32, ends: bool },
    Score { candidates: Vec<(Vec<u32>, usize, bool)> },
}

fn sequences(call: u64, ask: &Ask) -> Vec<Sequence> {
    let id = |index| SequenceId { call, index };
    let end_of_turn: Arc<[u32]> = Arc::new([0]);
    match ask.clone() {
        Ask::Draft { tokens, max_new, temperature, ends } => {
            let sampling = Sampling { temperature, seed: call, ..Sampling::default() };
            let end_of_turn: Arc<[u32]> = if ends { end_of_turn } else { Arc::new([]) };
            vec![Sequence::draft(id(0), DraftJob { answer_from: tokens.len(), tokens, max_new, end_of_turn, sampling })]
        }
        Ask::Score { candidates } => {
            let one = |(index, (tokens, from, finished))| {
                Sequence::score(id(index), ScoreSequence { tokens, from, finished }, end_of_turn.clone())
            };
            candidates.into_iter().enumerate().map(one).filter(|sequence| !sequence.is_empty()).collect()
        }
    }
}

type Outcomes = BTreeMap<SequenceId, Outcome>;

/// One pass; false: there was nothing to do.
fn step(scheduler: &mut Scheduler, model: &mut FakeModel, outcomes: &mut Outcomes) -> bool {
    let idle = scheduler.is_idle();
    let plan = scheduler.plan();
    assert!(plan.batch.rows() <= scheduler.max_rows, "over the budget");
    assert_eq!(plan.batch.rows() == 0, idle, "no progress");
    assert_eq!(plan.batch.reads.len(), plan.readers.len());
    assert_eq!(plan.batch.spans.len(), plan.owners.len());
    let partial = scheduler.running.iter().rev().skip(1).filter(|sequence| sequence.remaining() > 0).count();
    assert_eq!(partial, 0, "only the newest may be partly prefilled");
    let logits = model.forward(&plan.batch);
    for (reader, logits) in plan.readers.iter().zip(logits) {
        if let Some(outcome) = scheduler.read(*reader, &logits) {
            assert!(outcomes.insert(*reader, outcome.unwrap()).is_none());
        }
    }
    scheduler.cache.assert_sound();
    !idle
}

fn run(scheduler: &mut Scheduler, model: &mut FakeModel) -> Outcomes {
    let mut outcomes = Outcomes::new();
    let mut steps = 0;
    while step(scheduler, model, &mut outcomes) {
        steps += 1;
        assert!(steps < 20_000, "somebody starves");
    }
    outcomes
}

fn alone(call: u64, ask: &Ask, short_context: Option<usize>) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for sequence in sequences(call, ask) {
        let mut scheduler = Scheduler::new(1000, 1000, short_context);
        scheduler.submit(sequence);
        outcomes.extend(run(&mut scheduler, &mut FakeModel { short_context, ..FakeModel::default() }));
    }
    outcomes
}

fn draft(tokens: &[u32], max_new: usize) -> Ask {
    Ask::Draft { tokens: tokens.to_vec(), max_new, temperature: 0.0, ends: false }
}

fn submit(scheduler: &mut Scheduler, call: u64, ask: &Ask) {
    sequences(call, ask).into_iter().for_each(|sequence| scheduler.submit(sequence));
}

#[test]
fn candidates_share_their_prefix_within_one_pass() {
    let mut scheduler = Scheduler::new(100, 100, None);
    let context = [1, 2, 3, 4, 1, 2, 3, 4];
    let candidate = |last: u32| ([&context[..], &[last, 1]].concat(), 8, false);
    submit(&mut scheduler, 0, &Ask::Score { candidates: (0..4).map(candidate).collect() });
    let plan = scheduler.plan();
    // The first: 9 rows. Each other: its own token, and the last context token again for its logits.
    assert_eq!(plan.batch.spans.iter().map(|span| span.rows).collect::<Vec<_>>(), [9, 2, 2, 2]);
    assert_eq!(plan.batch.writes.iter().flatten().count(), 12);
    assert_eq!(plan.admitted.iter().map(|admission| admission.cached).collect::<Vec<_>>(), [0, 7, 7, 7]);
}

#[test]
fn prefill_is_cut_to_the_budget_and_decoding_goes_first() {
    let mut scheduler = Scheduler::new(100, 4, None);
    let mut model = FakeModel::default();
    let long = Ask::Score { candidates: vec![(vec![3; 9], 1, false)] };
    submit(&mut scheduler, 0, &draft(&[1, 2], 8));
    let mut outcomes = Outcomes::new();
    step(&mut scheduler, &mut model, &mut outcomes);
    submit(&mut scheduler, 1, &long);
    let mut shapes = Vec::new();
    for _ in 0..3 {
        let plan = scheduler.plan();
        shapes.push(plan.batch.spans.iter().map(|span| span.rows).collect::<Vec<_>>());
        for (reader, logits) in plan.readers.iter().zip(model.forward(&plan.batch)) {
            let outcome = scheduler.read(*reader, &logits);
            assert!(reader.call == 1 || outcome.is_none(), "the draft was to go on");
        }
    }
    assert_eq!(shapes, [[1, 3], [1, 3], [1, 2]]);
}

#[test]
fn equal_prompts_that_arrive_together_are_computed_once() {
    let mut scheduler = Scheduler::new(100, 6, None);
    let prompt = [1, 2, 3, 4, 1, 2, 3, 4, 4, 4];
    submit(&mut scheduler, 0, &draft(&prompt, 1));
    submit(&mut scheduler, 1, &draft(&prompt, 1));
    assert_eq!(scheduler.plan().owners.len(), 1);
    let second = scheduler.plan();
    assert_eq!(second.batch.spans.iter().map(|span| span.rows).collect::<Vec<_>>(), [4, 1]);
}

#[test]
fn twins_that_draw_the_same_tokens_write_each_key_once() {
    let mut scheduler = Scheduler::new(100, 16, None);
    let mut model = FakeModel::default();
    submit(&mut scheduler, 0, &draft(&[1, 2], 6));
    submit(&mut scheduler, 1, &draft(&[1, 2], 6));
    let mut written = Vec::new();
    while !scheduler.is_idle() {
        let plan = scheduler.plan();
        written.extend(plan.batch.writes.iter().flatten().copied());
        for (reader, logits) in plan.readers.iter().zip(model.forward(&plan.batch)) {
            scheduler.read(*reader, &logits);
        }
    }
    written.sort_unstable();
    assert_eq!(written, (0..7).collect::<Vec<_>>());
}

#[test]
fn nobody_is_admitted_behind_a_prefill_that_ran_out_of_slots() {
    let mut scheduler = Scheduler::new(14, 4, None);
    let mut model = FakeModel::default();
    submit(&mut scheduler, 0, &draft(&[1, 2], 12));
    submit(&mut scheduler, 1, &draft(&[3; 11], 1));
    // Needs no slot of its own.
    submit(&mut scheduler, 2, &Ask::Score { candidates: vec![(vec![1, 2], 1, false)] });
    let mut outcomes = Outcomes::new();
    for _ in 0..4 {
        step(&mut scheduler, &mut model, &mut outcomes);
    }
    assert_eq!((scheduler.running.len(), scheduler.running[1].remaining(), scheduler.cache.available()), (2, 2, 0));
    assert!(outcomes.is_empty());
    outcomes.extend(run(&mut scheduler, &mut model));
    assert_eq!(outcomes.len(), 3);
}

#[test]
fn the_newest_gives_way_and_ends_with_the_same_tokens() {
    let mut scheduler = Scheduler::new(24, 16, None);
    let asks = [draft(&[1, 2, 3], 20), draft(&[2, 3, 4], 20), draft(&[3, 4, 1], 20)];
    for (call, ask) in (0..).zip(&asks) {
        submit(&mut scheduler, call, ask);
    }
    let mut model = FakeModel::default();
    let mut outcomes = Outcomes::new();
    let mut gave_way = HashSet::new();
    while step(&mut scheduler, &mut model, &mut outcomes) {
        gave_way.extend(
            scheduler.waiting.iter().filter(|sequence| sequence.admitted_before).map(|sequence| sequence.id.call),
        );
    }
    assert!(!gave_way.is_empty() && !gave_way.contains(&0), "{gave_way:?}");
    for (call, ask) in (0..).zip(&asks) {
        assert_eq!(outcomes[&SequenceId { call, index: 0 }], alone(call, ask, None)[&SequenceId { call, index: 0 }]);
    }
}

#[test]
fn a_draft_that_outgrows_the_short_context_is_computed_again_once() {
    let short_context = Some(4);
    let mut scheduler = Scheduler::new(100, 16, short_context);
    let mut model = FakeModel { short_context, ..FakeModel::default() };
    submit(&mut scheduler, 0, &draft(&[1, 2, 3], 4));
    let mut rows = Vec::new();
    while !scheduler.is_idle() {
        let plan = scheduler.plan();
        rows.push(plan.batch.rows());
        for (reader, logits) in plan.readers.iter().zip(model.forward(&plan.batch)) {
            scheduler.read(*reader, &logits);
        }
    }
    // Three of the context, the fourth; then five at once, and the sixth.
    assert_eq!(rows, [3, 1, 5, 1]);
}

#[test]
fn a_failed_pass_ends_the_running_and_spares_the_waiting() {
    let mut scheduler = Scheduler::new(10, 16, None);
    submit(&mut scheduler, 0, &draft(&[1, 2, 3, 4, 1, 2], 4));
    submit(&mut scheduler, 1, &draft(&[4, 2, 3, 4, 1, 2], 4));
    scheduler.plan();
    assert_eq!(scheduler.fail_running(), [0]);
    assert_eq!(scheduler.cache.available(), 10);
    let outcomes = run(&mut scheduler, &mut FakeModel::default());
    assert_eq!(outcomes.keys().map(|id| id.call).collect::<Vec<_>>(), [1]);
}

fn ask() -> impl Strategy<Value = Ask> {
    let tokens = |longest| prop::collection::vec(1..VOCAB, 1..longest);
    let draft = (tokens(14), 1usize..12, prop::bool::ANY).prop_map(|(tokens, max_new, warm)| Ask::Draft {
        tokens,
        max_new,
        temperature: f32::from(u8::from(warm)),
        ends: true,
    });
    let tail = (tokens(6), prop::bool::ANY);
    let score = (tokens(12), prop::collection::vec(tail, 1..5)).prop_map(|(context, tails)| {
        let one = |(tail, finished): (Vec<u32>, bool)| ([context.clone(), tail].concat(), context.len(), finished);
        Ask::Score { candidates: tails.into_iter().map(one).collect() }
    });
    prop_oneof![draft, score]
}

proptest! {
    /// Calls arrive and are cancelled at any time, in a cache that may hold little more than one of them.
    #[test]
    fn every_call_ends_as_if_alone(
        slots in 26usize..80,
        max_rows in 1usize..20,
        short_context in prop::option::of(1usize..24),
        asks in prop::collection::vec((ask(), 0usize..6, prop::option::weighted(0.2, 0usize..8)), 1..12),
    ) {
        let mut scheduler = Scheduler::new(slots, max_rows, short_context);
        let mut model = FakeModel { short_context, ..FakeModel::default() };
        let mut outcomes = Outcomes::new();
        let mut cancelled = HashSet::new();
        for (call, (ask, pause, cancel)) in (0u64..).zip(&asks) {
            submit(&mut scheduler, call, ask);
            for _ in 0..*pause {
                step(&mut scheduler, &mut model, &mut outcomes);
            }
            if let Some(back) = cancel {
                let victim = call.saturating_sub(*back as u64);
                scheduler.cancel(victim);
                cancelled.insert(victim);
            }
        }
        outcomes.extend(run(&mut scheduler, &mut model));
        prop_assert_eq!(scheduler.cache.available(), slots, "a slot leaked");
        for (call, (ask, ..)) in (0u64..).zip(&asks) {
            for (id, expected) in alone(call, ask, short_context) {
                match outcomes.get(&id) {
                    Some(found) => prop_assert_eq!(found, &expected),
                    None => prop_assert!(cancelled.contains(&call), "call {} has no end", call),
                }
            }
        }
    }
}
