//! Single steps of the engine: decodes, scores, prefills, after contexts of several lengths.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::roofline::Cost;
use super::{Ceilings, memory};
use crate::config::BenchConfig;
use crate::engine::bench::{Bench, StepError, Stepped};
use crate::engine::{DraftJob, Sampling, ScoreSequence};
use crate::model::{ForwardError, Model, WeightFormat};

/// Sequences that decode side by side, and those that only a device is given.
const DECODES: [usize; 3] = [1, 4, 16];
const DECODES_ON_DEVICE: [usize; 1] = [64];
/// Candidates of a round, and the tokens of each.
const CANDIDATES: (usize, usize) = (5, 10);
const PREFILL: usize = 512;
/// Steps before those that count.
const WARM_UP: usize = 2;
/// Longest that one kind of step is repeated, once it was three times.
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
    pub cost: Cost,
    /// At the ceilings before or after it, whichever are better; None: nothing was measured for weights in this format.
    pub least_ms: Option<f64>,
    /// Bytes a second of those ceilings.
    pub bandwidth: f64,
}

impl Timed {
    /// Of a model whose large products are in `format`.
    pub(super) fn against(self, ceilings: &Ceilings, format: Option<WeightFormat>) -> Step {
        let Self { kind, rows, context, seconds, cost } = self;
        Step {
            kind,
            rows,
            context,
            ms: seconds * 1e3,
            tokens_s: rows as f64 / seconds,
            least_ms: ceilings.fastest(&cost, format).map(|seconds| seconds * 1e3),
            bandwidth: ceilings.bandwidth,
            cost,
        }
    }
}

impl Step {
    /// Time at the ceilings over time taken.
    pub fn roofline_share(&self) -> Option<f64> {
        self.least_ms.map(|least| least / self.ms)
    }
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

/// A step to be measured.
#[derive(Clone, Copy)]
struct Wanted {
    kind: Kind,
    /// Of a decode.
    sequences: usize,
    context: usize,
    repeats: usize,
}

/// A step that was timed, not yet held against anything.
pub(super) struct Timed {
    kind: Kind,
    rows: usize,
    context: usize,
    seconds: f64,
    cost: Cost,
}

/// Why a step is not measured.
#[derive(Debug, PartialEq, thiserror::Error)]
enum Obstacle {
    #[error("it needs {needed} positions, the model has {positions}")]
    Positions { needed: usize, positions: usize },
    #[error("its keys and values need {} MiB, {} MiB of memory are free", needed >> 20, free >> 20)]
    Memory { needed: u64, free: u64 },
}

/// What limits steps.
#[derive(Clone, Copy)]
struct Limits {
    positions: usize,
    bytes_per_token: u64,
    /// Bytes, where that is known.
    free: Option<u64>,
}

/// The steps of one model, and their keys and values.
pub(super) struct Steps<'m> {
    model: &'m Model,
    bench: Bench<'m>,
    wanted: Vec<Wanted>,
    slots: usize,
}

impl<'m> Steps<'m> {
    /// Makes room for all steps that the model and the machine can take; `told` hears of the others.
    pub(super) fn new(model: &'m Model, config: &BenchConfig, told: &dyn Fn(&str)) -> Result<Self, ForwardError> {
        let on_host = config.model.options.on_host();
        let free = if on_host { memory::available() } else { None };
        let limits = Limits { positions: model.info.context_length, bytes_per_token: model.bytes_per_token(), free };
        let decodes = DECODES.iter().chain(if on_host { [].iter() } else { DECODES_ON_DEVICE.iter() });
        let kinds = decodes.map(|sequences| (Kind::Decode, *sequences)).chain([(Kind::Score, 1), (Kind::Prefill, 1)]);
        let kinds: Vec<(Kind, usize)> = kinds.collect();
        let mut wanted = Vec::new();
        for context in &config.contexts {
            for (kind, sequences) in &kinds {
                let step = Wanted { kind: *kind, sequences: *sequences, context: *context, repeats: config.repeats };
                match step.obstacle(limits) {
                    None => wanted.push(step),
                    Some(obstacle) => told(&format!("{}: {} is skipped: {obstacle}", model.info.dtype, step.shown())),
                }
            }
        }
        let slots = wanted.iter().map(|step| step.slots()).max().unwrap_or(0);
        Ok(Self { model, bench: Bench::new(model, slots.max(1))?, wanted, slots })
    }

    pub(super) fn count(&self) -> usize {
        self.wanted.len()
    }

    /// The step of this number, below `count`.
    pub(super) fn measure(&mut self, index: usize, told: &dyn Fn(&str)) -> Result<Timed, StepError> {
        let (model, bench) = (self.model, &mut self.bench);
        let step = *self.wanted.get(index).ok_or(StepError::Unplanned)?;
        told(&format!("{}: {}", model.info.dtype, step.shown()));
        let times = match step.kind {
            Kind::Decode => decode(model, bench, step),
            Kind::Score => score(model, bench, step),
            Kind::Prefill => prefill(model, bench, step),
        };
        median(model, step, times?)
    }

    pub(super) fn cache_bytes(&self) -> u64 {
        self.slots as u64 * self.model.bytes_per_token()
    }

    /// Tokens that steps computed, and tokens that they found in the cache.
    pub(super) fn counted(&self) -> (u64, u64) {
        self.bench.counted()
    }
}

