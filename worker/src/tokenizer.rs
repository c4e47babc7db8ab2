//! A model's own tokenizer: text to token ids and back, exactly as its `tokenizer.json` or its GGUF file says.
//!
//! Padding and truncation stored in the file are switched off: a prompt is never filled up nor cut here. So is dropout, which is for
//! training: a text has the same ids every time. The switches of
//! `tokenizer_config.json` (`add_bos_token`, `add_prefix_space` and the like) are not read: whoever wrote `tokenizer.json` has worked
//! them into it, and a conversation is encoded without added tokens anyway. It knows neither prompts nor answers, only strings.
//!
//! Texts that grow are read in stretches, and stretches read before are remembered: that makes it fast and changes no id.

mod added;
mod charsmap;
#[cfg(test)]
pub(crate) mod fuzz;
mod growth;
mod merges;
mod pattern;
mod seams;
mod stretch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::Value;
use tokenizers::ModelWrapper;

pub use self::added::AddedToken;
use self::seams::Seams;
use self::stretch::Stretch;
pub use self::stretch::{Tail, added};
use crate::contained::{Panicked, contained};
use crate::gguf::{Gguf, GgufError};
use crate::memo::Memo;

/// The file in a checkpoint folder.
pub const FILE: &str = "tokenizer.json";
/// Bytes of the memory for stretches: some hundred long answers.
const REMEMBERED: usize = 16 << 20;

/// A loaded tokenizer.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    highest_id: u32,
    highest_base_id: u32,
    seams: Seams,
    /// The ids that the post-processor puts before and after a whole input; None: not always the same.
    frame: Option<(Vec<u32>, Vec<u32>)>,
    /// That the decoder turns one token after the other into text, but for what it strips at the very start.
    decodes_in_order: bool,
    stretches: Mutex<Memo<Arc<str>, Arc<Stretch>>>,
}

/// The ids of a text.
#[derive(Clone, Debug)]
pub struct Encoding {
    pub ids: Vec<u32>,
    /// None: what ids after these add to the text is told by the decoding of all.
    pub tail: Option<Tail>,
}

/// Why a checkpoint's tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerLoadError {
    #[error("{0} does not exist: a checkpoint folder needs the tokenizer in this format")]
    Missing(PathBuf),
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a valid tokenizer")]
    Invalid { path: PathBuf, source: tokenizers::Error },
    #[error("{path} has the merge {merge:?}, whose whole is no token")]
    Merge { path: PathBuf, merge: String },
    #[error("{path} has parts that can make a text {times} times longer (allowed: {})", growth::MOST)]
    Growth { path: PathBuf, times: u64 },
    #[error("{0} has a precompiled_charsmap that is cut short")]
    Charsmap(PathBuf),
    #[error("{path} cannot be used as a tokenizer")]
    Panicked { path: PathBuf, source: Panicked },
    #[error("{0} holds no token")]
    Empty(PathBuf),
    #[error(transparent)]
    Gguf(#[from] GgufError),
}

/// The tokenizer refused a string or ids it should take: a fault of the file, not of the caller.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    #[error("the tokenizer failed")]
    Failed(#[source] tokenizers::Error),
    #[error("the tokenizer failed")]
    Panicked(#[from] Panicked),
}

/// What of a tokenizer.json is looked at before the library reads it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Looked {
    model: Value,
    normalizer: Value,
    pre_tokenizer: Value,
    post_processor: Value,
    decoder: Value,
}

impl Tokenizer {
    /// Loads `tokenizer.json` of a checkpoint folder.
    pub fn load(folder: &Path) -> Result<Self, TokenizerLoadError> {
        let path = folder.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(TokenizerLoadError::Missing(path));
            }
            Err(source) => return Err(TokenizerLoadError::Unreadable { path, source }),
        };
        Self::from_file(&bytes, path)
    }

    /// A tokenizer in the format of `tokenizer.json` that lies in no file.
    pub fn from_json(json: &str) -> Result<Self, TokenizerLoadError> {
        Self::from_file(json.as_bytes(), PathBuf::new())
    }

    /// The tokenizer that a GGUF file's keys describe.
    pub fn from_gguf(file: &Gguf) -> Result<Self, TokenizerLoadError> {
        let path = file.path().to_owned();
        let inner = contained(|| file.tokenizer()).map_err(|source| panicked(&path, source))??;
        Self::from_parts(inner, path)
    }

    fn from_file(json: &[u8], path: PathBuf) -> Result<Self, TokenizerLoadError> {
        look(json, &path)?;
        let read = || {
            let mut inner = tokenizers::Tokenizer::from_bytes(json)?;
            inner.with_padding(None);
            inner.with_truncation(None)?;
            if let ModelWrapper::BPE(model) = inner.get_model()
                && model.dropout.is_some()
            {
                let mut model = model.clone();
                model.dropout = None;
                inner.with_model(model);
            }
            Ok(inner)
        };
        let inner = contained(read).map_err(|source| panicked(&path, source))?;
        let inner = inner.map_err(|source| TokenizerLoadError::Invalid { path: path.clone(), source })?;
        Self::from_parts(inner, path)
    }

    fn from_parts(mut inner: tokenizers::Tokenizer, path: PathBuf) -> Result<Self, TokenizerLoadError> {
        // A text that is not split is one word, and the library keeps thousands of words, on each thread: what of them comes again
        // is remembered in the memo, within its bound.
        if inner.get_pre_tokenizer().is_none() {
            let mut model = inner.get_model().clone();
            model.resize_cache(0);
            inner.with_model(model);
        }
        let known = || {
            let highest_id = inner.get_vocab(true).into_values().max();
            let highest_base_id = inner.get_vocab(false).into_values().max();
            (highest_id, highest_base_id, Seams::of(&inner), stretch::frame(&inner))
        };
        let known = contained(known).map_err(|source| panicked(&path, source))?;
        let (highest_id, highest_base_id, seams, frame) = known;
        let highest_id = highest_id.ok_or(TokenizerLoadError::Empty(path))?;
        let decodes_in_order = stretch::decodes_in_order(&inner);
        let stretches = Mutex::new(Memo::new(REMEMBERED));
        let highest_base_id = highest_base_id.unwrap_or(highest_id);
        Ok(Self { inner, highest_id, highest_base_id, seams, frame, decodes_in_order, stretches })
    }

    /// The ids of `text`. Special tokens written out in the text are recognised; `add_special` adds those that the file's
    /// post-processor puts around a whole input, such as a BOS.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, TokenizerError> {
        let encoding = contained(|| self.inner.encode_fast(text, add_special))?.map_err(TokenizerError::Failed)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of `ids`. An unfinished character at the end becomes U+FFFD.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, TokenizerError> {
        contained(|| self.inner.decode(ids, skip_special))?.map_err(TokenizerError::Failed)
    }

    /// The highest id that encoding can give: a model needs an embedding for it.
    pub fn highest_id(&self) -> u32 {
        self.highest_id
    }

    /// The same without added tokens, which are those that a text must write out to get them.
    pub fn highest_base_id(&self) -> u32 {
        self.highest_base_id
    }
}

