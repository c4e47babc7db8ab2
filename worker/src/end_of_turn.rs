//! Which token ids end a model's turn: read once from the checkpoint, checked against the vocabulary.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use crate::gguf::{Gguf, GgufError};

/// First the file that generation reads, then the model's own.
const FILES: [&str; 2] = ["generation_config.json", "config.json"];

#[derive(Debug, thiserror::Error)]
pub enum EndOfTurnError {
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} is not valid JSON")]
    NotJson { path: PathBuf, source: serde_json::Error },
    #[error("eos_token_id in {path} is {found}: it must be a token id or a list of them")]
    NotIds { path: PathBuf, found: String },
    #[error("eos_token_id {id} in {path} is beyond the model's vocabulary of {vocab_size}")]
    BeyondVocabulary { path: PathBuf, id: u64, vocab_size: usize },
    #[error(transparent)]
    Gguf(#[from] GgufError),
}

/// `eos_token_id` of the first file that has one, each id once. Empty: the model never ends its turn.
pub fn load(folder: &Path, vocab_size: usize) -> Result<Arc<[u32]>, EndOfTurnError> {
    for file in FILES {
        let path = folder.join(file);
        match read(&path)?.get("eos_token_id") {
            None | Some(Value::Null) => {}
            Some(found) => return ids(found, &path, vocab_size),
        }
    }
    Ok(Arc::new([]))
}

/// The same of a GGUF file.
pub fn from_gguf(file: &Gguf, vocab_size: usize) -> Result<Arc<[u32]>, EndOfTurnError> {
    let ids = file.end_of_turn()?;
    match ids.iter().find(|id| **id as usize >= vocab_size) {
        None => Ok(ids.into()),
        Some(id) => {
            let (path, id) = (file.path().to_owned(), u64::from(*id));
            Err(EndOfTurnError::BeyondVocabulary { path, id, vocab_size })
        }
    }
}

fn read(path: &Path) -> Result<Value, EndOfTurnError> {
    match std::fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map_err(|source| EndOfTurnError::NotJson { path: path.to_owned(), source })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(source) => Err(EndOfTurnError::Unreadable { path: path.to_owned(), source }),
    }
}

fn ids(found: &Value, path: &Path, vocab_size: usize) -> Result<Arc<[u32]>, EndOfTurnError> {
    let listed = found.as_array().map_or(std::slice::from_ref(found), Vec::as_slice);
    let mut ids = Vec::with_capacity(listed.len());
    for value in listed {
        let Some(id) = value.as_u64() else {
            return Err(EndOfTurnError::NotIds { path: path.to_owned(), found: found.to_string() });
        };
        let in_vocabulary = u32::try_from(id).ok().filter(|_| id < vocab_size as u64);
        let Some(id) = in_vocabulary else {
            return Err(EndOfTurnError::BeyondVocabulary { path: path.to_owned(), id, vocab_size });
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_from(generation: Option<&str>, config: Option<&str>) -> Result<Vec<u32>, EndOfTurnError> {
        let dir = tempfile::tempdir().unwrap();
        for (file, content) in FILES.iter().zip([generation, config]) {
            if let Some(content) = content {
                std::fs::write(dir.path().join(file), content).unwrap();
            }
        }
        load(dir.path(), 100).map(|ids| ids.to_vec())
    }

    #[test]
    fn the_generation_config_goes_first_and_a_list_is_a_set() {
        let config = Some(r#"{"eos_token_id": 7}"#);
        assert_eq!(load_from(Some(r#"{"eos_token_id": [5, 3, 5]}"#), config).unwrap(), [5, 3]);
        assert_eq!(load_from(Some(r#"{"eos_token_id": 2}"#), config).unwrap(), [2]);
        assert_eq!(load_from(Some(r#"{"eos_token_id": null}"#), config).unwrap(), [7]);
        assert_eq!(load_from(None, config).unwrap(), [7]);
    }

    #[test]
    fn a_model_without_any_is_allowed() {
        assert_eq!(load_from(None, Some("{}")).unwrap(), [0u32; 0]);
        assert_eq!(load_from(Some(r#"{"eos_token_id": []}"#), Some("{}")).unwrap(), [0u32; 0]);
    }

    #[test]
    fn what_is_not_a_token_id_of_the_model_is_refused() {
        assert!(matches!(load_from(Some(r#"{"eos_token_id": "</s>"}"#), None), Err(EndOfTurnError::NotIds { .. })));
        assert!(matches!(load_from(Some(r#"{"eos_token_id": -1}"#), None), Err(EndOfTurnError::NotIds { .. })));
        let beyond = load_from(Some(r#"{"eos_token_id": [1, 100]}"#), None);
        assert!(matches!(beyond, Err(EndOfTurnError::BeyondVocabulary { id: 100, vocab_size: 100, .. })));
        assert!(matches!(load_from(Some("{"), None), Err(EndOfTurnError::NotJson { .. })));
    }
}
