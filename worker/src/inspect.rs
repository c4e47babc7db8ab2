//! A checkpoint's parts, each read alone by the code that a worker reads it with: for looking at a checkpoint that may be broken.
//! One part's fault hides no other's. Loads no weights and computes nothing.

use std::{path::Path, sync::Arc};

use crate::{
    app::CheckpointError,
    chat_template::ChatTemplate,
    end_of_turn,
    gguf::Gguf,
    model::{Outline, WeightsOutline, check_gguf_weights},
    tokenizer::Tokenizer,
};

/// What a folder or a file holds.
#[derive(Debug)]
pub struct Parts {
    pub outline: Result<Outline, CheckpointError>,
    pub tokenizer: Result<Tokenizer, CheckpointError>,
    /// None: there is none.
    pub template: Result<Option<ChatTemplate>, CheckpointError>,
    /// None: without an outline nothing can be said of ids.
    pub end_of_turn: Option<Result<Arc<[u32]>, CheckpointError>>,
    /// The error: the files of the weights are not there, or not whole. None: of a GGUF file's, nothing more is told.
    pub weights: Result<Option<WeightsOutline>, CheckpointError>,
}

/// Reads every part. An error: there is nothing that has parts.
pub fn read(path: &Path) -> Result<Parts, CheckpointError> {
    if path.is_dir() {
        Ok(of_folder(path))
    } else if path.is_file() {
        Ok(of_gguf(&Gguf::open(path)?))
    } else {
        Err(CheckpointError::Nothing)
    }
}

fn of_folder(path: &Path) -> Parts {
    let outline = Outline::of_folder(path);
    let vocab_size = outline.as_ref().ok().map(|outline| outline.vocab_size);
    Parts {
        outline: outline.map_err(Into::into),
        tokenizer: Tokenizer::load(path).map_err(Into::into),
        template: ChatTemplate::load(path).map_err(Into::into),
        end_of_turn: vocab_size.map(|vocab_size| Ok(end_of_turn::load(path, vocab_size)?)),
        weights: WeightsOutline::of_folder(path).map(Some).map_err(Into::into),
    }
}

fn of_gguf(file: &Gguf) -> Parts {
    let outline = Outline::of_gguf(file);
    let vocab_size = outline.as_ref().ok().map(|outline| outline.vocab_size);
    Parts {
        outline: outline.map_err(Into::into),
        tokenizer: Tokenizer::from_gguf(file).map_err(Into::into),
        template: ChatTemplate::from_gguf(file).map_err(Into::into),
        end_of_turn: vocab_size.map(|vocab_size| Ok(end_of_turn::from_gguf(file, vocab_size)?)),
        weights: check_gguf_weights(file).map(|()| None).map_err(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_is_missing_is_missed_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let parts = read(folder.path()).unwrap();
        let told = [
            parts.outline.unwrap_err().to_string(),
            parts.tokenizer.unwrap_err().to_string(),
            parts.weights.unwrap_err().to_string(),
        ];
        for (told, part) in told.iter().zip(["config.json", "tokenizer.json", "model.safetensors"]) {
            assert!(told.contains(part), "{told}");
        }
        assert!(parts.template.unwrap().is_none() && parts.end_of_turn.is_none());
    }

    #[test]
    fn a_path_without_anything_has_no_parts() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(&folder.path().join("none")), Err(CheckpointError::Nothing)));
    }
}