/// Refuses by name what the library would not survive, or not in bounded memory.
fn look(json: &[u8], path: &Path) -> Result<(), TokenizerLoadError> {
    let owned = || path.to_owned();
    let invalid = |source: serde_json::Error| TokenizerLoadError::Invalid { path: owned(), source: source.into() };
    let Looked { model, normalizer, pre_tokenizer, post_processor, decoder } =
        serde_json::from_slice(json).map_err(invalid)?;
    if let Some(merge) = merges::spoiled(&model) {
        return Err(TokenizerLoadError::Merge { path: owned(), merge });
    }
    if charsmap::is_cut(&normalizer) {
        return Err(TokenizerLoadError::Charsmap(owned()));
    }
    // A text goes through all of the first three, ids through the last.
    let read = [&normalizer, &pre_tokenizer, &post_processor].map(growth::growth);
    let times = read.into_iter().fold(1, u64::saturating_mul).max(growth::growth(&decoder));
    if times > growth::MOST { Err(TokenizerLoadError::Growth { path: owned(), times }) } else { Ok(()) }
}

fn panicked(path: &Path, source: Panicked) -> TokenizerLoadError {
    TokenizerLoadError::Panicked { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = r#"{"version":"1.0","truncation":{"direction":"Right","max_length":2,"strategy":"LongestFirst","stride":0},
        "padding":{"strategy":{"Fixed":4},"direction":"Right","pad_to_multiple_of":null,"pad_id":9,"pad_type_id":0,"pad_token":"[PAD]"},
        "added_tokens":[{"id":9,"content":"[PAD]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
        "normalizer":null,"pre_tokenizer":{"type":"WhitespaceSplit"},"post_processor":null,"decoder":null,
        "model":{"type":"WordLevel","vocab":{"a":0,"b":1,"c":2},"unk_token":"a"}}"#;

    fn folder_with(file: &str, content: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(file), content).unwrap();
        dir
    }

    #[test]
    fn stored_padding_and_truncation_are_switched_off() {
        let dir = folder_with(FILE, WORDS);
        let tokenizer = Tokenizer::load(dir.path()).unwrap();
        assert_eq!(tokenizer.encode("a", true).unwrap(), [0]);
        assert_eq!(tokenizer.encode("a b c a b", true).unwrap(), [0, 1, 2, 0, 1]);
        assert_eq!((tokenizer.highest_id(), tokenizer.highest_base_id()), (3, 2));
    }

    #[test]
    fn stored_dropout_is_switched_off() {
        let model =
            r#"{"type":"BPE","dropout":0.9,"vocab":{"a":0,"b":1,"ab":2,"abab":3},"merges":[["a","b"],["ab","ab"]]}"#;
        let file = WORDS.replace(r#"{"type":"WordLevel","vocab":{"a":0,"b":1,"c":2},"unk_token":"a"}"#, model);
        let tokenizer = Tokenizer::from_json(&file).unwrap();
        (0..50).for_each(|_| assert_eq!(tokenizer.encode("abab", false).unwrap(), [3]));
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = folder_with("tokenizer.model", "");
        let error = Tokenizer::load(dir.path()).unwrap_err();
        assert!(matches!(error, TokenizerLoadError::Missing(_)));
        assert!(error.to_string().contains("tokenizer.json does not exist"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_tokenizer_is_refused() {
        for content in ["", "{}", "[1, 2]", &WORDS.replace("WordLevel", "NoSuchModel")] {
            let dir = folder_with(FILE, content);
            assert!(matches!(Tokenizer::load(dir.path()), Err(TokenizerLoadError::Invalid { .. })), "{content}");
        }
    }

    #[test]
    fn a_merge_longer_than_every_token_is_refused_by_name() {
        let model = r#"{"type":"BPE","vocab":{"ab":0,"cd":1},"merges":["ab cd"]}"#;
        let words = r#"{"type":"WordLevel","vocab":{"a":0,"b":1,"c":2},"unk_token":"a"}"#;
        let dir = folder_with(FILE, &WORDS.replace(words, model));
        let error = Tokenizer::load(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with(r#"tokenizer.json has the merge "ab cd", whose whole is no token"#), "{error}");
    }
}
