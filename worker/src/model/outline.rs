//! What a configuration says of a model, and whether its weights' files are whole, without loading a weight.

use std::path::Path;

use super::{LoadError, LoadOptions, config::ModelConfig, weights};
use crate::gguf::Gguf;

/// The shape of a model as its configuration has it.
#[derive(Clone, Debug)]
pub struct Outline {
    pub family: &'static str,
    pub layers: usize,
    pub vocab_size: usize,
    /// In tokens.
    pub context_length: usize,
    /// Numbers that one token's keys and values are.
    pub cached_numbers: usize,
}

impl Outline {
    pub fn of_folder(folder: &Path) -> Result<Self, LoadError> {
        ModelConfig::parse(&weights::read_json(&folder.join("config.json"))?).map(Self::from)
    }

    pub fn of_gguf(file: &Gguf) -> Result<Self, LoadError> {
        ModelConfig::parse(&file.config()?).map(Self::from)
    }
}

impl From<ModelConfig> for Outline {
    fn from(config: ModelConfig) -> Self {
        Self {
            family: config.family,
            layers: config.layers.len(),
            vocab_size: config.vocab_size,
            context_length: config.max_positions,
            cached_numbers: config.layers.len() * 2 * config.kv_heads * config.head_dim,
        }
    }
}

/// What a folder's weights are, by the headers of their files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsOutline {
    pub parameters: u64,
    /// Of most of them, as the files have it: "F32", "BF16" and the like. None: there are no weights.
    pub dtype: Option<String>,
}

impl WeightsOutline {
    /// The error: the files are not there, or not as long as their headers say.
    pub fn of_folder(folder: &Path) -> Result<Self, LoadError> {
        let counts = weights::Shards::open(folder)?.counts();
        let most = counts.iter().max_by_key(|(_, count)| **count).map(|(dtype, _)| *dtype);
        Ok(Self {
            parameters: counts.values().fold(0, |sum: u64, count| sum.saturating_add(*count)),
            dtype: most.map(|dtype| format!("{dtype:?}")),
        })
    }

    /// Whether weights of this type are read here.
    pub fn check(&self) -> Result<(), LoadError> {
        match &self.dtype {
            Some(found) if weights::is_read(found) => Ok(()),
            Some(found) => Err(LoadError::UnsupportedWeights { found: found.clone() }),
            None => Err(LoadError::Empty),
        }
    }
}

/// Whether a file has all the bytes of its tensors, in formats that are read here.
pub(crate) fn check_gguf_weights(file: &Gguf) -> Result<(), LoadError> {
    weights::Weights::from_gguf(file, &LoadOptions::default()).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const WHOLE: &str = "model.safetensors";
    const INDEX: &str = "model.safetensors.index.json";

    fn write(path: &Path, header: &str, bytes: usize) {
        let length = (header.len() as u64).to_le_bytes();
        fs::write(path, [length.as_slice(), header.as_bytes(), &vec![0; bytes]].concat()).unwrap();
    }

    fn part(first: &str, second: &str) -> String {
        format!(
            r#"{{"__metadata__": {{"format": "pt"}}, "{first}": {{"dtype": "BF16", "shape": [3, 4], "data_offsets": [0, 24]}},
            "{second}": {{"dtype": "F32", "shape": [5], "data_offsets": [24, 44]}}}}"#
        )
    }

    #[test]
    fn shards_are_counted_together_and_the_commonest_type_is_theirs() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("x.safetensors"), &part("a", "b"), 44);
        write(&folder.path().join("y.safetensors"), &part("c", "d"), 44);
        let index = r#"{"weight_map": {"a": "x.safetensors", "b": "x.safetensors", "c": "y.safetensors"}}"#;
        fs::write(folder.path().join(INDEX), index).unwrap();
        let read = WeightsOutline::of_folder(folder.path()).unwrap();
        assert_eq!(read, WeightsOutline { parameters: 34, dtype: Some("BF16".to_owned()) });
        assert!(read.check().is_ok());
    }

    #[test]
    fn what_is_no_weight_file_is_told_and_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let read = || WeightsOutline::of_folder(folder.path());
        assert!(matches!(read(), Err(LoadError::NoWeights { .. })));
        let file = folder.path().join(WHOLE);
        let overflowing = r#"{"a": {"dtype": "F32", "shape": [18446744073709551615, 2], "data_offsets": [0, 4]}}"#;
        for header in [overflowing, "[]", r#"{"a": 1}"#] {
            write(&file, header, 4);
            assert!(matches!(read(), Err(LoadError::Corrupt { .. })), "{header}");
        }
        fs::write(&file, u64::MAX.to_le_bytes()).unwrap();
        assert!(matches!(read(), Err(LoadError::Corrupt { .. })));
        write(&file, "{}", 0);
        assert!(matches!(read().unwrap().check(), Err(LoadError::Empty)));
        fs::remove_file(&file).unwrap();
        fs::write(folder.path().join(INDEX), r#"{"weight_map": {"a": "../secret"}}"#).unwrap();
        assert!(matches!(read(), Err(LoadError::ShardName { .. })));
    }

    #[test]
    fn a_type_that_is_not_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join(WHOLE), r#"{"a": {"dtype": "I8", "shape": [4], "data_offsets": [0, 4]}}"#, 4);
        let read = WeightsOutline::of_folder(folder.path()).unwrap();
        assert_eq!((read.parameters, read.dtype.as_deref()), (4, Some("I8")));
        let error = read.check().unwrap_err().to_string();
        assert_eq!(error, "weights of type I8 (supported: F32, F16, BF16)");
    }
}
