//! Checkpoint folders with one file that is wrong: each loads and computes, or is refused with the reason.

use std::collections::BTreeMap;

use proptest::prelude::*;
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};
use specfuse_malformed as malformed;

use super::*;
use crate::{
    chat_template::{Message, Role},
    model::fuzz::compute,
};

type Files = BTreeMap<&'static str, Vec<u8>>;

const CONFIG: &str = "config.json";
const GENERATION: &str = "generation_config.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const SHARDS: [&str; 2] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

fn config() -> Value {
    json!({"model_type": "llama", "vocab_size": 4, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "eos_token_id": 2,
        "rope_theta": 10000.0, "rope_scaling": {"rope_type": "linear", "factor": 2.0}, "tie_word_embeddings": false, "head_dim": 4})
}

fn generation_config() -> Value {
    json!({"eos_token_id": [2, 3], "bos_token_id": 1, "temperature": 0.7})
}

fn tokenizer_config() -> Value {
    json!({"bos_token": {"__type": "AddedToken", "content": "<s>"}, "eos_token": "</s>", "pad_token": null,
        "chat_template": [{"name": "default", "template": "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"}]})
}

fn index() -> Value {
    let map = tensors().into_iter().enumerate().map(|(at, (name, _))| (name, json!(SHARDS[at % 2])));
    json!({"metadata": {"total_size": 1}, "weight_map": map.collect::<serde_json::Map<_, _>>()})
}

fn tensors() -> Vec<(String, Vec<usize>)> {
    let layer = |name: &str| format!("model.layers.0.{name}.weight");
    vec![
        ("model.embed_tokens.weight".to_owned(), vec![4, 8]),
        ("model.norm.weight".to_owned(), vec![8]),
        ("lm_head.weight".to_owned(), vec![4, 8]),
        (layer("input_layernorm"), vec![8]),
        (layer("post_attention_layernorm"), vec![8]),
        (layer("self_attn.q_proj"), vec![8, 8]),
        (layer("self_attn.k_proj"), vec![4, 8]),
        (layer("self_attn.v_proj"), vec![4, 8]),
        (layer("self_attn.o_proj"), vec![8, 8]),
        (layer("mlp.gate_proj"), vec![8, 8]),
        (layer("mlp.up_proj"), vec![8, 8]),
        (layer("mlp.down_proj"), vec![8, 8]),
    ]
}

/// A file of these tensors, all of them ones of bf16.
fn weights(tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    let ones: Vec<u8> = half::bf16::ONE.to_le_bytes().repeat(64);
    let view = |shape: &Vec<usize>| {
        let bytes = &ones[..2 * shape.iter().product::<usize>()];
        TensorView::new(Dtype::BF16, shape.clone(), bytes).unwrap()
    };
    safetensors::serialize(tensors.iter().map(|(name, shape)| (name.as_str(), view(shape))), None).unwrap()
}

fn valid() -> Files {
    let tokenizer = json!({"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": null, "decoder": null, "model": {"type": "WordLevel", "vocab": {"a": 0, "<s>": 1, "</s>": 2}, "unk_token": "a"}});
    BTreeMap::from([
        (CONFIG, config().to_string().into_bytes()),
        (GENERATION, generation_config().to_string().into_bytes()),
        ("tokenizer.json", tokenizer.to_string().into_bytes()),
        (TOKENIZER_CONFIG, tokenizer_config().to_string().into_bytes()),
        (WEIGHTS, weights(&tensors())),
    ])
}

/// In two files, with the index.
fn sharded() -> Files {
    let mut files = valid();
    files.remove(WEIGHTS);
    let of = |shard: usize| tensors().into_iter().skip(shard).step_by(2).collect::<Vec<_>>();
    files.extend(SHARDS.into_iter().enumerate().map(|(at, shard)| (shard, weights(&of(at)))));
    files.insert(INDEX, index().to_string().into_bytes());
    files
}

fn loaded(files: Files) -> Result<Loaded, CheckpointError> {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    load(dir.path(), &LoadOptions::default())
}

/// `file` is what is wrong.
fn try_out(mut files: Files, file: &'static str, bytes: Vec<u8>) {
    malformed::soon(&bytes, move |bytes| {
        files.insert(file, bytes);
        let Ok(Loaded { model, language, end_of_turn, .. }) = loaded(files) else { return };
        assert!(end_of_turn.iter().all(|id| (*id as usize) < model.info.vocab_size));
        compute(&model);
        if let Some(template) = &language.chat_template {
            let _ = template.render(&[Message { role: Role::User, content: "a".to_owned() }]);
        }
    });
}

#[test]
fn the_folders_that_are_changed_are_valid() {
    for files in [valid(), sharded()] {
        let loaded = loaded(files).unwrap();
        compute(&loaded.model);
        assert_eq!(*loaded.end_of_turn, [2, 3]);
        assert!(loaded.fingerprint.starts_with("sha256:"), "{}", loaded.fingerprint);
        assert!(loaded.language.chat_template.is_some());
    }
}

/// The length of the header, the header and a little of what follows.
fn changed_header(file: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let json: Value = serde_json::from_slice(&file[8..8 + header]).unwrap();
    let rest = file[8 + header..].to_vec();
    let built = move |json: String| [&(json.len() as u64).to_le_bytes(), json.as_bytes(), &rest].concat();
    prop_oneof![malformed::json(json).prop_map(built), malformed::bytes(file)]
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_folder_with_a_changed_config_json_computes_or_is_refused(text in malformed::json(config())) {
        try_out(valid(), CONFIG, text.into_bytes());
    }

    #[test]
    fn fuzz_a_folder_with_a_changed_generation_config_computes_or_is_refused(text in malformed::json(generation_config())) {
        try_out(valid(), GENERATION, text.into_bytes());
    }

    #[test]
    fn fuzz_a_folder_with_a_changed_tokenizer_config_computes_or_is_refused(text in malformed::json(tokenizer_config())) {
        try_out(valid(), TOKENIZER_CONFIG, text.into_bytes());
    }

    #[test]
    fn fuzz_a_folder_with_a_changed_weights_header_computes_or_is_refused(bytes in changed_header(weights(&tensors()))) {
        try_out(valid(), WEIGHTS, bytes);
    }

    #[test]
    fn fuzz_a_folder_with_a_changed_index_of_shards_computes_or_is_refused(text in malformed::json(index())) {
        try_out(sharded(), INDEX, text.into_bytes());
    }
}
