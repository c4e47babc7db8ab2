//! The tokenizer that a GGUF file's keys describe: byte-level BPE with its merges ("gpt2"), or SentencePiece's pieces with their
//! scores ("llama"). Built to give the ids and texts that the model's own tokenizer.json gives.

mod pieces;
mod split;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::{AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, Tokenizer};

use super::fault::Fault;
use super::metadata::Metadata;
use super::vocabulary::{TokenKind, Vocabulary};
use split::Split;

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const MERGES: &str = "tokenizer.ggml.merges";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const ADD_EOS: &str = "tokenizer.ggml.add_eos_token";
const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";

/// Phi-3 swallows white space after its marks, but not after these.
const PHI3_KEEPS_SPACE: [&str; 3] = ["<unk>", "<s>", "<|endoftext|>"];

/// What differs between the two kinds of tokenizer.
struct Parts {
    model: BPE,
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: Option<PreTokenizerWrapper>,
    decoder: DecoderWrapper,
    /// Where the file does not say.
    add_bos: bool,
}

/// `strips_after_marks`: white space after an added token belongs to it.
pub(super) fn build(metadata: Metadata<'_>, strips_after_marks: bool) -> Result<Tokenizer, Fault> {
    let vocabulary = Vocabulary::read(metadata)?;
    let parts = match metadata.required_text(MODEL)? {
        "gpt2" => byte_level(metadata, &vocabulary)?,
        "llama" => pieces::parts(metadata, &vocabulary)?,
        other => return Err(Fault::TokenizerModel { found: other.to_owned() }),
    };
    let mut tokenizer = Tokenizer::new(parts.model);
    tokenizer.with_normalizer(parts.normalizer).map_err(Fault::Tokenizer)?;
    tokenizer.with_pre_tokenizer(parts.pre_tokenizer);
    tokenizer.with_decoder(Some(parts.decoder));
    tokenizer.with_post_processor(surrounding(metadata, &vocabulary, parts.add_bos)?);
    add_tokens(&mut tokenizer, &vocabulary, strips_after_marks).map_err(Fault::Tokenizer)?;
    Ok(tokenizer)
}

fn byte_level(metadata: Metadata<'_>, vocabulary: &Vocabulary<'_>) -> Result<Parts, Fault> {
    let split = Split::named(metadata.text(PRE)?.unwrap_or("default"))?;
    let merges = metadata.texts(MERGES)?.ok_or_else(|| Fault::Missing { key: MERGES.to_owned() })?;
    let ids = ids(vocabulary);
    let merges = merges.into_iter().map(|merge| parts(merge, &ids)).collect::<Result<Vec<_>, _>>()?;
    let model = BPE::builder()
        .vocab_and_merges(ids, merges)
        .ignore_merges(split.ignores_merges)
        .build()
        .map_err(Fault::Tokenizer)?;
    Ok(Parts {
        model,
        normalizer: split.normalizer.map(part).transpose()?,
        pre_tokenizer: Some(part(split.pre_tokenizer)?),
        decoder: part(json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}))?,
        add_bos: split.add_bos,
    })
}

/// Two tokens with a space between them; the first may start with one. Together they are a token too.
fn parts(merge: &str, ids: &Vocab) -> Result<(String, String), Fault> {
    let refused = |expected: &str| Fault::Value {
        key: MERGES.to_owned(),
        found: format!("{merge:?}"),
        expected: expected.to_owned(),
    };
    let space = merge.char_indices().skip(1).find(|(_, letter)| *letter == ' ').map(|(at, _)| at);
    let (left, right) = space
        .map(|at| (merge[..at].to_owned(), merge[at + 1..].to_owned()))
        .ok_or_else(|| refused("two tokens with a space between them"))?;
    match ids.contains_key(&format!("{left}{right}")) {
        true => Ok((left, right)),
        false => Err(refused("two tokens that are one together")),
    }
}

/// Where a text is there twice, it is the lower id's.
fn ids(vocabulary: &Vocabulary<'_>) -> Vocab {
    let mut ids = Vocab::new();
    for (id, token) in (0u32..).zip(&vocabulary.tokens) {
        ids.entry((*token).to_owned()).or_insert(id);
    }
    ids
}

/// The tokens that a text gets by writing them out.
fn add_tokens(
    tokenizer: &mut Tokenizer,
    vocabulary: &Vocabulary<'_>,
    strips_after_marks: bool,
) -> Result<(), tokenizers::Error> {
    let (mut special, mut plain) = (Vec::new(), Vec::new());
    for (token, kind) in vocabulary.tokens.iter().zip(&vocabulary.kinds) {
        let rstrip = strips_after_marks && !PHI3_KEEPS_SPACE.contains(token);
        let added = |special| AddedToken::from(*token, special).normalized(false).rstrip(rstrip);
        match kind {
            TokenKind::Control | TokenKind::Unknown => special.push(added(true)),
            TokenKind::UserDefined => plain.push(added(false)),
            TokenKind::Normal | TokenKind::Unused | TokenKind::Byte => {}
        }
    }
    tokenizer.add_special_tokens(special)?;
    tokenizer.add_tokens(plain)?;
    Ok(())
}

/// The tokens around a whole input, for prompts that no template writes.
fn surrounding(
    metadata: Metadata<'_>,
    vocabulary: &Vocabulary<'_>,
    add_bos: bool,
) -> Result<Option<PostProcessorWrapper>, Fault> {
    let wanted = |flag: bool, key| if flag { vocabulary.role(key) } else { Ok(None) };
    let bos = wanted(metadata.flag(ADD_BOS)?.unwrap_or(add_bos), BOS)?;
    let eos = wanted(metadata.flag(ADD_EOS)?.unwrap_or(false), EOS)?;
    if bos.is_none() && eos.is_none() {
        return Ok(None);
    }
    let around = |sequence: &str, type_id: u32| {
        let special = |role: Option<(u32, &str)>| {
            role.map(|(_, token)| json!({"SpecialToken": {"id": token, "type_id": type_id}}))
        };
        let inner = json!({"Sequence": {"id": sequence, "type_id": type_id}});
        [special(bos), Some(inner), special(eos)].into_iter().flatten().collect::<Vec<Value>>()
    };
    let named = |(id, token): (u32, &str)| (token.to_owned(), json!({"id": token, "ids": [id], "tokens": [token]}));
    let special_tokens: serde_json::Map<String, Value> = [bos, eos].into_iter().flatten().map(named).collect();
    let pair = [around("A", 0), around("B", 1)].concat();
    let processor = json!({
        "type": "TemplateProcessing",
        "single": around("A", 0),
        "pair": pair,
        "special_tokens": special_tokens,
    });
    part(processor).map(Some)
}

/// A part of a tokenizer as tokenizer.json would write it.
fn part<T: DeserializeOwned>(written: Value) -> Result<T, Fault> {
    serde_json::from_value(written).map_err(|error| Fault::Tokenizer(error.into()))
}
