//! A checkpoint, loaded: configuration, weights and the forward pass over a batch of rows. Knows no request; tensors stop here.

mod activation;
mod attention;
mod ceiling;
mod config;
mod decoder;
#[cfg(test)]
pub(crate) mod fuzz;
mod host;
mod kv;
mod linear;
mod norm;
mod options;
mod outline;
mod pass;
mod rope;
mod stored;
mod weights;

use std::fmt;
use std::path::{Path, PathBuf};

use candle_core::Device;

use crate::engine::batch::Batch;
use crate::gguf::{Gguf, GgufError};
pub(crate) use ceiling::{Place, Product};
use config::ModelConfig;
use decoder::Decoder;
pub(crate) use decoder::StepShape;
pub use kv::KvStore;
pub use options::{DeviceError, DeviceKind, LoadOptions, Precision};
pub(crate) use outline::check_gguf_weights;
pub use outline::{Outline, WeightsOutline};
pub use stored::Format as WeightFormat;
use weights::Weights;
pub use weights::weight_files;

/// A loaded model, ready to be given to the engine.
pub struct Model {
    pub info: ModelInfo,
    decoder: Decoder,
    short_context: Option<usize>,
}

/// What can be said of a model without running it.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    /// config.json's model_type.
    pub family: String,
    /// Number of weights.
    pub parameters: u64,
    /// Longest context, in tokens (max_position_embeddings).
    pub context_length: usize,
    pub vocab_size: usize,
    /// Element format of most of the weights in memory: "f32", "bf16", "f16", "q8_0", "q4_k" and the like.
    pub dtype: &'static str,
    /// "cpu", "cuda" or "metal".
    pub device: String,
    /// Bytes of all weights in memory.
    pub weight_bytes: u64,
}

/// The model's output for the rows read, in their order.
#[derive(Debug)]
pub struct Logits {
    values: Vec<f32>, // [reads, vocab]
    vocab: usize,
}

/// Why a checkpoint cannot be served. None of these passes by itself: the folder or the file must change.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not valid JSON", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("model_type {found:?} is not supported (supported: {supported})")]
    UnsupportedArchitecture { found: String, supported: String },
    #[error("rope type {found:?} is not supported in this family (supported: {supported})")]
    UnsupportedRope { found: String, supported: String },
    #[error("config.json has no {field}")]
    ConfigFieldMissing { field: &'static str },
    #[error("config.json: {field} is {found}, expected {expected}")]
    ConfigField { field: &'static str, found: String, expected: String },
    #[error(
        "config.json has a quantization_config: quantized checkpoints are not supported (weights are F32, F16 or BF16)"
    )]
    Quantized,
    #[error("{} has neither model.safetensors nor model.safetensors.index.json", folder.display())]
    NoWeights { folder: PathBuf },
    #[error("{}: weight_map is not an object of file names", path.display())]
    Index { path: PathBuf },
    #[error("the weight index names {found:?}, which is not a plain file name")]
    ShardName { found: String },
    #[error("{} is not a whole safetensors file", path.display())]
    Corrupt { path: PathBuf, source: safetensors::SafeTensorError },
    #[error("the checkpoint has no tensor {name} (expected shape {expected:?})")]
    MissingTensor { name: String, expected: Vec<usize> },
    #[error("tensor {name} has shape {found:?}, expected {expected:?}")]
    WrongShape { name: String, expected: Vec<usize>, found: Vec<usize> },
    #[error("tensor {name} has element type {found} (supported: F32, F16, BF16)")]
    UnsupportedDtype { name: String, found: String },
    #[error("weights of type {found} (supported: F32, F16, BF16)")]
    UnsupportedWeights { found: String },
    #[error("the files of the weights have no tensors")]
    Empty,
    #[error(transparent)]
    Gguf(#[from] GgufError),
    #[error("{name} cannot be packed")]
    Pack { name: String, source: specfuse_kernels::matrix::PackError },
    #[error("tensor {name} cannot be used")]
    Tensor { name: String, source: Box<candle_core::Error> },
    #[error("the device did not take the weights")]
    Device { source: Box<candle_core::Error> },
}

impl LoadError {
    fn unusable(parts: &[linear::Part], source: candle_core::Error) -> Self {
        Self::Tensor { name: linear::names(parts), source: Box::new(source) }
    }

    fn pack(parts: &[linear::Part], source: specfuse_kernels::matrix::PackError) -> Self {
        Self::Pack { name: linear::names(parts), source }
    }
}

/// The forward pass failed: a fault of the program or the machine, not of the tokens.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ForwardError(#[from] candle_core::Error);

