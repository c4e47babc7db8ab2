//! SentencePiece's BPE as merges: a pair of pieces merges earlier the higher its whole is scored. Unknown characters become bytes.

use serde_json::json;
use tokenizers::models::bpe::{BPE, Merges};

use super::super::fault::Fault;
use super::super::metadata::Metadata;
use super::super::vocabulary::{TOKENS, TokenKind, Vocabulary};
use super::{Parts, ids, part};

const SCORES: &str = "tokenizer.ggml.scores";
const SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";
const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";
/// Stands for a space within pieces.
const SPACE: &str = "\u{2581}";
/// Bytes of a piece: ten times the longest of any published model. Trying all ways to put a piece together takes the square of it.
const MAX_PIECE: usize = 1024;

pub(super) fn parts(metadata: Metadata<'_>, vocabulary: &Vocabulary<'_>) -> Result<Parts, Fault> {
    let scores = metadata.numbers(SCORES)?.ok_or_else(|| Fault::Missing { key: SCORES.to_owned() })?;
    if scores.len() != vocabulary.tokens.len() {
        let expected = format!("one for each of {} tokens", vocabulary.tokens.len());
        return Err(Fault::Value { key: SCORES.to_owned(), found: format!("{} scores", scores.len()), expected });
    }
    if let Some(piece) = vocabulary.tokens.iter().find(|piece| piece.len() > MAX_PIECE) {
        let (found, expected) = (format!("a token of {} bytes", piece.len()), format!("up to {MAX_PIECE}"));
        return Err(Fault::Value { key: TOKENS.to_owned(), found, expected });
    }
    let unknown = match vocabulary.role(UNKNOWN)? {
        Some((_, token)) => Some(token),
        None => vocabulary.tokens.first().copied(),
    };
    let model = BPE::builder()
        .vocab_and_merges(ids(vocabulary), merges(vocabulary, &scores))
        .byte_fallback(true)
        .fuse_unk(true)
        .unk_token(unknown.unwrap_or_default().to_owned())
        .build()
        .map_err(Fault::Tokenizer)?;
    let prefixed = metadata.flag(SPACE_PREFIX)?.unwrap_or(true);
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
    let (normalizer, pre_tokenizer) = match (prefixed, prefixes_text_only(vocabulary)) {
        (false, _) => (Some(replace), None),
        (true, false) => {
            let prepend = json!({"type": "Prepend", "prepend": SPACE});
            (Some(json!({"type": "Sequence", "normalizers": [prepend, replace]})), None)
        }
        (true, true) => {
            let first = json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "first", "split": false});
            (None, Some(first))
        }
    };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefixed {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    Ok(Parts {
        model,
        normalizer: normalizer.map(part).transpose()?,
        pre_tokenizer: pre_tokenizer.map(part).transpose()?,
        decoder: part(json!({"type": "Sequence", "decoders": decoders}))?,
        add_bos: true,
    })
}

/// Where the marks of instructions are tokens (Mistral's tokenizers from the second on), a space goes before a text's start alone;
/// elsewhere before whatever follows a special token too. No key says which.
fn prefixes_text_only(vocabulary: &Vocabulary<'_>) -> bool {
    let mut tokens = vocabulary.tokens.iter().zip(&vocabulary.kinds);
    tokens.any(|(token, kind)| *token == "[INST]" && *kind == TokenKind::Control)
}

/// Every way to put a piece together from two others. Higher scores go first; of one piece, the parts with lower ids.
fn merges(vocabulary: &Vocabulary<'_>, scores: &[f64]) -> Merges {
    let mut known = std::collections::HashMap::new();
    for (id, (token, kind)) in vocabulary.tokens.iter().zip(&vocabulary.kinds).enumerate() {
        if *kind == TokenKind::Normal {
            known.entry(*token).or_insert(id);
        }
    }
    let mut ways = Vec::new();
    for (piece, id) in &known {
        for (cut, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(cut);
            if let (Some(left_id), Some(right_id)) = (known.get(left), known.get(right)) {
                ways.push((scores.get(*id).copied().unwrap_or_default(), *id, *left_id, *right_id));
            }
        }
    }
    ways.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2, a.3).cmp(&(b.1, b.2, b.3))));
    let text = |id: usize| vocabulary.tokens.get(id).copied().unwrap_or_default().to_owned();
    ways.into_iter().map(|(_, _, left, right)| (text(left), text(right))).collect()
}
