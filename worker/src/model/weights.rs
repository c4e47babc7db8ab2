//! The tensors of a checkpoint folder, memory-mapped, each checked against the shape its user expects and widened to f32.
//! Trusts neither the index nor the files: every refusal names the file or the tensor. Never keeps a mapping once loading ends.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use candle_core::safetensors::{Load, MmapedSafetensors};
use candle_core::{DType, Device, Tensor};
use serde_json::Value;

use super::LoadError;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

pub(super) struct Weights {
    shards: Vec<MmapedSafetensors>,
    /// The shard that holds each tensor.
    holder: HashMap<String, usize>,
    device: Device,
    parameters: u64,
}

impl Weights {
    /// `model.safetensors`, else the shards that `model.safetensors.index.json` names.
    pub(super) fn open(dir: &Path, device: Device) -> Result<Self, LoadError> {
        let index = dir.join(INDEX);
        let files = match (dir.join(SINGLE).exists(), index.exists()) {
            (true, _) => BTreeSet::from([SINGLE.to_owned()]),
            (false, true) => shard_names(&index)?,
            (false, false) => return Err(LoadError::NoWeights { folder: dir.to_owned() }),
        };
        let shards = files.iter().map(|file| map(&dir.join(file))).collect::<Result<Vec<_>, _>>()?;
        let mut holder = HashMap::new();
        for (shard, tensors) in shards.iter().enumerate() {
            holder.extend(tensors.tensors().into_iter().map(|(name, _)| (name, shard)));
        }
        Ok(Self { shards, holder, device, parameters: 0 })
    }

    /// The tensor `name`, which must have exactly `shape`, as f32.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        let missing = || LoadError::MissingTensor { name: name.to_owned(), expected: shape.to_vec() };
        let unusable = |source| LoadError::Tensor { name: name.to_owned(), source: Box::new(source) };
        let shard = self.holder.get(name).and_then(|shard| self.shards.get(*shard)).ok_or_else(missing)?;
        let view = shard.get(name).map_err(unusable)?;
        if view.shape() != shape {
            let (expected, found) = (shape.to_vec(), view.shape().to_vec());
            return Err(LoadError::WrongShape { name: name.to_owned(), expected, found });
        }
        match DType::try_from(view.dtype()) {
            Ok(DType::F32 | DType::F16 | DType::BF16) => {}
            _ => {
                return Err(LoadError::UnsupportedDtype {
                    name: name.to_owned(),
                    found: format!("{:?}", view.dtype()),
                });
            }
        }
        let tensor = view.load(&self.device).and_then(|tensor| tensor.to_dtype(DType::F32)).map_err(unusable)?;
        self.parameters += tensor.elem_count() as u64;
        Ok(tensor)
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

fn shard_names(index: &Path) -> Result<BTreeSet<String>, LoadError> {
    let parsed = read_json(index)?;
    let wrong = || LoadError::Index { path: index.to_owned() };
    let map = parsed.get("weight_map").and_then(Value::as_object).filter(|map| !map.is_empty()).ok_or_else(wrong)?;
    map.values().map(|file| plain_file_name(file.as_str().ok_or_else(wrong)?)).collect()
}

/// A checkpoint must not make the worker read files outside its folder.
fn plain_file_name(file: &str) -> Result<String, LoadError> {
    let plain = !file.contains('\\') && Path::new(file).file_name().is_some_and(|name| name == file);
    if plain { Ok(file.to_owned()) } else { Err(LoadError::ShardName { found: file.to_owned() }) }
}

fn map(path: &PathBuf) -> Result<MmapedSafetensors, LoadError> {
    let read = |source| LoadError::Read { path: path.clone(), source };
    std::fs::File::open(path).map_err(read)?;
    // SAFETY: a checkpoint is not modified while it is served; a file cut short behind our back would end the process.
    #[expect(
        unsafe_code,
        reason = "memory-mapping the weights; the files are read-only to us for as long as they are mapped"
    )]
    let mapped = unsafe { MmapedSafetensors::new(path) };
    mapped.map_err(|error| LoadError::Corrupt { path: path.clone(), source: without_path(error) })
}

/// The path is told already.
fn without_path(error: candle_core::Error) -> Box<candle_core::Error> {
    if let candle_core::Error::WithPath { inner, .. } = error { inner } else { Box::new(error) }
}

#[cfg(test)]
mod tests;
