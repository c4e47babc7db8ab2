//! Single steps of the engine: decodes, scores, prefills, after contexts of several lengths.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use super::Plan;
use super::roofline::Cost;
use crate::engine::bench::{Bench, Stepped};
use crate::engine::{DraftJob, Sampling, ScoreSequence};
use crate::model::Model;

/// Sequences that decode side by side.
const DECODES: [usize; 3] = [1, 4, 16];
/// Candidates of a round, and the tokens of each.
const CANDIDATES: (usize, usize) = (5, 10);
const PREFILL: usize = 512;
/// Steps before those that count.
const WARM_UP: usize = 2;
/// Longest that one kind of step is repeated.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Decode,
    Score,
    Prefill,
}

/// The median of a step's repetitions.
#[derive(Clone, Debug)]
pub struct Step {
    pub kind: Kind,
    pub rows: usize,
    /// Tokens before the first row of each sequence.
    pub context: usize,
    pub ms: f64,
    pub tokens_s: f64,
    /// Seconds at the ceilings over seconds taken.
    pub roofline_share: f64,
    pub cost: Cost,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Score => "score",
            Self::Prefill => "prefill",
        }
    }
}

/// All steps of a model.
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    pub(super) cache_bytes: u64,
    pub(super) computed_tokens: u64,
    pub(super) cached_tokens: u64,
}

pub(super) fn measure(model: &Model, plan: &Plan, told: &impl Fn(&str)) -> Result<Steps> {
    let longest = plan.contexts.iter().copied().max().unwrap_or(0);
    let sequences = DECODES.into_iter().max().unwrap_or(1);
    let slots = sequences * (longest + plan.repeats + WARM_UP + 2) + PREFILL;
    let mut bench = Bench::new(model, slots)?;
    let mut steps = Vec::new();
    for context in &plan.contexts {
        for sequences in DECODES {
            told(&format!("{}: decode of {sequences} after {context}", model.info.dtype));
            steps.push(decode(model, &mut bench, (sequences, *context), plan.repeats)?);
        }
        told(&format!("{}: score and prefill after {context}", model.info.dtype));
        steps.push(score(model, &mut bench, *context, plan.repeats)?);
        steps.push(prefill(model, &mut bench, *context, plan.repeats)?);
    }
    let (computed_tokens, cached_tokens) = bench.counted();
    Ok(Steps { steps, cache_bytes: slots as u64 * model.bytes_per_token(), computed_tokens, cached_tokens })
}

fn decode(model: &Model, bench: &mut Bench<'_>, (sequences, context): (usize, usize), repeats: usize) -> Result<Step> {
    bench.clear();
    for sequence in 0..sequences {
        bench.draft(draft(model, tokens(model, sequence, context), repeats + WARM_UP + 1));
    }
    bench.hold()?;
    let times = (0..repeats + WARM_UP).map(|_| bench.step()).collect::<Result<Vec<_>>>()?;
    step(model, Kind::Decode, context, times.into_iter().skip(WARM_UP).collect())
}

fn score(model: &Model, bench: &mut Bench<'_>, context: usize, repeats: usize) -> Result<Step> {
    repeated(model, Kind::Score, context, repeats, || {
        bench.clear();
        let prefix = tokens(model, 0, context);
        bench.draft(draft(model, prefix.clone(), 1));
        bench.hold()?;
        let (candidates, length) = CANDIDATES;
        bench.score((1..=candidates).map(|candidate| {
            let tokens = [prefix.as_slice(), &tokens(model, candidate, length)].concat();
            ScoreSequence { tokens, from: context, finished: false }
        }));
        bench.step()
    })
}

fn prefill(model: &Model, bench: &mut Bench<'_>, context: usize, repeats: usize) -> Result<Step> {
    repeated(model, Kind::Prefill, context, repeats, || {
        bench.clear();
        let prefix = tokens(model, 0, context);
        bench.draft(draft(model, prefix.clone(), 1));
        bench.hold()?;
        bench.draft(draft(model, [prefix, tokens(model, 1, PREFILL)].concat(), 1));
        bench.step()
    })
}

/// Until there are enough, or they have taken long enough.
fn repeated(
    model: &Model,
    kind: Kind,
    context: usize,
    repeats: usize,
    mut one: impl FnMut() -> Result<Stepped>,
) -> Result<Step> {
    let from = Instant::now();
    let mut times = Vec::new();
    one()?;
    while times.len() < repeats && (times.len() < 3 || from.elapsed() < PATIENCE) {
        times.push(one()?);
    }
    step(model, kind, context, times)
}

fn step(model: &Model, kind: Kind, context: usize, mut times: Vec<Stepped>) -> Result<Step> {
    times.sort_by_key(|stepped| stepped.took);
    let middle = times.len() / 2;
    let Some(Stepped { took, batch }) = times.into_iter().nth(middle) else { bail!("nothing was measured") };
    let rows = batch.rows();
    let seconds = took.as_secs_f64();
    let cost = Cost::of(model, &batch);
    Ok(Step { kind, rows, context, ms: seconds * 1e3, tokens_s: rows as f64 / seconds, roofline_share: 0.0, cost })
}

fn draft(model: &Model, tokens: Vec<u32>, max_new: usize) -> DraftJob {
    let sampling = Sampling { temperature: 0.0, top_p: 1.0, ..Sampling::default() };
    debug_assert!(tokens.iter().all(|token| (*token as usize) < model.info.vocab_size));
    DraftJob { answer_from: tokens.len(), tokens, max_new, end_of_turn: Arc::new([]), sampling }
}

/// Tokens of a sequence that shares none with another's beginning.
fn tokens(model: &Model, sequence: usize, count: usize) -> Vec<u32> {
    let vocab = model.info.vocab_size.max(1);
    (0..count).map(|place| ((sequence * 7919 + place * 31 + 3) % vocab) as u32).collect()
}

/// The engine did not plan what the bench gave it.
pub(crate) fn unplanned() -> anyhow::Error {
    anyhow!("the scheduler planned no row")
}
