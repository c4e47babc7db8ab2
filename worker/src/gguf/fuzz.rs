//! GGUF files that no converter wrote: each loads, reads any text and computes, or is refused with the reason.

use candle_core::quantized::gguf_file::Value;
use proptest::{prelude::*, sample::Index};
use specfuse_malformed as malformed;

use super::tests::{open, small, text, texts, written};
use super::*;
use crate::{
    chat_template::{ChatTemplate, Message, Role},
    model::{LoadOptions, Model, fuzz::compute},
    tokenizer::{Tokenizer, fuzz::use_up},
};

type Keys = Vec<(String, Value)>;

fn key(name: &str, value: Value) -> (String, Value) {
    (name.to_owned(), value)
}

/// Those of a model with byte-level BPE, a template, a window and scaled positions.
fn keys(architecture: &str) -> Keys {
    let own = |name: &str, value: Value| key(&format!("{architecture}.{name}"), value);
    vec![
        key("general.architecture", text(architecture)),
        key("general.alignment", Value::U32(32)),
        key("split.count", Value::U16(1)),
        own("block_count", Value::U32(1)),
        own("embedding_length", Value::U32(8)),
        own("feed_forward_length", Value::U32(8)),
        own("context_length", Value::U32(64)),
        own("attention.head_count", Value::U32(2)),
        own("attention.head_count_kv", Value::U32(2)),
        own("attention.key_length", Value::U32(4)),
        own("attention.value_length", Value::U32(4)),
        own("attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        own("attention.sliding_window", Value::U32(16)),
        own("rope.freq_base", Value::F32(10_000.0)),
        own("rope.dimension_count", Value::U32(4)),
        own("rope.scaling.type", text("linear")),
        own("rope.scaling.factor", Value::F32(2.0)),
        own("rope.scaling.original_context_length", Value::U32(32)),
        own("final_logit_softcapping", Value::F32(30.0)),
        own("expert_count", Value::U32(0)),
        key("tokenizer.chat_template", text("{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}")),
        key("tokenizer.ggml.model", text("gpt2")),
        key("tokenizer.ggml.pre", text("qwen2")),
        key("tokenizer.ggml.tokens", texts(&["a", "b", "ab", "Ġ", "Ġab", "<|im_end|>"])),
        key("tokenizer.ggml.scores", Value::Array([0.0, -1.0, -2.0, -3.0, -4.0, -5.0].map(Value::F32).to_vec())),
        key("tokenizer.ggml.token_type", Value::Array([1, 1, 1, 1, 1, 3].map(Value::I32).to_vec())),
        key("tokenizer.ggml.merges", texts(&["a b", "Ġ ab"])),
        key("tokenizer.ggml.bos_token_id", Value::U32(5)),
        key("tokenizer.ggml.eos_token_id", Value::U32(5)),
        key("tokenizer.ggml.unknown_token_id", Value::U32(0)),
        key("tokenizer.ggml.add_bos_token", Value::Bool(true)),
        key("tokenizer.ggml.add_eos_token", Value::Bool(false)),
        key("tokenizer.ggml.add_space_prefix", Value::Bool(true)),
    ]
}

fn tensors(architecture: &str) -> Vec<(&'static str, &'static [usize])> {
    let mut tensors: Vec<(&str, &[usize])> = vec![
        ("token_embd.weight", &[6, 8]),
        ("output_norm.weight", &[8]),
        ("blk.0.attn_norm.weight", &[8]),
        ("blk.0.ffn_norm.weight", &[8]),
        ("blk.0.attn_output.weight", &[8, 8]),
        ("blk.0.ffn_down.weight", &[8, 8]),
    ];
    match architecture {
        "phi3" => tensors.extend([
            ("blk.0.attn_qkv.weight", &[24, 8][..]),
            ("blk.0.ffn_up.weight", &[16, 8]),
            ("rope_factors_short.weight", &[2]),
            ("rope_factors_long.weight", &[2]),
        ]),
        _ => tensors.extend([
            ("blk.0.attn_q.weight", &[8, 8][..]),
            ("blk.0.attn_k.weight", &[8, 8]),
            ("blk.0.attn_v.weight", &[8, 8]),
            ("blk.0.ffn_gate.weight", &[8, 8]),
            ("blk.0.ffn_up.weight", &[8, 8]),
        ]),
    }
    match architecture {
        "gemma2" => {
            tensors.extend([("blk.0.post_attention_norm.weight", &[8][..]), ("blk.0.post_ffw_norm.weight", &[8])])
        }
        "qwen3" => tensors.extend([("blk.0.attn_q_norm.weight", &[4][..]), ("blk.0.attn_k_norm.weight", &[4])]),
        "qwen2" => {
            tensors.extend(["blk.0.attn_q.bias", "blk.0.attn_k.bias", "blk.0.attn_v.bias"].map(|name| (name, &[8][..])))
        }
        "llama" => tensors.push(("rope_freqs.weight", &[2])),
        _ => {}
    }
    tensors
}

const ARCHITECTURES: [&str; 6] = ["llama", "mistral3", "qwen2", "qwen3", "gemma2", "phi3"];

fn file(architecture: &str, keys: &Keys) -> Vec<u8> {
    let keys: Vec<_> = keys.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    written(&keys, &tensors(architecture))
}

/// A key's value becomes another, or goes.
fn other_value() -> impl Strategy<Value = Option<Value>> {
    let words = vec![
        "",
        "llama",
        "gpt2",
        "none",
        "longrope",
        "default",
        "gpt-2",
        "llama-bpe",
        "tekken",
        "a b",
        "{{",
        "{% for m in messages %}",
        "\0",
        "é",
    ];
    let number = prop_oneof![
        prop::sample::select(vec![
            0,
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            46,
            64,
            u64::from(u32::MAX),
            1 << 32,
            i64::MAX as u64,
            u64::MAX
        ])
        .prop_map(Value::U64),
        any::<u32>().prop_map(Value::U32),
        prop::sample::select(vec![-1, i32::MIN]).prop_map(Value::I32),
        prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 1e-40, f32::MAX, f32::NAN, f32::INFINITY]).prop_map(Value::F32),
        any::<f64>().prop_map(Value::F64),
        any::<bool>().prop_map(Value::Bool),
    ];
    let word = prop_oneof![8 => prop::sample::select(words).prop_map(text), 1 => (1usize..2000).prop_map(|length| text(&"a".repeat(length)))];
    let numbers = prop::collection::vec(prop::sample::select(vec![0, 1, 2, 3, 4, 6, 7, -1, i32::MAX]), 0..8);
    let list = prop_oneof![
        prop::collection::vec(word.clone(), 1..8).prop_map(Value::Array),
        numbers.prop_map(|numbers| Value::Array(numbers.into_iter().map(Value::I32).collect())),
        prop::collection::vec(any::<f32>().prop_map(Value::F32), 6).prop_map(Value::Array),
        (word.clone(), 1usize..3000).prop_map(|(word, times)| Value::Array(vec![word; times])),
    ];
    prop::option::weighted(0.85, prop_oneof![4 => number, 2 => word, 2 => list])
}