impl Model {
    /// Loads a Hugging Face checkpoint folder for the CPU, weights as they are stored.
    pub fn load(dir: &Path) -> Result<Self, LoadError> {
        Self::from_folder(dir, &LoadOptions::default())
    }

    /// config.json and the weights of a Hugging Face checkpoint folder, memory-mapped.
    pub fn from_folder(dir: &Path, options: &LoadOptions) -> Result<Self, LoadError> {
        let config = ModelConfig::parse(&weights::read_json(&dir.join("config.json"))?)?;
        Self::build(&config, Weights::open(dir, options)?)
    }

    /// The model in a GGUF file.
    pub fn from_gguf(file: &Gguf, options: &LoadOptions) -> Result<Self, LoadError> {
        let config = ModelConfig::parse(&file.config()?)?;
        Self::build(&config, Weights::from_gguf(file, options)?)
    }

    /// A model of the shape that a config.json describes, with random weights.
    pub fn random(config: &Path, options: &LoadOptions) -> Result<Self, LoadError> {
        let config = ModelConfig::parse(&weights::read_json(config)?)?;
        Self::build(&config, Weights::random(options))
    }

    fn build(config: &ModelConfig, mut weights: Weights<'_>) -> Result<Self, LoadError> {
        let decoder = Decoder::load(config, &mut weights)?;
        let info = ModelInfo {
            family: config.family.to_owned(),
            parameters: weights.parameters(),
            context_length: config.max_positions,
            vocab_size: config.vocab_size,
            dtype: decoder.weight_format(),
            device: device_name(weights.device()),
            weight_bytes: decoder.weight_bytes(),
        };
        let finished = weights.device().synchronize();
        finished.map_err(|source| LoadError::Device { source: Box::new(source) })?;
        Ok(Self { info, decoder, short_context: config.short_context() })
    }

    /// Bytes that one token's keys and values take.
    pub fn bytes_per_token(&self) -> u64 {
        let elements = self.decoder.layers() * 2 * self.decoder.kv_shape().kv_width();
        (elements * self.decoder.compute().dtype.size_in_bytes()) as u64
    }

    /// What a step reads and multiplies.
    pub(crate) fn shape(&self) -> StepShape {
        self.decoder.step_shape()
    }

    /// The longest sequence that is computed as short ones are; longer ones share no key with them. None: all are computed alike.
    pub(crate) fn short_context(&self) -> Option<usize> {
        self.short_context
    }

    /// Room for the keys and values of `slots` tokens, all zero.
    pub fn store(&self, slots: usize) -> Result<KvStore, ForwardError> {
        let compute = self.decoder.compute();
        let store = KvStore::zeroed(self.decoder.layers(), slots, self.decoder.kv_shape(), compute)?;
        compute.device.synchronize()?;
        Ok(store)
    }

    /// Computes every row of the batch: writes its keys and values to the store, then hands the logits of each row read to `each`,
    /// in order, a few rows in memory at a time. All passes over a store are one thread's: a device keeps each thread's work in
    /// order, not that of one after that of another. After an error the rows not handed over are not known.
    pub fn forward_each(
        &self,
        batch: &Batch,
        store: &mut KvStore,
        each: impl FnMut(&[f32]) + Send,
    ) -> Result<(), ForwardError> {
        if !self.decoder.compute().kernels {
            return Ok(self.decoder.forward(batch, store, each)?);
        }
        // The whole pass runs on a thread of the pool: each product then wakes only the others.
        let forward = |_: &rayon::Scope<'_>| self.decoder.forward(batch, store, each);
        Ok(rayon::scope(forward)?)
    }

    /// The same for few rows: keeps the logits of all that are read.
    pub fn forward(&self, batch: &Batch, store: &mut KvStore) -> Result<Logits, ForwardError> {
        let vocab = self.info.vocab_size;
        let mut values = Vec::with_capacity(batch.reads.len() * vocab);
        self.forward_each(batch, store, |logits| values.extend_from_slice(logits))?;
        Ok(Logits { values, vocab })
    }
}

impl Logits {
    /// The logits of the `index`-th row read; empty where there is none.
    pub fn row(&self, index: usize) -> &[f32] {
        self.values.get(index * self.vocab..(index + 1) * self.vocab).unwrap_or_default()
    }
}

fn device_name(device: &Device) -> String {
    match device {
        Device::Cpu => "cpu",
        Device::Cuda(_) => "cuda",
        Device::Metal(_) => "metal",
    }
    .to_owned()
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("info", &self.info).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
