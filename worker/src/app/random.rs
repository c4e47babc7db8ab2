//! A worker without a checkpoint: random weights in the shape of a config.json, and words that are token ids ("t17 t4"), so that
//! whole calls can be timed on models of any size.

use std::{path::Path, sync::Arc};

use serde_json::{Map, json};

use super::checkpoint::{CheckpointError, Loaded};
use crate::{
    chat_template::ChatTemplate,
    context::Language,
    fingerprint,
    model::{LoadOptions, Model},
    tokenizer::Tokenizer,
};

/// Every message's words, one after the other.
const TEMPLATE: &str = "{% for message in messages %}{{ message.content }} {% endfor %}";

pub(super) fn load(config: &Path, options: &LoadOptions) -> Result<Loaded, CheckpointError> {
    let model = Model::random(config, options)?;
    let words: Map<_, _> = (0..model.info.vocab_size).map(|id| (format!("t{id}"), json!(id))).collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": words, "unk_token": "t0"},
    });
    let tokenizer = Tokenizer::from_json(&tokenizer.to_string())?;
    let language = Language::new(tokenizer, Some(ChatTemplate::from_source(TEMPLATE)?));
    Ok(Loaded { model, language, end_of_turn: Arc::new([]), fingerprint: fingerprint::of_random(config)? })
}
