//! The tokens of a GGUF file: their texts, their kinds, and the ids that have a role.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Fault;
use super::metadata::Metadata;

pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";

/// ggml's numbers of the kinds, as they stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

/// Keys that name a token by its id, and what chat templates call the token.
const ROLES: [(&str, &str); 4] = [
    ("tokenizer.ggml.bos_token_id", "bos_token"),
    ("tokenizer.ggml.eos_token_id", "eos_token"),
    ("tokenizer.ggml.unknown_token_id", "unk_token"),
    ("tokenizer.ggml.padding_token_id", "pad_token"),
];
/// Keys that name an id which ends a turn.
const ENDS: [&str; 3] = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];
/// Files keep one or two of the ids that end a turn, where generation_config.json lists all. These are such whatever a file says.
const END_TEXTS: [&str; 7] =
    ["<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|im_end|>", "<|endoftext|>", "<|end|>", "<end_of_turn>"];

#[derive(Debug)]
pub(super) struct Vocabulary<'a> {
    metadata: Metadata<'a>,
    /// By id.
    pub(super) tokens: Vec<&'a str>,
    /// As many as tokens.
    pub(super) kinds: Vec<TokenKind>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn read(metadata: Metadata<'a>) -> Result<Self, Fault> {
        let missing = || Fault::Missing { key: TOKENS.to_owned() };
        let tokens = metadata.texts(TOKENS)?.filter(|tokens| !tokens.is_empty()).ok_or_else(missing)?;
        let kinds = match metadata.numbers(TYPES)? {
            None => vec![TokenKind::Normal; tokens.len()],
            Some(numbers) => numbers.into_iter().map(kind).collect::<Result<Vec<_>, _>>()?,
        };
        if kinds.len() != tokens.len() {
            let (found, expected) =
                (format!("{} types", kinds.len()), format!("one for each of {} tokens", tokens.len()));
            return Err(Fault::Value { key: TYPES.to_owned(), found, expected });
        }
        Ok(Self { metadata, tokens, kinds })
    }

    /// The token that `key` names by its id.
    pub(super) fn role(&self, key: &str) -> Result<Option<(u32, &'a str)>, Fault> {
        let Some(id) = self.metadata.count(key)? else { return Ok(None) };
        let token = usize::try_from(id).ok().and_then(|id| self.tokens.get(id));
        match (u32::try_from(id), token) {
            (Ok(id), Some(token)) => Ok(Some((id, token))),
            (Ok(_), None) | (Err(_), _) => Err(Fault::Value {
                key: key.to_owned(),
                found: id.to_string(),
                expected: format!("the id of one of {} tokens", self.tokens.len()),
            }),
        }
    }

    /// "bos_token" and the like, as chat templates know them.
    pub(super) fn special_tokens(&self) -> Result<BTreeMap<String, String>, Fault> {
        let mut named = BTreeMap::new();
        for (key, name) in ROLES {
            if let Some((_, token)) = self.role(key)? {
                named.insert(name.to_owned(), token.to_owned());
            }
        }
        Ok(named)
    }

    /// Every id that ends a turn, each once.
    pub(super) fn end_of_turn(&self) -> Result<Vec<u32>, Fault> {
        let mut ids = Vec::new();
        for key in ENDS {
            ids.extend(self.role(key)?.map(|(id, _)| id));
        }
        let written = (0u32..).zip(self.tokens.iter().zip(&self.kinds));
        let ends = written.filter(|(_, (token, kind))| {
            matches!(kind, TokenKind::Control | TokenKind::UserDefined) && END_TEXTS.contains(token)
        });
        ids.extend(ends.map(|(id, _)| id));
        let mut seen = BTreeSet::new();
        ids.retain(|id| seen.insert(*id));
        Ok(ids)
    }
}

fn kind(number: f64) -> Result<TokenKind, Fault> {
    Ok(match number as i64 {
        1 => TokenKind::Normal,
        2 => TokenKind::Unknown,
        3 => TokenKind::Control,
        4 => TokenKind::UserDefined,
        5 => TokenKind::Unused,
        6 => TokenKind::Byte,
        _ => {
            let expected = "a type from 1 to 6".to_owned();
            return Err(Fault::Value { key: TYPES.to_owned(), found: number.to_string(), expected });
        }
    })
}
