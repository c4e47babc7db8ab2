//! The tensors of a checkpoint folder or of a GGUF file, each checked against the shape its user expects. Nothing is kept of the files once loading ends.

mod gguf;
mod shards;

use std::path::Path;

use candle_core::{Device, Tensor};
use serde_json::Value;

use super::LoadError;
use super::stored::Stored;
use crate::gguf::Gguf;
use gguf::GgufTensors;
use shards::Shards;

pub(super) struct Weights<'a> {
    source: Source<'a>,
    device: Device,
    parameters: u64,
}

/// Where the tensors lie.
enum Source<'a> {
    Safetensors(Shards),
    Gguf(GgufTensors<'a>),
}

impl<'a> Weights<'a> {
    /// The safetensors files of a folder.
    pub(super) fn open(dir: &Path, device: Device) -> Result<Self, LoadError> {
        Ok(Self { source: Source::Safetensors(Shards::open(dir)?), device, parameters: 0 })
    }

    pub(super) fn from_gguf(file: &'a Gguf, device: Device) -> Result<Self, LoadError> {
        Ok(Self { source: Source::Gguf(GgufTensors::open(file)?), device, parameters: 0 })
    }

    /// The tensor `name`, which must have exactly `shape`, as its file has it.
    pub(super) fn stored(&mut self, name: &str, shape: &[usize]) -> Result<Stored<'_>, LoadError> {
        let stored = match &self.source {
            Source::Safetensors(shards) => shards.tensor(name, shape)?,
            Source::Gguf(tensors) => tensors.tensor(name, shape)?,
        };
        self.parameters += shape.iter().product::<usize>() as u64;
        Ok(stored)
    }

    /// The tensor `name`, which must have exactly `shape`, as f32: for the small ones, such as norms and biases.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        let values = self.stored(name, shape)?.widened();
        let unusable = |source| LoadError::Tensor { name: name.to_owned(), source: Box::new(source) };
        Tensor::from_vec(values, shape, &self.device).map_err(unusable)
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
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
