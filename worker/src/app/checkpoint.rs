//! A checkpoint folder or a GGUF file, loaded and checked to fit together: model, tokenizer, chat template, ends of turn.

use std::{path::Path, sync::Arc};

use crate::{
    chat_template::{ChatTemplate, TemplateLoadError},
    context::Language,
    end_of_turn::{self, EndOfTurnError},
    fingerprint,
    gguf::{Gguf, GgufError},
    model::{LoadError, LoadOptions, Model},
    tokenizer::{Tokenizer, TokenizerLoadError},
};

/// What a worker serves.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) model: Model,
    pub(crate) language: Language,
    pub(crate) end_of_turn: Arc<[u32]>,
    /// Of the checkpoint's files.
    pub(crate) fingerprint: String,
}

/// Why a folder or a file cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("no such folder and no such GGUF file")]
    Nothing,
    #[error(transparent)]
    Gguf(#[from] GgufError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerLoadError),
    #[error(transparent)]
    Template(#[from] TemplateLoadError),
    #[error(transparent)]
    Model(#[from] LoadError),
    #[error(transparent)]
    EndOfTurn(#[from] EndOfTurnError),
    #[error(
        "the tokenizer does not belong to the model: it gives token ids up to {highest_id}, the model's vocabulary is {vocab_size}"
    )]
    TokenizerTooLarge { highest_id: u32, vocab_size: usize },
}

/// Loads everything in a folder or a GGUF file: the small parts first, since the weights take longest.
pub(super) fn load(path: &Path, options: &LoadOptions) -> Result<Loaded, CheckpointError> {
    if path.is_dir() {
        let language = Language::new(Tokenizer::load(path)?, ChatTemplate::load(path)?);
        let model = fitting(Model::from_folder(path, options)?, &language)?;
        let end_of_turn = end_of_turn::load(path, model.info.vocab_size)?;
        let fingerprint = fingerprint::of_folder(path)?;
        Ok(complete(Loaded { model, language, end_of_turn, fingerprint }))
    } else if path.is_file() {
        let file = Gguf::open(path)?;
        let language = Language::new(Tokenizer::from_gguf(&file)?, ChatTemplate::from_gguf(&file)?);
        let model = fitting(Model::from_gguf(&file, options)?, &language)?;
        let end_of_turn = end_of_turn::from_gguf(&file, model.info.vocab_size)?;
        let fingerprint = fingerprint::of_gguf(path)?;
        Ok(complete(Loaded { model, language, end_of_turn, fingerprint }))
    } else {
        Err(CheckpointError::Nothing)
    }
}

/// The model, if it knows every token that the tokenizer can give.
fn fitting(model: Model, language: &Language) -> Result<Model, CheckpointError> {
    let (highest_id, vocab_size) = (language.tokenizer.highest_base_id(), model.info.vocab_size);
    if highest_id as usize >= vocab_size {
        return Err(CheckpointError::TokenizerTooLarge { highest_id, vocab_size });
    }
    // Published checkpoints have such tokens: padding that was added for training, say.
    let highest_id = language.tokenizer.highest_id();
    if highest_id as usize >= vocab_size {
        tracing::warn!(highest_id, vocab_size, "the model does not know all added tokens: texts with them are refused");
    }
    Ok(model)
}

/// What was loaded, having said what it lacks.
fn complete(loaded: Loaded) -> Loaded {
    if loaded.end_of_turn.is_empty() {
        tracing::warn!("the checkpoint names no end-of-turn token: the model never finishes a turn");
    }
    if loaded.language.chat_template.is_none() {
        tracing::warn!("the checkpoint has no chat template: the model takes raw prompts only");
    }
    loaded
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_and_a_missing_tokenizer_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let error = load(&dir.path().join("nothing"), &LoadOptions::default()).unwrap_err();
        assert!(error.to_string().starts_with("no such folder and no such GGUF file"), "{error}");
        let error = load(dir.path(), &LoadOptions::default()).unwrap_err();
        assert!(error.to_string().contains("tokenizer.json does not exist"), "{error}");
    }
}
