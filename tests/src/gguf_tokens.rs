//! The tokenizer's keys of a GGUF file, made of a folder's tokenizer.json as the usual converter makes them.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::gguf::{Key, read_json};

/// ggml's numbers of the kinds of token.
const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

/// The keys for `vocab_size` tokens or all there are. `pre`: how a byte-level tokenizer splits; None: pieces with scores.
pub fn tokenizer_keys(folder: &Path, pre: Option<&str>, vocab_size: usize) -> Result<Vec<(String, Key)>> {
    let tokenizer = read_json(&folder.join("tokenizer.json"))?;
    let (tokens, kinds) = tokens(&tokenizer, vocab_size)?;
    let mut keys = Vec::new();
    let mut put = |name: &str, value: Key| keys.push((format!("tokenizer.{name}"), value));
    let merges = merges(&tokenizer)?;
    match pre {
        Some(pre) => {
            put("ggml.model", Key::String("gpt2".to_owned()));
            put("ggml.pre", Key::String(pre.to_owned()));
            let joined = merges.iter().map(|(left, right)| Key::String(format!("{left} {right}")));
            put("ggml.merges", Key::Array(joined.collect()));
        }
        None => {
            put("ggml.model", Key::String("llama".to_owned()));
            put("ggml.scores", Key::Array(scores(&tokens, &merges).into_iter().map(Key::F32).collect()));
            let prefix = !tokenizer["decoder"].to_string().contains("Strip");
            put("ggml.add_space_prefix", Key::Bool(!prefix));
        }
    }
    let configuration = read_json(&folder.join("tokenizer_config.json"))?;
    for (role, name) in [("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding")]
    {
        let content = configuration[role].as_str().or_else(|| configuration[role]["content"].as_str());
        if let Some(id) = content.and_then(|content| tokens.iter().position(|token| token == content)) {
            put(&format!("ggml.{name}_token_id"), Key::U32(id.try_into()?));
        }
    }
    if let Some(add) = configuration["add_bos_token"].as_bool() {
        put("ggml.add_bos_token", Key::Bool(add));
    }
    let file = std::fs::read_to_string(folder.join("chat_template.jinja")).ok();
    if let Some(template) = file.or_else(|| configuration["chat_template"].as_str().map(str::to_owned)) {
        put("chat_template", Key::String(template));
    }
    put("ggml.tokens", Key::Array(tokens.into_iter().map(Key::String).collect()));
    put("ggml.token_type", Key::Array(kinds.into_iter().map(Key::I32).collect()));
    Ok(keys)
}

/// Texts and kinds by id; ids without a token are padding.
fn tokens(tokenizer: &Value, vocab_size: usize) -> Result<(Vec<String>, Vec<i32>)> {
    let mut named = HashMap::new();
    let vocabulary = tokenizer["model"]["vocab"].as_object().context("no vocabulary")?;
    for (token, id) in vocabulary {
        let kind = if token.starts_with("<0x") && token.len() == 6 { BYTE } else { NORMAL };
        named.insert(id.as_u64().context("no id")?, (token.clone(), kind));
    }
    for added in tokenizer["added_tokens"].as_array().into_iter().flatten() {
        let content = added["content"].as_str().context("no content")?;
        let looks_special = content.starts_with("<|") && content.ends_with("|>");
        let kind = match (content, added["special"].as_bool()) {
            ("<unk>", _) => UNKNOWN,
            (_, Some(true)) => CONTROL,
            (_, _) if looks_special => CONTROL,
            (_, _) => USER_DEFINED,
        };
        named.insert(added["id"].as_u64().context("no id")?, (content.to_owned(), kind));
    }
    let count = named.keys().max().map_or(0, |most| most + 1).max(vocab_size as u64);
    let padding = |id| (format!("[PAD{id}]"), UNUSED);
    Ok((0..count).map(|id| named.remove(&id).unwrap_or_else(|| padding(id))).unzip())
}

fn merges(tokenizer: &Value) -> Result<Vec<(String, String)>> {
    let one = |merge: &Value| {
        let (left, right) = match merge.as_str() {
            Some(text) => text.split_once(' ')?,
            None => (merge[0].as_str()?, merge[1].as_str()?),
        };
        Some((left.to_owned(), right.to_owned()))
    };
    let merges = tokenizer["model"]["merges"].as_array().context("no merges")?;
    merges.iter().map(|merge| one(merge).context("no merge")).collect()
}

/// The earlier a piece is first merged, the higher its score. What is never merged has none.
fn scores(tokens: &[String], merges: &[(String, String)]) -> Vec<f32> {
    let mut ranks = HashMap::new();
    for (rank, (left, right)) in merges.iter().enumerate() {
        ranks.entry(format!("{left}{right}")).or_insert(rank);
    }
    tokens.iter().map(|token| ranks.get(token).map_or(0.0, |rank| -(*rank as f32))).collect()
}
