//! The tensors of a checkpoint folder or of a GGUF file, or random ones of any shape, each checked against the shape its user expects;
//! and what becomes of them. Nothing is kept of the files once loading ends.

mod gguf;
mod random;
mod shards;

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde_json::Value;
use specfuse_kernels::matrix;

use super::linear::Part;
use super::options::Compute;
use super::stored::{Format, Stored};
use super::{LoadError, LoadOptions, Precision};
use crate::gguf::Gguf;
use gguf::GgufTensors;
use random::RandomTensors;
pub use shards::weight_files;
pub(super) use shards::{Shards, is_read};

pub(super) struct Weights<'a> {
    source: Source<'a>,
    device: Device,
    kernels: bool,
    precision: Precision,
    parameters: u64,
}

/// Where the tensors lie.
enum Source<'a> {
    Safetensors(Shards),
    Gguf(GgufTensors<'a>),
    Random(RandomTensors),
}

/// What a matrix becomes in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// For our own kernels.
    Packed(matrix::Format),
    /// On a device, as candle's operations want it: in blocks,
    Quantized(Format),
    /// or in the dtype that it computes in.
    Device(DType),
}

impl<'a> Weights<'a> {
    /// The safetensors files of a folder.
    pub(super) fn open(dir: &Path, options: &LoadOptions) -> Result<Self, LoadError> {
        Ok(Self::of(Source::Safetensors(Shards::open(dir)?), options))
    }

    pub(super) fn from_gguf(file: &'a Gguf, options: &LoadOptions) -> Result<Self, LoadError> {
        Ok(Self::of(Source::Gguf(GgufTensors::open(file)?), options))
    }

    pub(super) fn random(options: &LoadOptions) -> Self {
        Self::of(Source::Random(RandomTensors::new()), options)
    }

    fn of(source: Source<'a>, options: &LoadOptions) -> Self {
        let LoadOptions { precision, device, kernels } = options.clone();
        Self { source, device, kernels, precision, parameters: 0 }
    }

    fn stored(&self, name: &str, shape: &[usize]) -> Result<Stored<'_>, LoadError> {
        match &self.source {
            Source::Safetensors(shards) => shards.tensor(name, shape),
            Source::Gguf(tensors) => tensors.tensor(name, shape),
            Source::Random(tensors) => Ok(tensors.tensor(name, shape)),
        }
    }

    /// The tensor `name`, which must have exactly `shape`, as `dtype`: for the small ones, such as norms and biases.
    pub(super) fn take(&mut self, name: &str, shape: &[usize], dtype: DType) -> Result<Tensor, LoadError> {
        let values = self.stored(name, shape)?.widened();
        self.parameters += values.len() as u64;
        let unusable = |source| LoadError::Tensor { name: name.to_owned(), source: Box::new(source) };
        Tensor::from_vec(values, shape, &Device::Cpu)
            .and_then(|tensor| tensor.to_dtype(dtype)?.to_device(&self.device))
            .map_err(unusable)
    }

    /// The matrices of the parts, each [rows, inputs], and counts them.
    pub(super) fn matrices(&mut self, parts: &[Part], inputs: usize) -> Result<Vec<Stored<'_>>, LoadError> {
        self.parameters += parts.iter().map(|part| (part.rows * inputs) as u64).sum::<u64>();
        parts.iter().map(|part| self.matrix(part, inputs)).collect()
    }

    fn matrix(&self, part: &Part, inputs: usize) -> Result<Stored<'_>, LoadError> {
        self.stored(&format!("{}.weight", part.name), &[part.rows, inputs])
    }

    /// The parts in runs of one target each.
    pub(super) fn alike<'p>(&self, parts: &'p [Part], inputs: usize) -> Result<Vec<(Target, &'p [Part])>, LoadError> {
        let mut runs: Vec<(Target, usize, usize)> = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let target = self.target(self.matrix(part, inputs)?.format, inputs);
            match runs.last_mut() {
                Some((last, _, end)) if *last == target => *end = index + 1,
                Some(_) | None => runs.push((target, index, index + 1)),
            }
        }
        Ok(runs.into_iter().filter_map(|(target, from, to)| Some((target, parts.get(from..to)?))).collect())
    }

    /// Blocks cannot be split: where a row has no whole ones, the next smaller kind takes their place.
    fn target(&self, stored: Format, inputs: usize) -> Target {
        let whole = |format: Format| inputs.is_multiple_of(format.block());
        let format = match self.precision {
            Precision::Stored => stored,
            Precision::F32 => Format::F32,
            Precision::F16 => Format::F16,
            Precision::Bf16 => Format::Bf16,
            Precision::Q4K if whole(Format::Q4K) => Format::Q4K,
            Precision::Q8_0 | Precision::Q4K if whole(Format::Q8_0) => Format::Q8_0,
            Precision::Q8_0 | Precision::Q4K => stored,
        };
        match self.kernels {
            true => Target::Packed(format.packed()),
            false if format.is_float() => Target::Device(self.dtype()),
            false => Target::Quantized(format),
        }
    }

    /// What rows are computed in: f32 with our kernels and with quantised weights, else as the weights are.
    pub(super) fn dtype(&self) -> DType {
        match self.precision {
            _ if self.kernels => DType::F32,
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
            Precision::F32 | Precision::Q8_0 | Precision::Q4K => DType::F32,
            Precision::Stored => match &self.source {
                Source::Safetensors(shards) => shards.dtype(),
                Source::Gguf(_) => DType::F32,
                Source::Random(_) => DType::BF16,
            },
        }
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Whether rows may be rounded to bf16 with the weights: asked for by name, for a file's own bf16 is computed exactly.
    pub(super) fn rounds(&self) -> bool {
        self.precision == Precision::Bf16
    }

    /// Whether our kernels will compute with these weights.
    pub(super) fn kernels(&self) -> bool {
        self.kernels
    }

    pub(super) fn compute(&self) -> Compute {
        Compute { device: self.device.clone(), dtype: self.dtype(), kernels: self.kernels }
    }

    /// Elements of all tensors taken so far.
    pub(super) fn parameters(&self) -> u64 {
        self.parameters
    }
}

pub(super) fn read_json(path: &Path) -> Result<Value, LoadError> {
    let text = std::fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| LoadError::Json { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
