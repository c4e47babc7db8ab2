//! How many weights a checkpoint has and in which type, by the headers of its files alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Bytes of a header, as the format allows them.
const LONGEST_HEADER: u64 = 100_000_000;
/// What a worker reads.
const FLOATS: [&str; 3] = ["F32", "F16", "BF16"];

#[derive(Debug, thiserror::Error)]
pub(super) enum WeightsError {
    #[error("it has neither model.safetensors nor model.safetensors.index.json")]
    None,
    #[error("cannot read {}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{} is not what its name says", file.display())]
    Malformed { file: PathBuf },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) parameters: u64,
    /// Of most of them: "F32", "BF16" and the like.
    pub(super) dtype: String,
}

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Weights {
    pub(super) fn read(folder: &Path) -> Result<Self, WeightsError> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for file in files(folder)? {
            for (dtype, count) in header(&file)? {
                let so_far = counts.entry(dtype).or_default();
                *so_far = so_far.saturating_add(count);
            }
        }
        let parameters = counts.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        let (dtype, _) = most.ok_or_else(|| WeightsError::Malformed { file: folder.to_owned() })?;
        Ok(Self { parameters, dtype })
    }

    /// Why no worker reads them.
    pub(super) fn unfit(&self) -> Option<String> {
        let reads = FLOATS.join(", ");
        (!FLOATS.contains(&self.dtype.as_str())).then(|| format!("weights of type {} (supported: {reads})", self.dtype))
    }
}

fn files(folder: &Path) -> Result<BTreeSet<PathBuf>, WeightsError> {
    let (whole, index) = (folder.join(WHOLE), folder.join(INDEX));
    if whole.is_file() {
        return Ok(BTreeSet::from([whole]));
    }
    if !index.is_file() {
        return Err(WeightsError::None);
    }
    let text = fs::read(&index).map_err(|source| WeightsError::Read { file: index.clone(), source })?;
    let parsed: Index = serde_json::from_slice(&text).map_err(|_| WeightsError::Malformed { file: index.clone() })?;
    let is_plain = |name: &String| Path::new(name).file_name().is_some_and(|last| last == name.as_str());
    let names: BTreeSet<String> = parsed.weight_map.into_values().collect();
    if names.iter().all(is_plain) {
        Ok(names.into_iter().map(|name| folder.join(name)).collect())
    } else {
        Err(WeightsError::Malformed { file: index })
    }
}

/// The weights of a safetensors file: the type and the number of each tensor.
fn header(path: &Path) -> Result<Vec<(String, u64)>, WeightsError> {
    let unreadable = |source| WeightsError::Read { file: path.to_owned(), source };
    let malformed = || WeightsError::Malformed { file: path.to_owned() };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(unreadable)?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER {
        return Err(malformed());
    }
    let mut text = Vec::new();
    file.take(length).read_to_end(&mut text).map_err(unreadable)?;
    let tensors: BTreeMap<String, Value> = serde_json::from_slice(&text).map_err(|_| malformed())?;
    let tensors = tensors.into_iter().filter(|(name, _)| name != "__metadata__");
    let counted = tensors.map(|(_, tensor)| {
        let tensor: Tensor = serde_json::from_value(tensor).ok()?;
        let count = tensor.shape.iter().try_fold(1u64, |product, side| product.checked_mul(*side))?;
        Some((tensor.dtype, count))
    });
    counted.collect::<Option<Vec<_>>>().ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, header: &str) {
        let length = (header.len() as u64).to_le_bytes();
        fs::write(path, [length.as_slice(), header.as_bytes()].concat()).unwrap();
    }

    const PART: &str = r#"{"__metadata__": {"format": "pt"},
        "a": {"dtype": "BF16", "shape": [3, 4], "data_offsets": [0, 24]},
        "b": {"dtype": "F32", "shape": [5], "data_offsets": [24, 44]}}"#;

    #[test]
    fn shards_are_counted_together_and_the_commonest_type_is_theirs() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("x.safetensors"), PART);
        write(&folder.path().join("y.safetensors"), PART);
        let index = r#"{"weight_map": {"a": "x.safetensors", "b": "x.safetensors", "c": "y.safetensors"}}"#;
        fs::write(folder.path().join(INDEX), index).unwrap();
        let read = Weights::read(folder.path()).unwrap();
        assert_eq!(read, Weights { parameters: 34, dtype: "BF16".to_owned() });
        assert_eq!(read.unfit(), None);
    }

    #[test]
    fn what_is_no_weight_file_is_told_and_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Weights::read(folder.path()), Err(WeightsError::None)));
        let file = folder.path().join(WHOLE);
        let cases = [r#"{"a": {"dtype": "F32", "shape": [18446744073709551615, 2]}}"#, "{}", "[]", r#"{"a": 1}"#];
        for header in cases {
            write(&file, header);
            assert!(matches!(Weights::read(folder.path()), Err(WeightsError::Malformed { .. })), "{header}");
        }
        fs::write(&file, u64::MAX.to_le_bytes()).unwrap();
        assert!(matches!(Weights::read(folder.path()), Err(WeightsError::Malformed { .. })));
        fs::remove_file(&file).unwrap();
        fs::write(folder.path().join(INDEX), r#"{"weight_map": {"a": "../secret"}}"#).unwrap();
        assert!(matches!(Weights::read(folder.path()), Err(WeightsError::Malformed { .. })));
    }
}
