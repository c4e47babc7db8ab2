//! The flags that say which model is loaded, how it is kept in memory, and with what it computes.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use crate::model::{DeviceError, DeviceKind, LoadOptions, Precision};

const MAX_THREADS: usize = 1024;

/// The model's flags as typed.
#[derive(Clone, Debug, clap::Args)]
pub struct ModelArgs {
    /// Folder of the checkpoint, in the Hugging Face layout, or a GGUF file.
    #[arg(long, value_name = "PATH", env = "SPECFUSE_WORKER_MODEL", required_unless_present = "random_weights")]
    pub model: Option<PathBuf>,
    /// Instead of a checkpoint: random weights in the shape of this config.json, for timing and sizing.
    #[arg(long, value_name = "CONFIG", env = "SPECFUSE_WORKER_RANDOM_WEIGHTS", conflicts_with = "model")]
    pub random_weights: Option<PathBuf>,
    /// Weights in memory: auto (as the file has them), f32, bf16 (activations too, where that is faster) or f16.
    #[arg(long, value_name = "TYPE", env = "SPECFUSE_WORKER_DTYPE", default_value = "auto")]
    pub dtype: String,
    /// Quantise the weights while they are loaded: q8_0 or q4k.
    #[arg(long, value_name = "TYPE", env = "SPECFUSE_WORKER_QUANTIZE")]
    pub quantize: Option<String>,
    /// Where the model runs: cpu, cuda, cuda:N or metal.
    #[arg(long, value_name = "DEVICE", env = "SPECFUSE_WORKER_DEVICE", default_value = "cpu")]
    pub device: String,
    /// Threads that compute. Default: the machine's cores.
    #[arg(long, value_name = "N", env = "SPECFUSE_WORKER_THREADS")]
    pub threads: Option<usize>,
}

/// Where the weights come from, what becomes of them, and how many threads compute with them.
#[derive(Clone, Debug)]
pub struct ModelChoice {
    pub source: ModelSource,
    pub options: LoadOptions,
    pub threads: NonZeroUsize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// A folder or a GGUF file.
    Checkpoint(PathBuf),
    /// A config.json.
    Random(PathBuf),
}

/// A flag of the model whose value cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelArgsError {
    #[error("--model is needed, or --random-weights")]
    NoModel,
    #[error("--dtype {0:?} must be auto, f32, bf16 or f16")]
    Dtype(String),
    #[error("--quantize {0:?} must be q8_0 or q4k")]
    Quantize(String),
    #[error("--quantize {quantize} and --dtype {dtype} exclude each other")]
    Both { quantize: String, dtype: String },
    #[error("--device {0:?} must be cpu, cuda, cuda:N or metal")]
    Device(String),
    #[error("--device {device}")]
    NoDevice { device: String, source: DeviceError },
    #[error("--threads is {0}, allowed are 1 to {MAX_THREADS}")]
    Threads(usize),
}

impl ModelSource {
    pub(crate) fn path(&self) -> &Path {
        let (Self::Checkpoint(path) | Self::Random(path)) = self;
        path
    }

    /// The flag and its value, as typed.
    pub fn shown(&self) -> String {
        match self {
            Self::Checkpoint(path) => format!("--model {}", path.display()),
            Self::Random(path) => format!("--random-weights {}", path.display()),
        }
    }
}

impl TryFrom<ModelArgs> for ModelChoice {
    type Error = ModelArgsError;

    fn try_from(args: ModelArgs) -> Result<Self, ModelArgsError> {
        let source = match (args.model, args.random_weights) {
            (_, Some(config)) => ModelSource::Random(config),
            (Some(path), None) => ModelSource::Checkpoint(path),
            (None, None) => return Err(ModelArgsError::NoModel),
        };
        let precision = precision(&args.dtype, args.quantize.as_deref())?;
        let kind = device(&args.device)?;
        let options = LoadOptions::new(precision, kind)
            .map_err(|source| ModelArgsError::NoDevice { device: args.device, source })?;
        Ok(Self { source, options, threads: threads(args.threads)? })
    }
}

fn threads(given: Option<usize>) -> Result<NonZeroUsize, ModelArgsError> {
    let Some(given) = given else { return Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)) };
    NonZeroUsize::new(given).filter(|threads| threads.get() <= MAX_THREADS).ok_or(ModelArgsError::Threads(given))
}

