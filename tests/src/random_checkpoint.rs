//! Checkpoints of every family with random weights, in the shape that a config.json describes: for what needs a model's arithmetic
//! and not its sense.

use std::fs;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gguf::Tensors;

/// A config.json of the family with rows wide enough for blocks of 256 elements, and whatever the family does to attention and
/// positions taking effect within 24 tokens.
pub fn config(family: &str) -> Value {
    let mut config = json!({
        "model_type": family, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 200,
        "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false,
    });
    let more = match family {
        "mistral" => json!({"sliding_window": 8}),
        "gemma2" => json!({
            "sliding_window": 8, "tie_word_embeddings": true, "query_pre_attn_scalar": 64,
            "attn_logit_softcapping": 5.0, "final_logit_softcapping": 20.0,
            "layer_types": ["sliding_attention", "full_attention"], "hidden_activation": "gelu_pytorch_tanh",
        }),
        "phi3" => {
            let factors = |step: f64| (0..32).map(|pair| 1.0 + step * f64::from(pair)).collect::<Vec<_>>();
            json!({
                "head_dim": 64, "sliding_window": null, "original_max_position_embeddings": 16,
                "rope_scaling": {
                    "type": "longrope", "attention_factor": 1.25,
                    "short_factor": factors(0.125), "long_factor": factors(0.5),
                },
            })
        }
        _ => json!({}),
    };
    if let (Some(config), Some(more)) = (config.as_object_mut(), more.as_object()) {
        config.extend(more.clone());
    }
    config
}

/// Weights for the configuration, always the same. Those of norms have so few digits that 1 + weight has them all.
pub fn tensors(config: &Value) -> Result<Tensors> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    // Gemma's norms multiply by 1 + weight.
    let norm_offset = if config["model_type"] == "gemma2" { 0.0 } else { 1.0 };
    let mut tensors = Tensors::new();
    for (name, shape) in shapes(config)? {
        let mut value = || match name.ends_with("norm.weight") {
            true => norm_offset + (next() * 256.0).round() / 1024.0,
            false => next() / 4.0,
        };
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| value()).collect();
        tensors.insert(name, Tensor::from_vec(values, shape, &Device::Cpu)?);
    }
    Ok(tensors)
}

/// A folder with this configuration and these weights, without a tokenizer.
pub fn folder(config: &Value, tensors: &Tensors) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("config.json"), config.to_string())?;
    candle_core::safetensors::save(tensors, folder.path().join("model.safetensors"))?;
    Ok(folder)
}

fn shapes(config: &Value) -> Result<Vec<(String, Vec<usize>)>> {
    let count =
        |field: &str| Ok::<_, anyhow::Error>(config[field].as_u64().with_context(|| field.to_owned())? as usize);
    let family = config["model_type"].as_str().context("model_type")?;
    let (hidden, inner, vocab) = (count("hidden_size")?, count("intermediate_size")?, count("vocab_size")?);
    let (head_dim, width) = (count("head_dim")?, count("num_attention_heads")? * count("head_dim")?);
    let kv_width = count("num_key_value_heads")? * head_dim;
    let mut layer = vec![
        ("self_attn.o_proj.weight", vec![hidden, width]),
        ("mlp.down_proj.weight", vec![hidden, inner]),
        ("input_layernorm.weight", vec![hidden]),
        ("post_attention_layernorm.weight", vec![hidden]),
    ];
    if family == "phi3" {
        layer.push(("self_attn.qkv_proj.weight", vec![width + 2 * kv_width, hidden]));
        layer.push(("mlp.gate_up_proj.weight", vec![2 * inner, hidden]));
    } else {
        layer.push(("self_attn.q_proj.weight", vec![width, hidden]));
        layer.push(("self_attn.k_proj.weight", vec![kv_width, hidden]));
        layer.push(("self_attn.v_proj.weight", vec![kv_width, hidden]));
        layer.push(("mlp.gate_proj.weight", vec![inner, hidden]));
        layer.push(("mlp.up_proj.weight", vec![inner, hidden]));
    }
    match family {
        "qwen2" => layer.extend([
            ("self_attn.q_proj.bias", vec![width]),
            ("self_attn.k_proj.bias", vec![kv_width]),
            ("self_attn.v_proj.bias", vec![kv_width]),
        ]),
        "qwen3" => {
            layer.extend([("self_attn.q_norm.weight", vec![head_dim]), ("self_attn.k_norm.weight", vec![head_dim])])
        }
        "gemma2" => layer.extend([
            ("pre_feedforward_layernorm.weight", vec![hidden]),
            ("post_feedforward_layernorm.weight", vec![hidden]),
        ]),
        _ => {}
    }
    let mut shapes = vec![
        ("model.embed_tokens.weight".to_owned(), vec![vocab, hidden]),
        ("model.norm.weight".to_owned(), vec![hidden]),
    ];
    if config["tie_word_embeddings"] == false {
        shapes.push(("lm_head.weight".to_owned(), vec![vocab, hidden]));
    }
    for index in 0..count("num_hidden_layers")? {
        shapes.extend(layer.iter().map(|(name, shape)| (format!("model.layers.{index}.{name}"), shape.clone())));
    }
    Ok(shapes)
}
