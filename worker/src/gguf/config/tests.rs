use candle_core::quantized::gguf_file::Value as Key;

use super::super::tests::{open, text, written, written_with};
use super::*;

/// The config of a file with these keys besides the ones that every model has.
fn config(architecture: &str, more: &[(&str, Key)], tensors: &[(&str, &[usize])]) -> Result<Value, String> {
    config_of(architecture, with(common(), more), tensors)
}

/// That of a file without one of the keys that every model has.
fn config_without(key: &str) -> Result<Value, String> {
    let keys = common().into_iter().filter(|(known, _)| *known != key).collect();
    config_of("qwen2", keys, &[])
}

fn common() -> Vec<(&'static str, Key)> {
    vec![
        ("block_count", Key::U32(4)),
        ("embedding_length", Key::U32(64)),
        ("feed_forward_length", Key::U32(128)),
        ("context_length", Key::U32(256)),
        ("attention.head_count", Key::U32(4)),
        ("attention.layer_norm_rms_epsilon", Key::F32(0.5)),
    ]
}

fn with<'a>(mut keys: Vec<(&'a str, Key)>, more: &[(&'a str, Key)]) -> Vec<(&'a str, Key)> {
    keys.retain(|(known, _)| more.iter().all(|(key, _)| key != known));
    keys.extend_from_slice(more);
    keys
}

fn config_of(architecture: &str, keys: Vec<(&str, Key)>, tensors: &[(&str, &[usize])]) -> Result<Value, String> {
    let keys: Vec<(String, Key)> = std::iter::once(("general.architecture".to_owned(), text(architecture)))
        .chain(keys.into_iter().map(|(key, value)| (format!("{architecture}.{key}"), value)))
        .collect();
    let keys: Vec<_> = keys.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    let embedding: (&str, &[usize]) = ("token_embd.weight", &[320, 64]);
    let file = open(&written(&keys, &[&[embedding], tensors].concat())).unwrap();
    file.config().map_err(|error| error.fault.to_string())
}

#[test]
fn llama_is_spelled_as_its_config_json() {
    let found = config("llama", &[("attention.head_count_kv", Key::U32(2)), ("rope.freq_base", Key::F32(5e5))], &[]);
    let expected = json!({
        "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
        "intermediate_size": 128, "max_position_embeddings": 256, "vocab_size": 320, "tie_word_embeddings": true,
        "rms_norm_eps": 0.5, "rope_theta": 5e5, "hidden_act": "silu", "attention_bias": false, "mlp_bias": false,
        "model_type": "llama",
    });
    assert_eq!(found.unwrap(), expected);
}

#[test]
fn tensors_say_whether_the_head_is_tied_and_whether_there_are_biases() {
    let tensors: [(&str, &[usize]); 2] = [("output.weight", &[320, 64]), ("blk.0.attn_q.bias", &[64])];
    let found = config("llama", &[], &tensors).unwrap();
    assert_eq!((&found["tie_word_embeddings"], &found["attention_bias"]), (&json!(false), &json!(true)));
}

#[test]
fn a_llama_with_a_window_is_a_mistral() {
    let found = config("llama", &[("attention.sliding_window", Key::U32(16))], &[]).unwrap();
    assert_eq!((&found["model_type"], &found["sliding_window"]), (&json!("mistral"), &json!(16)));
    let found = config("mistral3", &[("attention.key_length", Key::U32(32))], &[]).unwrap();
    assert_eq!((&found["model_type"], &found["sliding_window"]), (&json!("mistral"), &Value::Null));
    assert_eq!(found["head_dim"], 32);
}

#[test]
fn gemma2_has_its_caps_windows_and_scale() {
    let keys = [
        ("attention.key_length", Key::U32(32)),
        ("attention.sliding_window", Key::U32(16)),
        ("attn_logit_softcapping", Key::F32(5.0)),
        ("final_logit_softcapping", Key::F32(20.0)),
    ];
    let found = config("gemma2", &keys, &[]).unwrap();
    assert_eq!((&found["attn_logit_softcapping"], &found["final_logit_softcapping"]), (&json!(5.0), &json!(20.0)));
    assert_eq!((&found["sliding_window"], &found["query_pre_attn_scalar"]), (&json!(16), &json!(32)));
    assert_eq!(found["hidden_activation"], "gelu_pytorch_tanh");
    assert_eq!(
        found["layer_types"],
        json!(["sliding_attention", "full_attention", "sliding_attention", "full_attention"])
    );
    let largest =
        config("gemma2", &[("block_count", Key::U32(46)), ("attention.key_length", Key::U32(32))], &[]).unwrap();
    assert_eq!(largest["query_pre_attn_scalar"], 16);
    // Files that were written before these keys existed.
    assert_eq!((&largest["attn_logit_softcapping"], &largest["final_logit_softcapping"]), (&json!(50.0), &json!(30.0)));
}

#[test]
fn an_epsilon_is_never_guessed() {
    let error = config_without("attention.layer_norm_rms_epsilon").unwrap_err();
    assert_eq!(error, "it has no key qwen2.attention.layer_norm_rms_epsilon");
}

#[test]
fn one_set_of_long_divisors_needs_the_other() {
    for (there, missing) in [("short", "long"), ("long", "short")] {
        let tensor = format!("rope_factors_{there}.weight");
        let keys = [("rope.scaling.original_context_length", Key::U32(64))];
        let error = config("phi3", &keys, &[(&tensor, &[8])]).unwrap_err();
        assert_eq!(error, format!("it has no tensor rope_factors_{missing}.weight"));
    }
}

#[test]
fn an_odd_share_of_a_head_turns_as_the_file_says() {
    let keys = [("rope.dimension_count", Key::U32(60)), ("attention.key_length", Key::U32(88))];
    let share = config("phi3", &keys, &[]).unwrap()["partial_rotary_factor"].as_f64().unwrap();
    // As config.json's readers cut it.
    assert_eq!((88.0 * share) as usize, 60);
}

#[test]
fn phi3_has_its_long_rope_and_turns_a_part_of_each_head() {
    let keys = [
        ("rope.dimension_count", Key::U32(12)),
        ("rope.scaling.original_context_length", Key::U32(64)),
        ("rope.scaling.attn_factor", Key::F32(1.5)),
        ("attention.sliding_window", Key::U32(0)),
    ];
    let tensors: [(&str, &[usize]); 2] = [("rope_factors_short.weight", &[6]), ("rope_factors_long.weight", &[6])];
    let found = config("phi3", &keys, &tensors).unwrap();
    let scaling = json!({"rope_type": "longrope", "short_factor": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        "long_factor": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0], "attention_factor": 1.5});
    assert_eq!(found["rope_scaling"], scaling);
    assert_eq!(found["original_max_position_embeddings"], 64);
    assert_eq!((&found["partial_rotary_factor"], &found["sliding_window"]), (&json!(0.75), &Value::Null));
}