/// What --dtype and --quantize mean together.
pub fn precision(dtype: &str, quantize: Option<&str>) -> Result<Precision, ModelArgsError> {
    let stored = match dtype {
        "auto" => Precision::Stored,
        "f32" => Precision::F32,
        "bf16" => Precision::Bf16,
        "f16" => Precision::F16,
        other => return Err(ModelArgsError::Dtype(other.to_owned())),
    };
    let Some(quantize) = quantize else { return Ok(stored) };
    let quantized = match quantize {
        "q8_0" => Precision::Q8_0,
        "q4k" => Precision::Q4K,
        other => return Err(ModelArgsError::Quantize(other.to_owned())),
    };
    if stored == Precision::Stored {
        Ok(quantized)
    } else {
        Err(ModelArgsError::Both { quantize: quantize.to_owned(), dtype: dtype.to_owned() })
    }
}

/// What --device means.
pub fn device(name: &str) -> Result<DeviceKind, ModelArgsError> {
    let number = |number: &str| number.parse().map_err(|_| ModelArgsError::Device(name.to_owned()));
    match name.split_once(':') {
        None if name == "cpu" => Ok(DeviceKind::Cpu),
        None if name == "cuda" => Ok(DeviceKind::Cuda(0)),
        None if name == "metal" => Ok(DeviceKind::Metal),
        Some(("cuda", ordinal)) => Ok(DeviceKind::Cuda(number(ordinal)?)),
        None | Some(_) => Err(ModelArgsError::Device(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(set: impl FnOnce(&mut ModelArgs)) -> Result<ModelChoice, String> {
        let mut args = ModelArgs {
            model: Some("m".into()),
            random_weights: None,
            dtype: "auto".to_owned(),
            quantize: None,
            device: "cpu".to_owned(),
            threads: None,
        };
        set(&mut args);
        ModelChoice::try_from(args).map_err(|error| error.to_string())
    }

    #[test]
    fn a_model_or_the_shape_of_one_is_chosen() {
        assert_eq!(choice(|_| ()).unwrap().source, ModelSource::Checkpoint("m".into()));
        let random = choice(|args| args.random_weights = Some("c".into())).unwrap();
        assert_eq!(random.source, ModelSource::Random("c".into()));
        assert_eq!(choice(|args| args.model = None).unwrap_err(), "--model is needed, or --random-weights");
    }

    #[test]
    fn weights_are_kept_as_a_flag_says() {
        for (dtype, quantize, expected) in [
            ("auto", None, Precision::Stored),
            ("f32", None, Precision::F32),
            ("bf16", None, Precision::Bf16),
            ("f16", None, Precision::F16),
            ("auto", Some("q8_0"), Precision::Q8_0),
            ("auto", Some("q4k"), Precision::Q4K),
        ] {
            assert_eq!(precision(dtype, quantize).unwrap(), expected);
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_refused_with_its_flag() {
        for (dtype, quantize, device, refusal) in [
            ("f64", None, "cpu", "--dtype \"f64\" must be"),
            ("auto", Some("q2"), "cpu", "--quantize \"q2\" must be"),
            ("f32", Some("q4k"), "cpu", "--quantize q4k and --dtype f32 exclude"),
            ("auto", None, "tpu", "--device \"tpu\" must be"),
            ("auto", None, "cuda:x", "--device \"cuda:x\" must be"),
            ("auto", None, "cpu:0", "--device \"cpu:0\" must be"),
        ] {
            let error = choice(|args| {
                args.dtype = dtype.to_owned();
                args.quantize = quantize.map(str::to_owned);
                args.device = device.to_owned();
            });
            assert!(error.as_ref().is_err_and(|error| error.starts_with(refusal)), "{error:?}");
        }
    }

    #[cfg(not(any(feature = "cuda", feature = "metal")))]
    #[test]
    fn a_device_that_was_not_built_in_is_refused_before_anything_is_loaded() {
        for device in ["cuda", "cuda:1", "metal"] {
            let error = choice(|args| args.device = device.to_owned()).unwrap_err();
            assert_eq!(error, format!("--device {device}"));
        }
    }
}
