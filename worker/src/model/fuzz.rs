//! Configurations of models that nobody trained: each is one that the decoder can compute, or is refused.

use proptest::prelude::*;
use serde_json::{Value, json};
use specfuse_malformed as malformed;

use super::config::RopeScaling;
use super::rope::Rope;
use super::*;
use crate::engine::batch::Row;

/// One of each kind of switch that a family has.
fn valid() -> Vec<Value> {
    let family = |name: &str, fields: Value| {
        let mut config = json!({"model_type": name, "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 4,
            "num_key_value_heads": 2, "num_hidden_layers": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
            "tie_word_embeddings": true, "head_dim": 4, "hidden_act": "silu", "sliding_window": 8});
        if let (Some(config), Value::Object(fields)) = (config.as_object_mut(), fields) {
            config.extend(fields);
        }
        config
    };
    let llama3 = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64});
    let longrope = json!({"type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2.0, 4.0]});
    let by_layer = json!({"full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e6}, "sliding_attention": {"rope_type": "default"}});
    vec![
        family(
            "llama",
            json!({"rope_scaling": llama3, "attention_bias": true, "mlp_bias": true, "quantization_config": null}),
        ),
        family("mistral", json!({"num_experts": 0})),
        family(
            "qwen2",
            json!({"use_sliding_window": true, "max_window_layers": 1, "layer_types": ["full_attention", "sliding_attention"]}),
        ),
        family("qwen3", json!({"attention_bias": false, "rope_parameters": {"rope_type": "linear", "factor": 2.0}})),
        family(
            "gemma2",
            json!({"attn_logit_softcapping": 50.0, "final_logit_softcapping": null, "query_pre_attn_scalar": 16}),
        ),
        family("gemma3_text", json!({"rope_parameters": by_layer, "sliding_window_pattern": 2})),
        family("glm4", json!({"partial_rotary_factor": 0.5})),
        family(
            "phi3",
            json!({"rope_scaling": longrope, "original_max_position_embeddings": 64, "partial_rotary_factor": 1.0}),
        ),
    ]
}

/// What a configuration promises.
fn check(config: &ModelConfig) {
    assert!(config.heads.is_multiple_of(config.kv_heads) && config.head_dim.is_multiple_of(2) && config.head_dim > 0);
    assert!(config.layers.iter().all(|layer| layer.rope < config.ropes.len()) && !config.layers.is_empty());
    assert!(
        config.norm_eps >= 0.0 && config.attention_scale >= 0.0 && config.max_positions > 0 && config.vocab_size > 0
    );
    for rope in &config.ropes {
        assert!(rope.rotary_dim.is_multiple_of(2) && (2..=config.head_dim).contains(&rope.rotary_dim));
        if let RopeScaling::LongRope(long) = &rope.scaling {
            assert!(long.short.len() == rope.rotary_dim / 2 && long.long.len() == rope.rotary_dim / 2);
        }
        let _ = Rope::new(rope);
    }
}

/// Computes a few rows: their logits may be no numbers, but they are there.
pub(crate) fn compute(model: &Model) {
    let length = model.info.context_length.min(3);
    let rows: Vec<Row> = (0..length as u32)
        .map(|at| Row { token: at % model.info.vocab_size as u32, write: Some(at), read: true })
        .collect();
    let mut batch = Batch::default();
    batch.push(0, (0..length as u32).collect(), &rows);
    let mut store = model.store(length).unwrap();
    let logits = model.forward(&batch, &mut store).unwrap();
    assert!((0..length).all(|row| logits.row(row).len() == model.info.vocab_size));
}

#[test]
fn the_configurations_that_are_changed_are_valid() {
    valid()
        .iter()
        .for_each(|config| check(&ModelConfig::parse(config).unwrap_or_else(|error| panic!("{error}: {config}"))));
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_configuration_is_one_of_a_model_or_refused(
        text in prop::sample::select(valid()).prop_flat_map(malformed::json),
    ) {
        malformed::soon(&text, |text| match serde_json::from_str::<Value>(&text).ok().map(|json| ModelConfig::parse(&json)) {
            Some(Ok(config)) => check(&config),
            Some(Err(error)) => assert!(!error.to_string().is_empty()),
            None => {}
        });
    }
}
