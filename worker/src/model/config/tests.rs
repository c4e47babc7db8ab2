use serde_json::json;

use super::*;

fn base() -> Value {
    json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 4,
        "num_hidden_layers": 3, "max_position_embeddings": 128,
    })
}

fn with(changes: Value) -> Value {
    let mut config = base();
    for (field, value) in changes.as_object().unwrap() {
        config[field] = value.clone();
    }
    config
}

fn parsed(changes: Value) -> ModelConfig {
    ModelConfig::parse(&with(changes)).unwrap()
}

/// The field that a refusal names.
fn refusal(changes: Value) -> &'static str {
    let error = ModelConfig::parse(&with(changes)).unwrap_err();
    let (LoadError::ConfigField { field, .. } | LoadError::ConfigFieldMissing { field }) = error else {
        panic!("{error}")
    };
    field
}

#[test]
fn absent_and_null_fields_take_the_family_s_defaults() {
    for changes in [json!({}), json!({"head_dim": null, "num_key_value_heads": null, "rope_scaling": null})] {
        let config = parsed(changes);
        assert_eq!((config.heads, config.kv_heads, config.head_dim), (4, 4, 4));
        assert_eq!(config.rope, RopeConfig { theta: 10_000.0, scaling: RopeScaling::None });
        assert!(!config.tied_embeddings && !config.qkv_bias && !config.o_bias && !config.mlp_bias);
        assert_eq!(config.windows, [None; 3]);
    }
}

#[test]
fn a_quantized_checkpoint_is_refused_as_such() {
    let error = ModelConfig::parse(&with(json!({"quantization_config": {"quant_method": "gptq"}}))).unwrap_err();
    assert!(error.to_string().contains("quantized checkpoints are not supported"), "{error}");
    parsed(json!({"quantization_config": null}));
}

#[test]
fn biases_follow_the_family() {
    let llama = parsed(json!({"attention_bias": true, "mlp_bias": true}));
    assert!(llama.qkv_bias && llama.o_bias && llama.mlp_bias);
    let qwen2 = parsed(json!({"model_type": "qwen2"}));
    assert!(qwen2.qkv_bias && !qwen2.o_bias && !qwen2.mlp_bias);
}

#[test]
fn both_spellings_of_rope_mean_the_same() {
    let scaling =
        json!({"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64});
    let named = |key: &str, kind: &str| {
        let mut scaling = scaling.clone();
        scaling[key] = json!(kind);
        scaling
    };
    let old = parsed(json!({"rope_theta": 5e5, "rope_scaling": named("type", "llama3")}));
    let mid = parsed(json!({"rope_theta": 5e5, "rope_scaling": named("rope_type", "llama3")}));
    let mut inner = named("rope_type", "llama3");
    inner["rope_theta"] = json!(5e5);
    let new = parsed(json!({"rope_parameters": inner}));
    let llama3 =
        RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_positions: 64 };
    assert_eq!(old.rope, RopeConfig { theta: 5e5, scaling: llama3 });
    assert_eq!((mid.rope, new.rope), (old.rope, old.rope));
    let linear = parsed(json!({"rope_scaling": {"type": "linear", "factor": 2.0}}));
    assert_eq!(linear.rope.scaling, RopeScaling::Linear { factor: 2.0 });
    let default = parsed(json!({"rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}));
    assert_eq!(default.rope, RopeConfig { theta: 100.0, scaling: RopeScaling::None });
}

#[test]
fn windows_follow_the_family_and_its_layers() {
    let windows = |changes| parsed(changes).windows;
    assert_eq!(windows(json!({"sliding_window": 8})), [None; 3]);
    assert_eq!(windows(json!({"sliding_window": 0})), [None; 3]);
    assert_eq!(windows(json!({"model_type": "mistral"})), [Some(4096); 3]);
    assert_eq!(windows(json!({"model_type": "mistral", "sliding_window": 8})), [Some(8); 3]);
    assert_eq!(windows(json!({"model_type": "mistral", "sliding_window": null})), [None; 3]);
    let qwen2 = |mut changes: Value| {
        changes["model_type"] = json!("qwen2");
        changes["sliding_window"] = json!(8);
        windows(changes)
    };
    assert_eq!(qwen2(json!({"use_sliding_window": false, "max_window_layers": 0})), [None; 3]);
    assert_eq!(qwen2(json!({"use_sliding_window": true, "max_window_layers": 1})), [None, Some(8), Some(8)]);
    assert_eq!(qwen2(json!({"use_sliding_window": true, "max_window_layers": 0})), [Some(8); 3]);
    let types = json!(["sliding_attention", "full_attention", "sliding_attention"]);
    assert_eq!(qwen2(json!({"use_sliding_window": true, "layer_types": types})), [Some(8), None, Some(8)]);
}

#[test]
fn an_unknown_family_is_refused_with_the_list() {
    let error = ModelConfig::parse(&with(json!({"model_type": "mamba"}))).unwrap_err();
    assert_eq!(error.to_string(), "model_type \"mamba\" is not supported (supported: llama, mistral, qwen2)");
}

#[test]
fn an_unknown_rope_is_refused_by_name() {
    for changes in [json!({"rope_scaling": {"type": "yarn"}}), json!({"rope_parameters": {"rope_type": "yarn"}})] {
        let error = ModelConfig::parse(&with(changes)).unwrap_err();
        assert!(matches!(&error, LoadError::UnsupportedRope { found } if found == "yarn"), "{error}");
    }
}

#[test]
fn what_the_decoder_cannot_do_is_refused_by_field() {
    assert_eq!(refusal(json!({"model_type": null})), "model_type");
    assert_eq!(refusal(json!({"hidden_act": "gelu"})), "hidden_act");
    assert_eq!(refusal(json!({"num_key_value_heads": 3})), "num_key_value_heads");
    assert_eq!(refusal(json!({"head_dim": 5})), "head_dim");
    assert_eq!(refusal(json!({"hidden_size": 18})), "hidden_size");
    assert_eq!(refusal(json!({"hidden_size": 12})), "head_dim");
    assert_eq!(refusal(json!({"vocab_size": 0})), "vocab_size");
    assert_eq!(refusal(json!({"num_hidden_layers": 1_000_000})), "num_hidden_layers");
    assert_eq!(refusal(json!({"intermediate_size": -1})), "intermediate_size");
    assert_eq!(refusal(json!({"max_position_embeddings": 1.5})), "max_position_embeddings");
    assert_eq!(refusal(json!({"num_attention_heads": "4"})), "num_attention_heads");
    assert_eq!(refusal(json!({"rms_norm_eps": 0})), "rms_norm_eps");
    assert_eq!(refusal(json!({"partial_rotary_factor": 0.5})), "partial_rotary_factor");
    assert_eq!(refusal(json!({"rope_scaling": {"type": "linear"}})), "factor");
    assert_eq!(refusal(json!({"rope_parameters": {"full_attention": {"rope_theta": 1e6}}})), "rope_parameters");
    assert_eq!(refusal(json!({"tie_word_embeddings": "yes"})), "tie_word_embeddings");
    let qwen2 = json!({"model_type": "qwen2", "use_sliding_window": true, "layer_types": ["full_attention"]});
    assert_eq!(refusal(qwen2), "layer_types");
    assert_eq!(
        refusal(json!({"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4,
        "high_freq_factor": 4, "original_max_position_embeddings": 64}})),
        "high_freq_factor"
    );
    for field in ["vocab_size", "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers"] {
        assert_eq!(refusal(json!({field: null})), field);
    }
    assert!(ModelConfig::parse(&json!([1, 2])).is_err());
}
