//! A checkpoint folder, loaded and checked to fit together: model, tokenizer, chat template, ends of turn.

use std::{path::Path, sync::Arc};

use crate::{
    chat_template::{ChatTemplate, TemplateLoadError},
    context::Language,
    end_of_turn::{self, EndOfTurnError},
    model::{LoadError, Model},
    tokenizer::{Tokenizer, TokenizerLoadError},
};

#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) model: Model,
    pub(super) language: Language,
    pub(super) end_of_turn: Arc<[u32]>,
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckpointError {
    #[error("no such folder")]
    NoFolder,
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

/// Loads everything in a folder: the small files first, since the weights take longest.
pub(super) fn load(folder: &Path) -> Result<Checkpoint, CheckpointError> {
    if !folder.is_dir() {
        return Err(CheckpointError::NoFolder);
    }
    let language = Language::new(Tokenizer::load(folder)?, ChatTemplate::load(folder)?);
    let model = Model::load(folder)?;
    let (highest_id, vocab_size) = (language.tokenizer.highest_base_id(), model.info.vocab_size);
    if highest_id as usize >= vocab_size {
        return Err(CheckpointError::TokenizerTooLarge { highest_id, vocab_size });
    }
    // Published checkpoints have such tokens: padding that was added for training, say.
    let highest_id = language.tokenizer.highest_id();
    if highest_id as usize >= vocab_size {
        tracing::warn!(highest_id, vocab_size, "the model does not know all added tokens: texts with them are refused");
    }
    let end_of_turn = end_of_turn::load(folder, vocab_size)?;
    if end_of_turn.is_empty() {
        tracing::warn!("the checkpoint names no end-of-turn token: the model never finishes a turn");
    }
    if language.chat_template.is_none() {
        tracing::warn!("the checkpoint has no chat template: the model takes raw prompts only");
    }
    Ok(Checkpoint { model, language, end_of_turn })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_and_a_missing_tokenizer_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let error = load(&dir.path().join("nothing")).unwrap_err();
        assert!(error.to_string().starts_with("no such folder"), "{error}");
        let error = load(dir.path()).unwrap_err();
        assert!(error.to_string().contains("tokenizer.json does not exist"), "{error}");
    }
}
