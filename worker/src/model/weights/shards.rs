//! The safetensors files of a checkpoint folder, memory-mapped. Trusts neither the index nor the files: every refusal names the file
//! or the tensor.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use candle_core::DType;
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::super::LoadError;
use super::super::stored::{Format, Stored};
use super::read_json;
use crate::mapped::map;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Bytes of the header's length, which open the file.
const LENGTH_BYTES: usize = 8;
const FORMATS: [(Dtype, Format); 3] =
    [(Dtype::F32, Format::F32), (Dtype::F16, Format::F16), (Dtype::BF16, Format::Bf16)];

#[derive(Debug)]
pub(in crate::model) struct Shards {
    maps: Vec<Mmap>,
    places: HashMap<String, Place>,
}

/// Where a tensor lies.
#[derive(Debug)]
struct Place {
    shard: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    range: Range<usize>,
}

impl Shards {
    /// `model.safetensors`, else the shards that `model.safetensors.index.json` names.
    pub(in crate::model) fn open(dir: &Path) -> Result<Self, LoadError> {
        let files = weight_files(dir)?;
        let mut shards = Self { maps: Vec::new(), places: HashMap::new() };
        for file in files {
            shards.add(&dir.join(file))?;
        }
        Ok(shards)
    }

    fn add(&mut self, path: &Path) -> Result<(), LoadError> {
        let map = map(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
        let corrupt = |source| LoadError::Corrupt { path: path.to_owned(), source };
        let (header, metadata) = SafeTensors::read_metadata(&map).map_err(corrupt)?;
        let first = LENGTH_BYTES + header;
        // Reads only the header, but checks that it covers the whole file.
        SafeTensors::deserialize(&map).map_err(corrupt)?;
        for (name, info) in metadata.tensors() {
            let (from, to) = info.data_offsets;
            let place = Place {
                shard: self.maps.len(),
                dtype: info.dtype,
                shape: info.shape.clone(),
                range: first + from..first + to,
            };
            self.places.insert(name, place);
        }
        self.maps.push(map);
        Ok(())
    }

    /// The tensor `name`, which must have exactly `shape`.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Stored<'_>, LoadError> {
        let missing = || LoadError::MissingTensor { name: name.to_owned(), expected: shape.to_vec() };
        let place = self.places.get(name).ok_or_else(missing)?;
        if place.shape != shape {
            let (expected, found) = (shape.to_vec(), place.shape.clone());
            return Err(LoadError::WrongShape { name: name.to_owned(), expected, found });
        }
        let unsupported = || LoadError::UnsupportedDtype { name: name.to_owned(), found: format!("{:?}", place.dtype) };
        let (_, format) = FORMATS.into_iter().find(|(dtype, _)| *dtype == place.dtype).ok_or_else(unsupported)?;
        let map = self.maps.get(place.shard).ok_or_else(missing)?;
        let bytes = map.get(place.range.clone()).ok_or_else(missing)?;
        Ok(Stored { file: Some(map), ..Stored::straight(format, shape, bytes) })
    }
}

impl Shards {
    /// What most of the weights are.
    pub(super) fn dtype(&self) -> DType {
        let counts = self.counts();
        let kinds = [(Dtype::BF16, DType::BF16), (Dtype::F16, DType::F16), (Dtype::F32, DType::F32)];
        kinds.into_iter().max_by_key(|(stored, _)| counts.get(stored)).map_or(DType::F32, |(_, dtype)| dtype)
    }

    /// How many weights there are of each type.
    pub(in crate::model) fn counts(&self) -> BTreeMap<Dtype, u64> {
        let mut counts = BTreeMap::new();
        for place in self.places.values() {
            let count = counts.entry(place.dtype).or_insert(0u64);
            *count = count.saturating_add(place.shape.iter().product::<usize>() as u64);
        }
        counts
    }
}

/// By the name that a file has for it.
pub(in crate::model) fn is_read(dtype: &str) -> bool {
    FORMATS.iter().any(|(read, _)| format!("{read:?}") == dtype)
}

/// The names of the files that are loaded from this folder.
pub fn weight_files(dir: &Path) -> Result<BTreeSet<String>, LoadError> {
    let index = dir.join(INDEX);
    match (dir.join(SINGLE).exists(), index.exists()) {
        (true, _) => Ok(BTreeSet::from([SINGLE.to_owned()])),
        (false, true) => shard_names(&index),
        (false, false) => Err(LoadError::NoWeights { folder: dir.to_owned() }),
    }
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
