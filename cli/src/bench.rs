//! `specfuse bench engine`: the engine's steps against what this machine can do at best, as a table or as one JSON object.

mod json;
mod table;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Context as _;
use specfuse_worker::ModelSource;
use specfuse_worker::bench::{self, PRECISIONS, Plan};
use specfuse_worker::config::{device, precision};
use specfuse_worker::model::{DeviceKind, LoadOptions, Precision};

use crate::output;

/// Measures, then prints.
pub(crate) async fn engine(args: Args) -> anyhow::Result<()> {
    let plan = plan(&args)?;
    if let Some(threads) = args.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global().context("--threads")?;
    }
    // The measuring thread computes: it is none of the runtime's.
    let runtime = tokio::runtime::Handle::current();
    let measured = tokio::task::spawn_blocking(move || bench::run(&plan, &runtime, output::complain));
    let report = measured.await.context("the bench panicked")??;
    let text = if args.json { json::report(&report).to_string() } else { table::report(&report) };
    output::write(&format!("{}\n", text.trim_end()))?;
    Ok(())
}

fn plan(args: &Args) -> anyhow::Result<Plan> {
    let source = match (&args.model, &args.random_weights) {
        (Some(path), _) => ModelSource::Checkpoint(path.clone()),
        (None, Some(config)) => ModelSource::Random(config.clone()),
        (None, None) => anyhow::bail!("--model is needed, or --random-weights"),
    };
    let kind = device(&args.device)?;
    let precisions = match (args.dtype.as_deref(), args.quantize.as_deref(), &source) {
        (None, None, ModelSource::Random(_)) if kind == DeviceKind::Cpu => PRECISIONS.to_vec(),
        (None, None, ModelSource::Random(_)) => vec![Precision::Bf16],
        (dtype, quantize, _) => vec![precision(dtype.unwrap_or("auto"), quantize)?],
    };
    let options = precisions.into_iter().map(|precision| LoadOptions::new(precision, kind));
    let options = options.collect::<Result<_, _>>().with_context(|| format!("--device {}", args.device))?;
    Ok(Plan { source, options, contexts: args.context.clone(), repeats: args.repeats.get(), rounds: args.rounds.get() })
}

/// What is measured, and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Checkpoint folder or GGUF file.
    #[arg(long, value_name = "PATH", required_unless_present = "random_weights")]
    pub(crate) model: Option<PathBuf>,
    /// Random weights in the shape of this config.json, such as bench/shapes/llama-500m.json.
    #[arg(long, value_name = "CONFIG", conflicts_with = "model")]
    pub(crate) random_weights: Option<PathBuf>,
    /// Weights in memory: auto, f32, bf16 or f16. Default: as the file has them; of random weights bf16, q8_0 and f32 in turn.
    #[arg(long, value_name = "TYPE")]
    pub(crate) dtype: Option<String>,
    /// Quantise the weights: q8_0 or q4k.
    #[arg(long, value_name = "TYPE", conflicts_with = "dtype")]
    pub(crate) quantize: Option<String>,
    /// Where the model runs: cpu, cuda, cuda:N or metal.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) device: String,
    /// Threads that compute. Default: the machine's cores.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Tokens of context before each step; repeatable, or separated by commas.
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_values_t = [32, 512, 2048])]
    pub(crate) context: Vec<usize>,
    /// Repetitions of a step, of which the median counts.
    #[arg(long, value_name = "N", default_value = "9")]
    pub(crate) repeats: NonZeroUsize,
    /// Whole rounds through gRPC, of which the median counts.
    #[arg(long, value_name = "N", default_value = "8")]
    pub(crate) rounds: NonZeroUsize,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}
