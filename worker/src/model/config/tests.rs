use proptest::prelude::*;
use serde_json::json;

use super::*;

mod families;

fn base() -> Value {
    json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 4,
        "num_key_value_heads": 4, "num_hidden_layers": 3, "max_position_embeddings": 128,
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

fn windows(config: &ModelConfig) -> Vec<Option<usize>> {
    config.layers.iter().map(|layer| layer.window).collect()
}

/// Of the base configuration: the whole head of four, in halves.
fn rope(theta: f64, scaling: RopeScaling) -> RopeConfig {
    RopeConfig { theta, rotary_dim: 4, pairs: Pairs::Halves, scaling }
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
        assert_eq!(config.ropes, [rope(10_000.0, RopeScaling::None)]);
        assert!(!config.tied_embeddings && !config.qkv_bias && !config.o_bias && !config.mlp_bias);
        assert_eq!(windows(&config), [None; 3]);
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
    let llama3 = Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_positions: 64 };
    assert_eq!(old.ropes, [rope(5e5, RopeScaling::Llama3(llama3))]);
    assert_eq!((&mid.ropes, &new.ropes), (&old.ropes, &old.ropes));
    let linear = parsed(json!({"rope_scaling": {"type": "linear", "factor": 2.0}}));
    assert_eq!(linear.ropes, [rope(10_000.0, RopeScaling::Linear { factor: 2.0 })]);
    let default = parsed(json!({"rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}));
    assert_eq!(default.ropes, [rope(100.0, RopeScaling::None)]);
}

#[test]
fn the_original_context_is_read_outside_the_rotary_parameters_first() {
    let original = |mut changes: Value| {
        changes["rope_scaling"]["rope_type"] = json!("llama3");
        changes["rope_scaling"]["factor"] = json!(8.0);
        changes["rope_scaling"]["low_freq_factor"] = json!(1.0);
        changes["rope_scaling"]["high_freq_factor"] = json!(4.0);
        let RopeScaling::Llama3(llama3) = parsed(changes).ropes.remove(0).scaling else { panic!() };
        llama3.original_positions
    };
    assert_eq!(original(json!({"rope_scaling": {}})), 128);
    assert_eq!(original(json!({"rope_scaling": {"original_max_position_embeddings": 64}})), 64);
    let both =
        json!({"original_max_position_embeddings": 32, "rope_scaling": {"original_max_position_embeddings": 64}});
    assert_eq!(original(both), 32);
}

#[test]
fn windows_follow_the_family_and_its_layers() {
    let windows = |changes| windows(&parsed(changes));
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
    let families = "llama, mistral, qwen2, qwen3, gemma2, gemma3_text, gemma3, glm, glm4, phi3";
    assert_eq!(error.to_string(), format!("model_type \"mamba\" is not supported (supported: {families})"));
}

#[test]
fn an_unknown_rope_is_refused_by_name() {
    for changes in [
        json!({"rope_scaling": {"type": "yarn"}}),
        json!({"rope_parameters": {"rope_type": "yarn"}}),
        json!({"rope_scaling": {"type": "yarn", "rope_type": "yarn"}, "model_type": "phi3"}),
    ] {
        let error = ModelConfig::parse(&with(changes)).unwrap_err();
        assert!(matches!(&error, LoadError::UnsupportedRope { found, .. } if found == "yarn"), "{error}");
    }
    let error = ModelConfig::parse(&with(json!({"rope_scaling": {"type": "dynamic", "factor": 2.0}}))).unwrap_err();
    let expected =
        "rope type \"dynamic\" is not supported in this family (supported: default, linear, llama3, longrope)";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_the_decoder_cannot_do_is_refused_by_field() {
    assert_eq!(refusal(json!({"model_type": null})), "model_type");
    assert_eq!(refusal(json!({"hidden_act": "relu2"})), "hidden_act");
    assert_eq!(refusal(json!({"num_local_experts": 8})), "num_local_experts");
    assert_eq!(refusal(json!({"use_bidirectional_attention": true})), "use_bidirectional_attention");
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
    let types = json!(["full_attention", "full_attention", "sliding_attention"]);
    assert_eq!(refusal(json!({"model_type": "qwen2", "layer_types": types})), "sliding_window");
    assert_eq!(refusal(json!({"model_type": "gemma2", "sliding_window": null})), "sliding_window");
    assert_eq!(
        refusal(json!({"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4,
        "high_freq_factor": 4, "original_max_position_embeddings": 64}})),
        "high_freq_factor"
    );
    assert!(ModelConfig::parse(&json!([1, 2])).is_err());
}

proptest! {
    /// Whatever a file says, it is read to a decoder that can be computed, or refused.
    #[test]
    fn no_configuration_is_half_understood(
        family in prop::sample::select(FAMILIES.map(|family| family.name).to_vec()),
        numbers in prop::collection::btree_map(
            prop::sample::select(vec![
                "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim", "num_hidden_layers",
                "sliding_window", "sliding_window_pattern", "partial_rotary_factor", "query_pre_attn_scalar",
                "rope_theta", "max_window_layers", "final_logit_softcapping", "original_max_position_embeddings",
            ]),
            prop_oneof![Just(json!(null)), (-1i64..70).prop_map(|x| json!(x)), (0.0f64..2.0).prop_map(|x| json!(x))],
            0..6,
        ),
        kind in prop::sample::select(vec!["default", "linear", "llama3", "longrope", "su", "dynamic"]),
    ) {
        let mut fields = json!({"model_type": family, "rope_scaling": {"type": kind, "factor": 2.0, "low_freq_factor": 1.0,
            "high_freq_factor": 2.0, "short_factor": [1.0, 2.0], "long_factor": [2.0, 3.0]}});
        for (name, value) in numbers {
            fields[name] = value;
        }
        let whole = if family == "gemma3" { json!({"model_type": family, "text_config": fields}) } else { fields };
        if let Ok(config) = ModelConfig::parse(&whole) {
            prop_assert!(!config.layers.is_empty() && config.heads.is_multiple_of(config.kv_heads));
            prop_assert!(config.layers.iter().all(|layer| layer.rope < config.ropes.len() && layer.window != Some(0)));
            prop_assert!(config.attention_scale.is_finite() && config.attention_scale > 0.0);
            for rope in &config.ropes {
                prop_assert!((2..=config.head_dim).contains(&rope.rotary_dim) && rope.rotary_dim.is_multiple_of(2));
                if let RopeScaling::LongRope(longrope) = &rope.scaling {
                    prop_assert_eq!((longrope.short.len(), longrope.long.len()), (rope.rotary_dim / 2, rope.rotary_dim / 2));
                    prop_assert!(longrope.attention_factor.is_finite() && longrope.original_positions > 0);
                }
            }
        }
    }
}
