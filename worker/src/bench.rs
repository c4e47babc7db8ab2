//! The engine's yardstick: how long its steps take, against what the machine could do at best.
//!
//! A step of R rows cannot be faster than max(bytes it must read / read bandwidth, operations / matrix peak); both ceilings are
//! measured in the same run. Steps are planned by the engine's own scheduler and read by its own sampler; only the contexts before
//! them are not computed but merely held, with arbitrary keys: what they contain changes no time.

mod ceilings;
mod memory;
mod roofline;
mod rounds;
mod steps;

use std::time::Instant;

use anyhow::Context as _;

use crate::app;
use crate::config::{ModelChoice, ModelSource};
use crate::model::{LoadOptions, Precision};

pub use ceilings::Ceilings;
pub use rounds::Rounds;
pub(crate) use steps::unplanned;
pub use steps::{Kind, Step};

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    pub source: ModelSource,
    /// One after the other.
    pub options: Vec<LoadOptions>,
    /// Tokens before each step.
    pub contexts: Vec<usize>,
    /// Of which the median counts.
    pub repeats: usize,
    /// Whole rounds through gRPC.
    pub rounds: usize,
}

/// All that one run measured.
#[derive(Clone, Debug)]
pub struct Report {
    pub ceilings: Ceilings,
    pub instructions: &'static str,
    pub threads: usize,
    pub models: Vec<Measured>,
    /// The largest of the models'; None where the system does not tell.
    pub peak_bytes: Option<u64>,
}

/// One model in one precision.
#[derive(Clone, Debug)]
pub struct Measured {
    pub family: String,
    pub parameters: u64,
    pub device: String,
    pub dtype: &'static str,
    pub load_s: f64,
    pub weight_bytes: u64,
    /// Of keys and values.
    pub cache_bytes: u64,
    pub steps: Vec<Step>,
    pub rounds: Rounds,
    /// Of the contexts and the steps, as the engine counts them.
    pub computed_tokens: u64,
    pub cached_tokens: u64,
    /// The largest resident size from its loading to its last step, less what there was before, in bytes.
    pub peak_bytes: Option<u64>,
}

/// Measures all of the plan; `told` hears what is under way. Calls itself through gRPC on `runtime`, on none of whose threads it runs.
pub fn run(plan: &Plan, runtime: &tokio::runtime::Handle, told: impl Fn(&str)) -> anyhow::Result<Report> {
    told("measuring read bandwidth and large products");
    let before = Ceilings::measure()?;
    let models = plan.options.iter().map(|options| model(plan, options, runtime, &told));
    let mut models = models.collect::<anyhow::Result<Vec<_>>>()?;
    // The machine may have been slow before: a ceiling is the best that was seen.
    let ceilings = before.or_better(Ceilings::measure()?);
    for measured in &mut models {
        for step in &mut measured.steps {
            step.roofline_share = ceilings.fastest(&step.cost, measured.dtype) / (step.ms / 1e3);
        }
    }
    let peak_bytes = models.iter().filter_map(|measured| measured.peak_bytes).max();
    let (threads, instructions) = (rayon::current_num_threads(), specfuse_kernels::instructions());
    Ok(Report { ceilings, instructions, threads, models, peak_bytes })
}

fn model(
    plan: &Plan,
    options: &LoadOptions,
    runtime: &tokio::runtime::Handle,
    told: &impl Fn(&str),
) -> anyhow::Result<Measured> {
    let choice = ModelChoice { source: plan.source.clone(), options: options.clone() };
    let shown = choice.source.shown();
    told(&format!("loading {shown} ({:?})", options.precision));
    memory::forget_peak();
    let before = memory::resident().unwrap_or(0);
    let from = Instant::now();
    let loaded = app::open(&choice).with_context(|| format!("cannot load {shown}"))?;
    let load_s = from.elapsed().as_secs_f64();
    let info = loaded.model.info.clone();
    let stepped = steps::measure(&loaded.model, plan, told)?;
    let peak_bytes = memory::peak().map(|peak| peak.saturating_sub(before));
    told(&format!("{}: rounds through gRPC", info.dtype));
    let rounds = runtime.block_on(rounds::measure(loaded, plan.rounds))?;
    Ok(Measured {
        family: info.family,
        parameters: info.parameters,
        device: info.device,
        dtype: info.dtype,
        load_s,
        weight_bytes: info.weight_bytes,
        cache_bytes: stepped.cache_bytes,
        steps: stepped.steps,
        rounds,
        computed_tokens: stepped.computed_tokens,
        cached_tokens: stepped.cached_tokens,
        peak_bytes,
    })
}

/// What every engine is measured in unless one is chosen.
pub const PRECISIONS: [Precision; 3] = [Precision::Bf16, Precision::Q8_0, Precision::F32];
