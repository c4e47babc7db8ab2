//! What can be wrong with a GGUF file. Each fault names the key or the tensor, and what would have been right.

use std::{io, path::PathBuf};

/// A GGUF file that cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the GGUF file {}", path.display())]
pub struct GgufError {
    pub path: PathBuf,
    #[source]
    pub fault: Fault,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("it does not start with the four letters GGUF")]
    Magic,
    #[error("it is of GGUF version {found} (supported: 2 and 3, little-endian)")]
    Version { found: u32 },
    #[error("it is split into {parts} files: join them into one first")]
    Split { parts: u64 },
    #[error("it ends within {part}, which starts at byte {at}: the file is cut short or its header is wrong")]
    Truncated { part: &'static str, at: usize },
    #[error("{part} at byte {at} is not UTF-8")]
    NotText { part: &'static str, at: usize },
    #[error("key {key} has a value of the unknown type {found}")]
    ValueType { key: String, found: u32 },
    #[error("key {key} is an array of arrays, which no model needs")]
    NestedArray { key: String },
    #[error("{what} {name:?} is there twice")]
    Twice { what: &'static str, name: String },
    #[error("general.alignment is {found} (allowed: multiples of 8 up to {most})")]
    Alignment { found: u64, most: u64 },
    #[error("tensor {tensor} has {found} dimensions (allowed: 1 to {most})")]
    Dimensions { tensor: String, found: u32, most: u32 },
    #[error(
        "tensor {tensor} has the shape {found:?}: every dimension must be above 0 and the product must fit in memory"
    )]
    Shape { tensor: String, found: Vec<u64> },
    #[error("tensor {tensor} starts at {offset}, which is no multiple of the alignment {alignment}")]
    Offset { tensor: String, offset: u64, alignment: u64 },
    #[error("tensor {tensor} has element type {found} (supported: {supported})")]
    ElementType { tensor: String, found: String, supported: &'static str },
    #[error("tensor {tensor} has rows of {columns} elements, which are no whole blocks of {format} ({block} elements)")]
    Blocks { tensor: String, columns: usize, format: &'static str, block: usize },
    #[error("tensor {tensor} has {rows} rows, which is no multiple of the head's {head_dim}")]
    Heads { tensor: String, rows: usize, head_dim: usize },
    #[error("tensor {tensor} reaches beyond the end of the file")]
    Outside { tensor: String },
    #[error("it has no tensor {tensor}")]
    NoTensor { tensor: String },
    #[error("it has no key {key}")]
    Missing { key: String },
    #[error("key {key} is {found}, expected {expected}")]
    Value { key: String, found: String, expected: String },
    #[error("architecture {found:?} is not supported (supported: {supported})")]
    Architecture { found: String, supported: String },
    #[error("tokenizer.ggml.model {found:?} is not supported (supported: gpt2, llama)")]
    TokenizerModel { found: String },
    #[error("tokenizer.ggml.pre {found:?} is not a way to split text that this version knows (known: {known})")]
    Pre { found: String, known: String },
    #[error("its tokenizer cannot be built")]
    Tokenizer(#[source] tokenizers::Error),
}
