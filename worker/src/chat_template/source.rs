//! Where a checkpoint keeps its chat template and its special tokens, and the one construct of transformers' dialect
//! that the template engine lacks. It renders nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::gguf::{Gguf, GgufError};

const TEMPLATE_FILE: &str = "chat_template.jinja";
const CONFIG_FILE: &str = "tokenizer_config.json";

/// Bytes of a template, which bounds how deep its expressions nest.
const MAX_TEMPLATE: usize = 128 << 10;

/// A template as found, not yet compiled.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) template: String,
    /// The file it stands in.
    pub(super) path: PathBuf,
    /// "bos_token", "eos_token" and the like; a token that the model lacks is left out.
    pub(super) special_tokens: BTreeMap<String, String>,
}

/// Why a checkpoint's chat template cannot be used. A checkpoint without one is no error.
#[derive(Debug, thiserror::Error)]
pub enum TemplateLoadError {
    #[error("cannot read {path}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} is not valid JSON")]
    NotJson { path: PathBuf, source: serde_json::Error },
    #[error("chat_template in {0} must be a string, or a list of objects with a name and a template")]
    NotATemplate(PathBuf),
    #[error("the chat template in {path} has {bytes} bytes, and may have {MAX_TEMPLATE}")]
    TooLong { path: PathBuf, bytes: usize },
    #[error("the chat template in {path} is broken")]
    Broken { path: PathBuf, source: minijinja::Error },
    #[error("no thread to compile the chat template on")]
    NoThread(#[source] std::io::Error),
    #[error(transparent)]
    Gguf(#[from] GgufError),
}

/// The template file if there is one, else the entry of the tokenizer's configuration: one string, or the "default" of a list.
pub(super) fn find(folder: &Path) -> Result<Option<Found>, TemplateLoadError> {
    let config_path = folder.join(CONFIG_FILE);
    let config = match read(&config_path)? {
        Some(text) => serde_json::from_str(&text)
            .map_err(|source| TemplateLoadError::NotJson { path: config_path.clone(), source })?,
        None => Value::Null,
    };
    let file_path = folder.join(TEMPLATE_FILE);
    let (template, path) = match read(&file_path)? {
        Some(template) => (template, file_path),
        None => match configured(&config, &config_path)? {
            Some(template) => (template, config_path),
            None => return Ok(None),
        },
    };
    bounded(Found { template, path, special_tokens: special_tokens(&config) }).map(Some)
}

/// The template among a GGUF file's keys.
pub(super) fn find_in_gguf(file: &Gguf) -> Result<Option<Found>, TemplateLoadError> {
    let Some(template) = file.chat_template()? else { return Ok(None) };
    let (template, path) = (template.to_owned(), file.path().to_owned());
    bounded(Found { template, path, special_tokens: file.special_tokens()? }).map(Some)
}

fn bounded(found: Found) -> Result<Found, TemplateLoadError> {
    match found.template.len() {
        0..=MAX_TEMPLATE => Ok(found),
        bytes => Err(TemplateLoadError::TooLong { path: found.path, bytes }),
    }
}

fn configured(config: &Value, path: &Path) -> Result<Option<String>, TemplateLoadError> {
    match config.get("chat_template") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(template)) => Ok(Some(template.clone())),
        Some(Value::Array(named)) => default_of(named, path),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            Err(TemplateLoadError::NotATemplate(path.to_owned()))
        }
    }
}

fn read(path: &Path) -> Result<Option<String>, TemplateLoadError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TemplateLoadError::Unreadable { path: path.to_owned(), source }),
    }
}

fn default_of(named: &[Value], path: &Path) -> Result<Option<String>, TemplateLoadError> {
    for entry in named {
        let field = |key| entry.get(key).and_then(Value::as_str);
        match (field("name"), field("template")) {
            (Some("default"), Some(template)) => return Ok(Some(template.to_owned())),
            (Some(_), Some(_)) => {}
            (None, _) | (_, None) => return Err(TemplateLoadError::NotATemplate(path.to_owned())),
        }
    }
    Ok(None)
}

/// A token is written as a string or as an object with its content.
fn special_tokens(config: &Value) -> BTreeMap<String, String> {
    let entries = config.as_object().into_iter().flatten();
    entries
        .filter(|(key, _)| key.ends_with("_token"))
        .filter_map(|(key, value)| {
            let content = value.as_str().or_else(|| value.get("content")?.as_str())?;
            Some((key.clone(), content.to_owned()))
        })
        .collect()
}

/// `{% generation %}` marks what a training loss is computed on and is otherwise a scope of its own, as `{% with %}` is.
pub(super) fn without_generation_blocks(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let Some(end) = tag.find("%}") else {
            rest = tag;
            break;
        };
        let (tag, after) = tag.split_at(end + 2);
        let inner = tag.trim_start_matches("{%").trim_end_matches("%}");
        match inner.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '+')) {
            "generation" => out.push_str(&tag.replacen("generation", "with", 1)),
            "endgeneration" => out.push_str(&tag.replacen("endgeneration", "endwith", 1)),
            _ => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}