impl Wanted {
    fn shown(self) -> String {
        let Self { kind, sequences, context, .. } = self;
        match kind {
            Kind::Decode => format!("decode of {sequences} after {context}"),
            Kind::Score | Kind::Prefill => format!("{} after {context}", kind.name()),
        }
    }

    /// Tokens of its longest sequence.
    fn positions(self) -> usize {
        let new = match self.kind {
            Kind::Decode => self.repeats + WARM_UP + 1,
            Kind::Score => CANDIDATES.1,
            Kind::Prefill => PREFILL,
        };
        self.context + new
    }

    /// Tokens that are held at once, and one for each sequence that may want to grow.
    fn slots(self) -> usize {
        match self.kind {
            Kind::Decode => self.sequences * (self.positions() + 1),
            Kind::Score => self.context + CANDIDATES.0 * CANDIDATES.1 + 1,
            Kind::Prefill => self.positions() + 1,
        }
    }

    fn obstacle(self, limits: Limits) -> Option<Obstacle> {
        let (needed, positions) = (self.positions(), limits.positions);
        if needed > positions {
            return Some(Obstacle::Positions { needed, positions });
        }
        let needed = (self.slots() as u64).saturating_mul(limits.bytes_per_token);
        let free = limits.free.filter(|free| needed > *free)?;
        Some(Obstacle::Memory { needed, free })
    }
}

fn decode(model: &Model, bench: &mut Bench<'_>, step: Wanted) -> Result<Vec<Stepped>, StepError> {
    bench.clear();
    for sequence in 0..step.sequences {
        bench.draft(draft(model, tokens(model, sequence, step.context), step.repeats + WARM_UP + 1));
    }
    bench.hold()?;
    let times = (0..step.repeats + WARM_UP).map(|_| bench.step()).collect::<Result<Vec<_>, _>>()?;
    Ok(times.into_iter().skip(WARM_UP).collect())
}

fn score(model: &Model, bench: &mut Bench<'_>, step: Wanted) -> Result<Vec<Stepped>, StepError> {
    repeated(step.repeats, || {
        bench.clear();
        let prefix = tokens(model, 0, step.context);
        bench.draft(draft(model, prefix.clone(), 1));
        bench.hold()?;
        let (candidates, length) = CANDIDATES;
        bench.score((1..=candidates).map(|candidate| {
            let tokens = [prefix.as_slice(), &tokens(model, candidate, length)].concat();
            ScoreSequence { tokens, from: step.context, finished: false }
        }));
        bench.step()
    })
}

fn prefill(model: &Model, bench: &mut Bench<'_>, step: Wanted) -> Result<Vec<Stepped>, StepError> {
    repeated(step.repeats, || {
        bench.clear();
        let prefix = tokens(model, 0, step.context);
        bench.draft(draft(model, prefix.clone(), 1));
        bench.hold()?;
        bench.draft(draft(model, [prefix, tokens(model, 1, PREFILL)].concat(), 1));
        bench.step()
    })
}

/// Until there are enough, or they have taken long enough.
fn repeated(repeats: usize, mut one: impl FnMut() -> Result<Stepped, StepError>) -> Result<Vec<Stepped>, StepError> {
    let from = Instant::now();
    let mut times = Vec::new();
    one()?;
    while times.len() < repeats && (times.len() < 3 || from.elapsed() < PATIENCE) {
        times.push(one()?);
    }
    Ok(times)
}

fn median(model: &Model, step: Wanted, mut times: Vec<Stepped>) -> Result<Timed, StepError> {
    times.sort_by_key(|stepped| stepped.took);
    let middle = times.len() / 2;
    let Stepped { took, batch } = times.into_iter().nth(middle).ok_or(StepError::Unplanned)?;
    let Wanted { kind, context, .. } = step;
    let cost = Cost::of(&model.shape(), &batch);
    Ok(Timed { kind, rows: batch.rows(), context, seconds: took.as_secs_f64(), cost })
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { positions: 2048, bytes_per_token: 1 << 20, free: Some(600 << 20) };

    fn step(kind: Kind, sequences: usize, context: usize) -> Wanted {
        Wanted { kind, sequences, context, repeats: 9 }
    }

    #[test]
    fn a_step_that_the_model_has_no_positions_for_is_not_measured() {
        let limits = Limits { free: None, ..LIMITS };
        assert_eq!(step(Kind::Prefill, 1, 2048 - 512).obstacle(limits), None);
        let obstacle = step(Kind::Prefill, 1, 2048 - 511).obstacle(limits);
        assert_eq!(obstacle, Some(Obstacle::Positions { needed: 2049, positions: 2048 }));
        assert_eq!(step(Kind::Decode, 16, 2036).obstacle(limits), None);
        assert!(step(Kind::Decode, 16, 2037).obstacle(limits).is_some());
        assert!(step(Kind::Score, 1, 2039).obstacle(limits).is_some());
    }

    #[test]
    fn a_step_whose_keys_do_not_fit_the_memory_is_not_measured() {
        assert_eq!(step(Kind::Decode, 1, 512).obstacle(LIMITS), None);
        let obstacle = step(Kind::Decode, 4, 512).obstacle(LIMITS);
        assert_eq!(obstacle, Some(Obstacle::Memory { needed: (4 * 525) << 20, free: 600 << 20 }));
    }
}