#[test]
fn linear_scaling_is_read_and_any_other_is_refused_by_name() {
    let linear = [("rope.scaling.type", text("linear")), ("rope.scaling.factor", Key::F32(4.0))];
    assert_eq!(config("qwen2", &linear, &[]).unwrap()["rope_scaling"], json!({"rope_type": "linear", "factor": 4.0}));
    let none = config("qwen3", &[("rope.scaling.type", text("none"))], &[]).unwrap();
    assert_eq!((none.get("rope_scaling"), &none["model_type"]), (None, &json!("qwen3")));
    let error = config("qwen2", &[("rope.scaling.type", text("yarn"))], &[]).unwrap_err();
    assert!(error.contains("qwen2.rope.scaling.type is \"yarn\", expected none, linear"), "{error}");
}

#[test]
fn divisors_are_given_by_the_parameters_they_follow_from_or_as_they_are() {
    // Llama 3.2's: heads of 64, a base of 500,000, a factor of 32 over 8,192 positions.
    let llama = |pair: u32| {
        let wavelength = std::f64::consts::TAU * 5e5f64.powf(f64::from(pair) / 32.0);
        let smooth = ((8192.0 / wavelength - 1.0) / 3.0).clamp(0.0, 1.0);
        (1.0 / ((1.0 - smooth) / 32.0 + smooth)) as f32
    };
    let scaling = |divisors: Vec<f32>| {
        let base = [("llama.rope.freq_base", Key::F32(5e5)), ("llama.attention.key_length", Key::U32(64))];
        let mut keys = vec![("general.architecture", text("llama")), ("llama.context_length", Key::U32(256))];
        keys.extend(
            ["block_count", "embedding_length", "feed_forward_length", "attention.head_count"]
                .map(|key| (&*format!("llama.{key}").leak(), Key::U32(64))),
        );
        keys.push(("llama.attention.layer_norm_rms_epsilon", Key::F32(1e-5)));
        keys.extend(base);
        let file = open(&written_with(&keys, &[("token_embd.weight", vec![1.0; 64]), ("rope_freqs.weight", divisors)]));
        file.unwrap().config().unwrap()["rope_scaling"].clone()
    };
    let llama3 = json!({"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192});
    assert_eq!(scaling((0..32).map(llama).collect()), llama3);
    let own: Vec<f32> = (0..32).map(|pair| 1.0 + pair as f32).collect();
    let as_they_are = json!({"rope_type": "longrope", "short_factor": own, "long_factor": own, "attention_factor": 1.0,
        "original_max_position_embeddings": 256});
    assert_eq!(scaling(own), as_they_are);
}

#[test]
fn no_heads_are_refused_though_their_width_is_known() {
    let keys =
        [("attention.head_count", Key::U32(0)), ("attention.key_length", Key::U32(32)), ("block_count", Key::U32(46))];
    let error = config("gemma2", &keys, &[]).unwrap_err();
    assert!(error.starts_with("key gemma2.attention.head_count is 0, expected from 1"), "{error}");
}

#[test]
fn what_no_decoder_has_is_refused_by_its_key() {
    for (key, value) in [
        ("expert_count", Key::U32(8)),
        ("attention.value_length", Key::U32(8)),
        ("attention.temperature_scale", Key::F32(0.1)),
        ("attention.head_count", Key::U32(65)),
        ("attention.head_count", Key::U32(0)),
        ("attention.head_count_kv", Key::U32(0)),
        ("attention.key_length", Key::U32(0)),
        ("attention.head_count", Key::Array(vec![Key::U32(4)])),
        ("context_length", text("long")),
    ] {
        let error = config("llama", &[(key, value)], &[]).unwrap_err();
        assert!(error.starts_with(&format!("key llama.{key} is ")), "{error}");
    }
}
