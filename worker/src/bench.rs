//! The engine's yardstick: how long its steps take, against what the machine could do at best.
//!
//! A step of R rows cannot be faster than max(bytes it must read / read bandwidth, operations / matrix peak); both ceilings are
//! measured in the same run. Steps are planned by the engine's own scheduler and read by its own sampler; only the contexts before
//! them are not computed but merely held, with arbitrary keys: what they contain changes no time.

mod ceilings;
mod memory;
mod roofline;
mod steps;

use std::time::Instant;

use anyhow::Context as _;

use crate::config::ModelSource;
use crate::gguf::Gguf;
use crate::model::{LoadOptions, Model, Precision};

pub use ceilings::Ceilings;
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
}

/// All that one run measured.
#[derive(Clone, Debug)]
pub struct Report {
    pub ceilings: Ceilings,
    pub instructions: &'static str,
    pub threads: usize,
    pub models: Vec<Measured>,
    /// The largest resident size of the process so far, in bytes; None where the system does not tell.
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
    /// Of the contexts and the steps, as the engine counts them.
    pub computed_tokens: u64,
    pub cached_tokens: u64,
    /// The largest resident size while it was loaded, less what there was before, in bytes.
    pub peak_bytes: Option<u64>,
}

/// Measures all of the plan; `told` hears what is under way.
pub fn run(plan: &Plan, told: impl Fn(&str)) -> anyhow::Result<Report> {
    told("measuring read bandwidth and large products");
    let mut ceilings = Ceilings::measure()?;
    let mut models = Vec::new();
    for options in &plan.options {
        told(&format!("loading {} ({:?})", plan.source.shown(), options.precision));
        memory::forget_peak();
        let before = memory::resident().unwrap_or(0);
        let from = Instant::now();
        let model = load(&plan.source, options).with_context(|| format!("cannot load {}", plan.source.shown()))?;
        let load_s = from.elapsed().as_secs_f64();
        let mut measured = Measured {
            family: model.info.family.clone(),
            parameters: model.info.parameters,
            device: model.info.device.clone(),
            dtype: model.info.dtype,
            load_s,
            weight_bytes: model.info.weight_bytes,
            cache_bytes: 0,
            steps: Vec::new(),
            computed_tokens: 0,
            cached_tokens: 0,
            peak_bytes: None,
        };
        steps::measure(&model, plan, &mut measured, &told)?;
        measured.peak_bytes = memory::peak().map(|peak| peak.saturating_sub(before));
        models.push(measured);
    }
    // The machine may have been slow before: a ceiling is the best that was seen.
    ceilings = ceilings.or_better(Ceilings::measure()?);
    for measured in &mut models {
        for step in &mut measured.steps {
            step.roofline_share = ceilings.fastest(&step.cost, measured.dtype) / (step.ms / 1e3);
        }
    }
    let threads = rayon::current_num_threads();
    let instructions = specfuse_kernels::instructions();
    Ok(Report { ceilings, instructions, threads, models, peak_bytes: memory::peak() })
}

fn load(source: &ModelSource, options: &LoadOptions) -> anyhow::Result<Model> {
    Ok(match source {
        ModelSource::Random(config) => Model::random(config, options)?,
        ModelSource::Checkpoint(path) if path.is_dir() => Model::from_folder(path, options)?,
        ModelSource::Checkpoint(path) => Model::from_gguf(&Gguf::open(path)?, options)?,
    })
}

/// What every engine is measured in unless one is chosen.
pub const PRECISIONS: [Precision; 3] = [Precision::Bf16, Precision::Q8_0, Precision::F32];
