use std::io::Cursor;

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::{LoadOptions, Model};
use crate::tokenizer::Tokenizer;

/// A file's bytes, as another program's writer lays them out.
pub(super) fn written(keys: &[(&str, Value)], tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let ones = |shape: &[usize]| Tensor::ones(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
    laid_out(keys, tensors.iter().map(|(name, shape)| (*name, ones(shape))).collect())
}

/// The same with vectors of these numbers.
pub(super) fn written_with(keys: &[(&str, Value)], vectors: &[(&str, Vec<f32>)]) -> Vec<u8> {
    let vector = |values: &Vec<f32>| Tensor::new(values.as_slice(), &Device::Cpu).unwrap();
    laid_out(keys, vectors.iter().map(|(name, values)| (*name, vector(values))).collect())
}

fn laid_out(keys: &[(&str, Value)], tensors: Vec<(&str, Tensor)>) -> Vec<u8> {
    let quantized = |tensor| QTensor::quantize(&tensor, GgmlDType::F32).unwrap();
    let tensors: Vec<_> = tensors.into_iter().map(|(name, tensor)| (name, quantized(tensor))).collect();
    let mut bytes = Cursor::new(Vec::new());
    let keys: Vec<_> = keys.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
    gguf_file::write(&mut bytes, &keys, &tensors).unwrap();
    bytes.into_inner()
}

pub(super) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(super) fn texts(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|one| text(one)).collect())
}

/// Opens the bytes as a file. The folder goes at once: the file stays mapped.
pub(super) fn open(bytes: &[u8]) -> Result<Gguf, GgufError> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    Gguf::open(&path)
}

