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

/// Whether a folder has its weights' files, each as long as its header says.
pub fn check_weights(folder: &Path) -> Result<(), LoadError> {
    weights::Weights::open(folder, &LoadOptions::default()).map(drop)
}

/// Whether a file has all the bytes of its tensors, in formats that are read here.
pub(crate) fn check_gguf_weights(file: &Gguf) -> Result<(), LoadError> {
    weights::Weights::from_gguf(file, &LoadOptions::default()).map(drop)
}
