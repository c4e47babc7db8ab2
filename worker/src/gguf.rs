//! A model in one GGUF file: configuration, tensors, tokenizer, chat template and ends of turn, each as a Hugging Face folder would
//! have it. Reads the header only; tensors stay in the mapped file.
//!
//! - `header`, `value`: what the bytes say; `metadata`: keys as the types they should have
//! - `config`, `rope`: keys to a config.json; `names`: tensors by their Hugging Face names
//! - `vocabulary`, `tokenizer`: keys to tokens and a tokenizer; `fault`: what can be wrong

mod config;
mod fault;
mod header;
mod metadata;
mod names;
mod rope;
mod tokenizer;
mod value;
mod vocabulary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

pub use fault::{Fault, GgufError};
pub(crate) use header::TensorInfo;
pub(crate) use names::Found;

use config::ModelKeys;
use header::Header;
use metadata::Metadata;
use names::Architecture;
use vocabulary::Vocabulary;

const ARCHITECTURE: &str = "general.architecture";
const PARTS: &str = "split.count";
const CHAT_TEMPLATE: &str = "tokenizer.chat_template";
const EMBEDDING: &str = "token_embd.weight";
/// ggml's number of the element type f32.
const F32: u32 = 0;

/// An open file whose header was read and checked.
#[derive(Debug)]
pub struct Gguf {
    path: PathBuf,
    map: Mmap,
    header: Header,
    architecture: Architecture,
}

impl Gguf {
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let refused = |fault| GgufError { path: path.to_owned(), fault };
        let map = crate::mapped::map(path).map_err(|error| refused(Fault::Unreadable(error)))?;
        let header = Header::parse(&map).map_err(refused)?;
        let metadata = Metadata { values: &header.values, file: &map };
        let architecture = architecture(metadata).map_err(refused)?;
        Ok(Self { path: path.to_owned(), map, header, architecture })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration in Hugging Face's spelling.
    pub(crate) fn config(&self) -> Result<serde_json::Value, GgufError> {
        config::config(self.keys()).map_err(|fault| self.refused(fault))
    }

    /// The tensor that Hugging Face calls `name`. None: the file has none.
    pub(crate) fn tensor(&self, name: &str) -> Result<Option<Found<'_>>, GgufError> {
        let Some(own_name) = self.architecture.tensor_name(name) else { return Ok(None) };
        let Some(info) = self.header.tensors.get(&own_name) else { return Ok(None) };
        let head_dim = self.keys().head_dim().map_err(|fault| self.refused(fault))?;
        Ok(Some(self.architecture.describe(name, (own_name, info), head_dim)))
    }

    /// Every tensor with the file's name.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.header.tensors.iter().map(|(name, info)| (name.as_str(), info))
    }

    /// The first `length` bytes of a tensor. None: the file ends before.
    pub(crate) fn bytes(&self, info: &TensorInfo, length: usize) -> Option<&[u8]> {
        let start = self.header.data.checked_add(usize::try_from(info.offset).ok()?)?;
        self.map.get(start..start.checked_add(length)?)
    }

    pub(crate) fn map(&self) -> &Mmap {
        &self.map
    }

    pub(crate) fn tokenizer(&self) -> Result<tokenizers::Tokenizer, GgufError> {
        let strips_after_marks = self.architecture == Architecture::Phi3;
        tokenizer::build(self.metadata(), strips_after_marks).map_err(|fault| self.refused(fault))
    }

    pub(crate) fn chat_template(&self) -> Result<Option<&str>, GgufError> {
        self.metadata().text(CHAT_TEMPLATE).map_err(|fault| self.refused(fault))
    }

    /// "bos_token" and the like, as chat templates know them.
    pub(crate) fn special_tokens(&self) -> Result<BTreeMap<String, String>, GgufError> {
        self.vocabulary()?.special_tokens().map_err(|fault| self.refused(fault))
    }

    /// Every id that ends a turn, each once.
    pub(crate) fn end_of_turn(&self) -> Result<Vec<u32>, GgufError> {
        self.vocabulary()?.end_of_turn().map_err(|fault| self.refused(fault))
    }

    pub(crate) fn refused(&self, fault: Fault) -> GgufError {
        GgufError { path: self.path.clone(), fault }
    }

    fn vocabulary(&self) -> Result<Vocabulary<'_>, GgufError> {
        Vocabulary::read(self.metadata()).map_err(|fault| self.refused(fault))
    }

    fn keys(&self) -> ModelKeys<'_> {
        ModelKeys { file: self, architecture: self.architecture }
    }

    fn metadata(&self) -> Metadata<'_> {
        Metadata { values: &self.header.values, file: &self.map }
    }

    fn has_tensor(&self, name: &str) -> bool {
        self.header.tensors.contains_key(name)
    }

    /// Rows of the embedding: the model's, not the tokenizer's.
    fn vocab_size(&self) -> Result<usize, Fault> {
        let missing = || Fault::NoTensor { tensor: EMBEDDING.to_owned() };
        let info = self.header.tensors.get(EMBEDDING).ok_or_else(missing)?;
        Ok(info.shape.first().copied().unwrap_or_default())
    }

    /// A small tensor that is always kept in f32. None: the file has none.
    fn floats(&self, name: &str) -> Result<Option<Vec<f32>>, Fault> {
        let Some(info) = self.header.tensors.get(name) else { return Ok(None) };
        if info.element_type != F32 {
            let found = format!("number {}", info.element_type);
            return Err(Fault::ElementType { tensor: name.to_owned(), found, supported: "F32" });
        }
        let length = info.shape.iter().product::<usize>() * size_of::<f32>();
        let bytes = self.bytes(info, length).ok_or_else(|| Fault::Outside { tensor: name.to_owned() })?;
        Ok(Some(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()))
    }
}

fn architecture(metadata: Metadata<'_>) -> Result<Architecture, Fault> {
    if let Some(parts) = metadata.count(PARTS)?.filter(|parts| *parts > 1) {
        return Err(Fault::Split { parts });
    }
    let found = metadata.required_text(ARCHITECTURE)?;
    Architecture::ALL.into_iter().find(|one| one.name() == found).ok_or_else(|| Fault::Architecture {
        found: found.to_owned(),
        supported: Architecture::ALL.map(Architecture::name).join(", "),
    })
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