/// A model of one layer and four tokens.
pub(super) fn small() -> Vec<u8> {
    let keys = [
        ("general.architecture", text("llama")),
        ("llama.block_count", Value::U32(1)),
        ("llama.embedding_length", Value::U32(8)),
        ("llama.feed_forward_length", Value::U32(8)),
        ("llama.context_length", Value::U32(64)),
        ("llama.attention.head_count", Value::U32(2)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("tokenizer.ggml.model", text("llama")),
        ("tokenizer.ggml.tokens", texts(&["<unk>", "<s>", "</s>", "a"])),
        ("tokenizer.ggml.scores", Value::Array([0.0, 0.0, 0.0, -1.0].map(Value::F32).to_vec())),
        ("tokenizer.ggml.token_type", Value::Array([2, 3, 3, 1].map(Value::I32).to_vec())),
        ("tokenizer.ggml.eos_token_id", Value::U32(2)),
    ];
    let square: &[usize] = &[8, 8];
    let tensors: Vec<(&str, &[usize])> = vec![
        ("token_embd.weight", &[4, 8]),
        ("output_norm.weight", &[8]),
        ("blk.0.attn_norm.weight", &[8]),
        ("blk.0.ffn_norm.weight", &[8]),
        ("blk.0.attn_q.weight", square),
        ("blk.0.attn_k.weight", square),
        ("blk.0.attn_v.weight", square),
        ("blk.0.attn_output.weight", square),
        ("blk.0.ffn_gate.weight", square),
        ("blk.0.ffn_up.weight", square),
        ("blk.0.ffn_down.weight", square),
    ];
    written(&keys, &tensors)
}

/// Everything that loading reads of a file.
fn load(bytes: &[u8]) -> Result<Model, String> {
    let file = open(bytes).map_err(|error| shown(&error))?;
    let shown = |error: &dyn std::error::Error| shown(error);
    Tokenizer::from_gguf(&file).map_err(|error| shown(&error))?;
    file.special_tokens().map_err(|error| shown(&error))?;
    file.end_of_turn().map_err(|error| shown(&error))?;
    Model::from_gguf(&file, &LoadOptions::default()).map_err(|error| shown(&error))
}

/// The whole chain of an error.
fn shown(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn a_whole_file_is_a_model_with_its_tokens() {
    let file = open(&small()).unwrap();
    assert_eq!(file.special_tokens().unwrap(), BTreeMap::from([("eos_token".to_owned(), "</s>".to_owned())]));
    assert_eq!(file.end_of_turn().unwrap(), [2]);
    assert_eq!(file.chat_template().unwrap(), None);
    let info = load(&small()).unwrap().info;
    assert_eq!((info.family.as_str(), info.vocab_size, info.context_length), ("llama", 4, 64));
}

#[test]
fn a_file_cut_anywhere_is_refused_by_its_name() {
    let whole = small();
    // The writer fills the last tensor up to the alignment, which holds nothing.
    let last = whole.len() - 32;
    for length in 0..last {
        let error = load(&whole[..length]).err().unwrap_or_else(|| panic!("{length} of {} bytes load", whole.len()));
        assert!(error.contains("model.gguf"), "{length}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn changed_bytes_never_end_in_a_panic(changes in prop::collection::vec((0usize..1200, any::<u8>()), 1..6)) {
        let mut bytes = small();
        for (place, byte) in changes {
            bytes[place] = byte;
        }
        let _ = load(&bytes);
    }

    #[test]
    fn absurd_numbers_never_end_in_a_panic(place in 0usize..1200, number in prop::sample::select(vec![
        u64::MAX, u64::MAX / 2, 1 << 62, 1 << 40, 1 << 32, u64::from(u32::MAX), 0,
    ])) {
        let mut bytes = small();
        bytes[place..place + 8].copy_from_slice(&number.to_le_bytes());
        let _ = load(&bytes);
    }
}

/// The small file with one thing changed in the bytes after the first place where `before` stands.
fn changed(before: &[u8], skip: usize, to: &[u8]) -> String {
    let mut bytes = small();
    let found = bytes.windows(before.len()).position(|window| window == before).unwrap();
    let start = found + before.len() + skip;
    bytes[start..start + to.len()].copy_from_slice(to);
    load(&bytes).unwrap_err()
}

#[test]
fn what_is_wrong_is_said() {
    let keys = "general.architecture".as_bytes();
    for (error, expected) in [
        (load(b"").unwrap_err(), "does not start with the four letters GGUF"),
        (load(b"GGML\x03\0\0\0").unwrap_err(), "does not start with the four letters GGUF"),
        (changed(b"GGUF", 0, &[1, 0, 0, 0]), "version 1 (supported: 2 and 3"),
        (changed(b"GGUF", 4, &u64::MAX.to_le_bytes()), "tensor  has 0 dimensions"),
        (changed(b"GGUF", 12, &u64::MAX.to_le_bytes()), "ends within"),
        (changed(keys, 0, &77u32.to_le_bytes()), "general.architecture has a value of the unknown type 77"),
        (changed(keys, 12, b"llamb"), "architecture \"llamb\" is not supported (supported: llama, mistral3"),
        (changed(b"token_embd.weight", 0, &9u32.to_le_bytes()), "token_embd.weight has 9 dimensions"),
        (changed(b"token_embd.weight", 4, &[0; 8]), "token_embd.weight has the shape [0, 4]"),
        (changed(b"token_embd.weight", 4, &u64::MAX.to_le_bytes()), "the product must fit in memory"),
        (changed(b"token_embd.weight", 20, &23u32.to_le_bytes()), "token_embd.weight has element type IQ4_XS"),
        (changed(b"token_embd.weight", 20, &12u32.to_le_bytes()), "no whole blocks of q4_k (256 elements)"),
        (changed(b"token_embd.weight", 24, &5u64.to_le_bytes()), "no multiple of the alignment 32"),
        (changed(b"token_embd.weight", 24, &(1u64 << 50).to_le_bytes()), "reaches beyond the end of the file"),
        (changed(b"blk.0.ffn_", 0, b"xx"), "no tensor model.layers.0."),
        (changed(b"tokenizer.ggml.model", 12, b"t5xxx"), "tokenizer.ggml.model \"t5xxx\" is not supported"),
        (changed(b"tokenizer.ggml.eos_token_id", 4, &99u32.to_le_bytes()), "eos_token_id is 99, expected the id"),
        (changed(b"llama.attention.head_count", 4, &[0; 4]), "head_count is 0, expected from 1 to embedding_length"),
    ] {
        assert!(error.contains(expected), "{error}\nlacks {expected:?}");
    }
}

#[test]
fn tensors_say_what_the_converter_did_to_them() {
    let keys = |architecture: &str| {
        let key = |name: &str| -> &str { format!("{architecture}.{name}").leak() };
        [
            ("general.architecture", text(architecture)),
            (key("embedding_length"), Value::U32(8)),
            (key("attention.head_count"), Value::U32(2)),
        ]
    };
    let square: &[usize] = &[8, 8];
    let llama =
        open(&written(&keys("llama"), &[("blk.0.attn_q.weight", square), ("blk.0.attn_v.weight", square)])).unwrap();
    let found = |name: &str| llama.tensor(&format!("model.layers.0.self_attn.{name}")).unwrap();
    assert_eq!(found("q_proj.weight").unwrap().interleaved, Some(4));
    assert_eq!(found("v_proj.weight").unwrap().interleaved, None);
    assert_eq!((found("k_proj.weight"), found("rotary.weight")), (None, None));
    let gemma = open(&written(&keys("gemma2"), &[("blk.0.ffn_norm.weight", &[8])])).unwrap();
    let norm = gemma.tensor("model.layers.0.pre_feedforward_layernorm.weight").unwrap().unwrap();
    assert_eq!((norm.lifted, norm.name.as_str()), (1.0, "blk.0.ffn_norm.weight"));
}

#[test]
fn a_merge_into_what_is_no_token_is_refused_by_name() {
    let tokenizer = |merge: &str| {
        let keys = [
            ("general.architecture", text("qwen2")),
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.pre", text("qwen2")),
            ("tokenizer.ggml.tokens", texts(&["ab", "cd", "ef"])),
            ("tokenizer.ggml.merges", texts(&[merge])),
        ];
        shown(&open(&written(&keys, &[])).unwrap().tokenizer().unwrap_err())
    };
    for (merge, expected) in [("ab cd", "two tokens that are one together"), ("abcd", "a space between them")] {
        let error = tokenizer(merge);
        let named = format!("tokenizer.ggml.merges is {merge:?}, expected two tokens");
        assert!(error.contains(&named) && error.contains(expected), "{error}");
    }
}

#[test]
fn a_piece_beyond_any_real_one_is_refused() {
    let keys = [
        ("general.architecture", text("llama")),
        ("tokenizer.ggml.model", text("llama")),
        ("tokenizer.ggml.tokens", texts(&["<unk>", &"a".repeat(5000)])),
        ("tokenizer.ggml.scores", Value::Array([0.0, 0.0].map(Value::F32).to_vec())),
    ];
    let error = shown(&open(&written(&keys, &[])).unwrap().tokenizer().unwrap_err());
    assert!(error.contains("tokenizer.ggml.tokens is a token of 5000 bytes"), "{error}");
}

#[test]
fn a_key_or_a_tensor_that_is_there_twice_is_refused() {
    let twice = [("general.architecture", text("llama")), ("general.architecture", text("qwen2"))];
    let error = shown(&open(&written(&twice, &[])).unwrap_err());
    assert!(error.contains("key \"general.architecture\" is there twice"), "{error}");
    let error = shown(&open(&written(&twice[..1], &[("w", &[1]), ("w", &[2])])).unwrap_err());
    assert!(error.contains("tensor \"w\" is there twice"), "{error}");
}

#[test]
fn one_part_of_several_is_refused() {
    let keys = [("general.architecture", text("llama")), ("split.count", Value::U16(3))];
    let error = shown(&open(&written(&keys, &[])).unwrap_err());
    assert!(error.contains("split into 3 files"), "{error}");
}

#[test]
fn well_known_ends_of_turn_count_though_the_file_names_another() {
    let keys = [
        ("general.architecture", text("phi3")),
        ("tokenizer.ggml.tokens", texts(&["<|endoftext|>", "<|end|>", "<|im_end|>", "</s>"])),
        ("tokenizer.ggml.token_type", Value::Array([3, 3, 1, 3].map(Value::I32).to_vec())),
        ("tokenizer.ggml.eos_token_id", Value::U32(3)),
        ("tokenizer.ggml.eot_token_id", Value::U32(1)),
    ];
    // A text that merely reads like one is none.
    assert_eq!(open(&written(&keys, &[])).unwrap().end_of_turn().unwrap(), [3, 1, 0]);
}

#[test]
fn who_looks_at_a_file_is_told_that_its_weights_are_cut_short() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("model.gguf");
    let bytes = small();
    std::fs::write(&path, &bytes).unwrap();
    assert!(crate::inspect::read(&path).unwrap().weights.is_ok());
    std::fs::write(&path, &bytes[..bytes.len() - 64]).unwrap();
    let parts = crate::inspect::read(&path).unwrap();
    assert!(parts.outline.is_ok() && parts.tokenizer.is_ok());
    let told = shown(&parts.weights.unwrap_err());
    assert!(told.contains("reaches beyond the end of the file"), "{told}");
}
