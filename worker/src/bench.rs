//! The engine's yardstick: how long its steps take, against what the machine could do at best.
//!
//! A step of R rows cannot be faster than max(bytes it must read / bandwidth, operations / matrix peak); both ceilings are measured in
//! the same run. Steps are planned by the engine's own scheduler and read by its own sampler; only the contexts before them are not
//! computed but merely held, with arbitrary keys: what they contain changes no time.

mod attention;
mod ceilings;
mod memory;
mod roofline;
mod rounds;
mod steps;

use std::time::Instant;
use std::{fs, io};

use specfuse_runtime::message::chain;
use tokio::runtime::Handle;

use crate::app::{self, CheckpointError, Loaded, ThreadsError};
use crate::config::{BenchConfig, ModelChoice};
use crate::engine::bench::StepError;
use crate::model::{ForwardError, Model, Precision, WeightFormat};
use ceilings::Probe;
use memory::Watch;
use steps::Steps;

pub use attention::Attention;
pub use ceilings::{CeilingError, Ceilings, Traffic};
pub use rounds::Rounds;
pub use steps::{Kind, Step};

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
    /// None: after one context only.
    pub attention: Option<Attention>,
    /// None: none were wanted, or they failed.
    pub rounds: Option<Rounds>,
    /// By the steps, as the engine counts them.
    pub computed_tokens: u64,
    pub cached_tokens: u64,
    /// The largest resident size from its loading to its last step, less what there was before, in bytes. None on a device: what this
    /// machine's memory holds says nothing of it.
    pub peak_bytes: Option<u64>,
}

/// Nothing can be said of the engine.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    Threads(#[from] ThreadsError),
    #[error("{shown} cannot be read")]
    Unreadable { shown: String, source: io::Error },
    #[error("cannot load {shown}")]
    Load { shown: String, source: Box<CheckpointError> },
    #[error("the ceilings cannot be measured")]
    Ceilings(#[from] CeilingError),
    #[error("no room for the keys and values of the longest context")]
    Store(#[source] ForwardError),
    #[error("a step cannot be measured")]
    Step(#[from] StepError),
}

/// Who measures, and who hears of it.
struct Run<'a> {
    config: &'a BenchConfig,
    runtime: &'a Handle,
    told: &'a dyn Fn(&str),
}

/// Measures all that is configured; `told` hears what is under way. Calls itself through gRPC on `runtime`, on none of whose threads
/// it runs.
pub fn run(config: &BenchConfig, runtime: &Handle, told: impl Fn(&str)) -> Result<Report, BenchError> {
    let source = &config.model.source;
    let unreadable = |error| BenchError::Unreadable { shown: source.shown(), source: error };
    fs::metadata(source.path()).map_err(unreadable)?;
    app::use_threads(config.model.threads)?;
    let run = Run { config, runtime, told: &told };
    told("measuring what the machine can do at best");
    let mut probe = Probe::begin(&config.model.options)?;
    let models = config.precisions.iter().map(|precision| run.model(*precision, &mut probe));
    let models = models.collect::<Result<Vec<_>, _>>()?;
    let peak_bytes = models.iter().filter_map(|measured| measured.peak_bytes).max();
    let (threads, instructions) = (rayon::current_num_threads(), specfuse_kernels::instructions());
    Ok(Report { ceilings: probe.best(), instructions, threads, models, peak_bytes })
}

impl Run<'_> {
    fn model(&self, precision: Precision, probe: &mut Probe) -> Result<Measured, BenchError> {
        let mut choice = self.config.model.clone();
        choice.options.precision = precision;
        (self.told)(&format!("loading {} ({precision:?})", choice.source.shown()));
        let mut watch = Watch::begin();
        let from = Instant::now();
        let loaded = open(&choice)?;
        let load_s = from.elapsed().as_secs_f64();
        let format = multiplied(&loaded.model, precision, choice.options.on_host());
        let mut measured = self.steps(&loaded.model, format, probe, &mut watch)?;
        measured.load_s = load_s;
        measured.peak_bytes = watch.end().filter(|_| choice.options.on_host());
        measured.rounds = self.rounds(loaded, measured.dtype);
        Ok(measured)
    }

    /// The ceilings are measured again before and after each.
    fn steps(
        &self,
        model: &Model,
        format: Option<WeightFormat>,
        probe: &mut Probe,
        watch: &mut Watch,
    ) -> Result<Measured, BenchError> {
        let mut all = Steps::new(model, self.config, self.told).map_err(BenchError::Store)?;
        let mut before = watch.apart(|| probe.measure(model, format))?;
        let mut steps = Vec::new();
        for index in 0..all.count() {
            let timed = all.measure(index, self.told)?;
            let after = watch.apart(|| probe.measure(model, format))?;
            steps.push(timed.against(&before.or_better(&after), format));
            before = after;
        }
        let (computed_tokens, cached_tokens) = all.counted();
        let info = model.info.clone();
        Ok(Measured {
            family: info.family,
            parameters: info.parameters,
            device: info.device,
            dtype: info.dtype,
            load_s: 0.0,
            weight_bytes: info.weight_bytes,
            cache_bytes: all.cache_bytes(),
            attention: Attention::of(&steps),
            steps,
            rounds: None,
            computed_tokens,
            cached_tokens,
            peak_bytes: None,
        })
    }

    /// What was measured before is worth telling without them.
    fn rounds(&self, loaded: Loaded, dtype: &str) -> Option<Rounds> {
        if self.config.rounds == 0 {
            return None;
        }
        (self.told)(&format!("{dtype}: rounds through gRPC"));
        let measured = self.runtime.block_on(rounds::measure(loaded, self.config.rounds));
        measured.inspect_err(|error| (self.told)(&format!("{dtype}: no rounds: {}", chain(error)))).ok()
    }
}

/// The format whose large products are the peak of this model: our kernels multiply bf16 that is not asked for by name as floats.
fn multiplied(model: &Model, precision: Precision, on_host: bool) -> Option<WeightFormat> {
    let format = WeightFormat::named(model.info.dtype)?;
    let exact = on_host && format == WeightFormat::Bf16 && precision != Precision::Bf16;
    Some(if exact { WeightFormat::F32 } else { format })
}

fn open(choice: &ModelChoice) -> Result<Loaded, BenchError> {
    let failed = |source| BenchError::Load { shown: choice.source.shown(), source: Box::new(source) };
    app::open(choice).map_err(failed)
}