fn changed_keys() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), other_value()), 1..5);
    (prop::sample::select(ARCHITECTURES.as_slice()), changes).prop_map(|(architecture, changes)| {
        let mut keys = keys(architecture);
        for (at, value) in changes {
            let at = at.index(keys.len());
            match value {
                Some(value) => keys[at].1 = value,
                None => drop(keys.remove(at)),
            }
        }
        file(architecture, &keys)
    })
}

/// Mostly in the header: what follows it are weights, any of which are fine.
fn changed_bytes() -> impl Strategy<Value = Vec<u8>> {
    let valid = prop_oneof![
        Just(small()),
        prop::sample::select(ARCHITECTURES.as_slice()).prop_map(|one| file(one, &keys(one)))
    ];
    valid.prop_flat_map(|file| {
        let header = Header::parse(&file).unwrap().data;
        let rest = file[header..].to_vec();
        let changed = malformed::bytes(file[..header].to_vec());
        prop_oneof![9 => changed.prop_map(move |header| [header, rest.clone()].concat()), 1 => malformed::bytes(file)]
    })
}

/// Everything that a worker reads of a file, and a little work with it.
fn try_out(bytes: Vec<u8>) {
    let Ok(file) = open(&bytes) else { return };
    let tokenizer = Tokenizer::from_gguf(&file);
    if let Ok(tokenizer) = &tokenizer {
        use_up(tokenizer);
    }
    let _ = file.end_of_turn();
    if let Ok(Some(template)) = ChatTemplate::from_gguf(&file) {
        let _ = template.render(&[Message { role: Role::User, content: "a".to_owned() }]);
    }
    if let Ok(model) = Model::from_gguf(&file, &LoadOptions::default()) {
        compute(&model);
    }
}

#[test]
fn the_files_that_are_changed_are_valid() {
    for architecture in ARCHITECTURES {
        let file = open(&file(architecture, &keys(architecture))).unwrap();
        let tokenizer = Tokenizer::from_gguf(&file).unwrap();
        assert_eq!(tokenizer.encode("ab ab", false).unwrap(), [2, 4], "{architecture}");
        let model = Model::from_gguf(&file, &LoadOptions::default())
            .unwrap_or_else(|error| panic!("{architecture}: {error:?}"));
        compute(&model);
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_file_with_changed_bytes_computes_or_is_refused(bytes in changed_bytes()) {
        malformed::soon(&bytes, try_out);
    }

    #[test]
    fn fuzz_a_file_with_other_keys_computes_or_is_refused(bytes in changed_keys()) {
        malformed::soon(&bytes, try_out);
    }
}
