//! The families, one row each, defaults as in their published configuration classes.

use super::{AttentionBias, Family, Names, Rotary, Softcap, Windows};
use crate::model::config::{Activation, Pairs};

pub(in crate::model::config) const FAMILIES: [&Family; 10] =
    [&LLAMA, &MISTRAL, &QWEN2, &QWEN3, &GEMMA2, &GEMMA3_TEXT, &GEMMA3, &GLM, &GLM4, &PHI3];

const NAMES: Names = Names {
    roots: &[("model", "lm_head")],
    fused_qkv: false,
    fused_gate_up: false,
    after_attention: None,
    before_mlp: "post_attention_layernorm",
    after_mlp: None,
};

const GEMMA_NAMES: Names = Names {
    after_attention: Some("post_attention_layernorm"),
    before_mlp: "pre_feedforward_layernorm",
    after_mlp: Some("post_feedforward_layernorm"),
    ..NAMES
};

const WHOLE_HEAD: Rotary = Rotary {
    partial: None,
    pairs: Pairs::Halves,
    kinds: &["default", "linear", "llama3", "longrope"],
    by_layer_type: false,
    original_positions: None,
};

const LLAMA: Family = Family {
    name: "llama",
    inside: None,
    vocab_size: 32_000,
    hidden_size: 4096,
    intermediate_size: 11_008,
    layers: 32,
    heads: 32,
    kv_heads: None,
    head_dim: None,
    max_positions: 2048,
    norm_eps: 1e-6,
    norm_offset: 0.0,
    tied_embeddings: false,
    activation_field: "hidden_act",
    activation: Activation::Silu,
    attention_bias: AttentionBias::Flag { default: false, output: true },
    mlp_bias: true,
    qk_norm: false,
    scaled_embeddings: false,
    query_scalar: None,
    attention_softcap: Softcap::Unread,
    logit_softcap: Softcap::Unread,
    windows: Windows::Never,
    rotary: WHOLE_HEAD,
    names: NAMES,
};

const MISTRAL: Family = Family {
    name: "mistral",
    intermediate_size: 14_336,
    kv_heads: Some(8),
    max_positions: 131_072,
    attention_bias: AttentionBias::Never,
    mlp_bias: false,
    windows: Windows::Every { default: Some(4096) },
    ..LLAMA
};

const QWEN2: Family = Family {
    name: "qwen2",
    vocab_size: 151_936,
    intermediate_size: 22_016,
    kv_heads: Some(32),
    max_positions: 32_768,
    attention_bias: AttentionBias::Qkv,
    mlp_bias: false,
    windows: Windows::Last,
    ..LLAMA
};

const QWEN3: Family = Family {
    name: "qwen3",
    head_dim: Some(128),
    attention_bias: AttentionBias::Flag { default: false, output: true },
    qk_norm: true,
    ..QWEN2
};

const GEMMA2: Family = Family {
    name: "gemma2",
    vocab_size: 256_000,
    hidden_size: 2304,
    intermediate_size: 9216,
    layers: 26,
    heads: 8,
    kv_heads: Some(4),
    head_dim: Some(256),
    max_positions: 8192,
    norm_offset: 1.0,
    tied_embeddings: true,
    activation_field: "hidden_activation",
    activation: Activation::GeluTanh,
    mlp_bias: false,
    scaled_embeddings: true,
    query_scalar: Some(256.0),
    attention_softcap: Softcap::Read { default: Some(50.0) },
    logit_softcap: Softcap::Read { default: Some(30.0) },
    windows: Windows::Alternating { period: Some(2) },
    names: GEMMA_NAMES,
    ..LLAMA
};

const GEMMA3_TEXT: Family = Family {
    name: "gemma3_text",
    vocab_size: 262_208,
    max_positions: 131_072,
    qk_norm: true,
    // The field exists, but no implementation of the family applies it.
    attention_softcap: Softcap::Unread,
    logit_softcap: Softcap::Read { default: None },
    windows: Windows::Alternating { period: None },
    rotary: Rotary { kinds: &["default", "linear", "llama3"], by_layer_type: true, ..WHOLE_HEAD },
    ..GEMMA2
};

/// The text half of a model that also sees pictures.
const GEMMA3: Family = Family {
    name: "gemma3",
    inside: Some("text_config"),
    logit_softcap: Softcap::Unread,
    names: Names {
        roots: &[("language_model.model", "language_model.lm_head"), ("model.language_model", "lm_head")],
        ..GEMMA_NAMES
    },
    ..GEMMA3_TEXT
};

const GLM: Family = Family {
    name: "glm",
    vocab_size: 151_552,
    intermediate_size: 13_696,
    layers: 40,
    kv_heads: Some(2),
    head_dim: Some(128),
    max_positions: 131_072,
    norm_eps: 1.5625e-7,
    attention_bias: AttentionBias::Flag { default: true, output: false },
    mlp_bias: false,
    rotary: Rotary { partial: Some(0.5), pairs: Pairs::Interleaved, ..WHOLE_HEAD },
    names: Names { fused_gate_up: true, ..NAMES },
    ..LLAMA
};

const GLM4: Family = Family {
    name: "glm4",
    names: Names {
        fused_gate_up: true,
        after_attention: Some("post_self_attn_layernorm"),
        after_mlp: Some("post_mlp_layernorm"),
        ..NAMES
    },
    ..GLM
};

const PHI3: Family = Family {
    name: "phi3",
    vocab_size: 32_064,
    hidden_size: 3072,
    intermediate_size: 8192,
    max_positions: 4096,
    norm_eps: 1e-5,
    attention_bias: AttentionBias::Never,
    mlp_bias: false,
    windows: Windows::Every { default: None },
    rotary: Rotary {
        partial: Some(1.0),
        kinds: &["default", "longrope", "su"],
        original_positions: Some(4096),
        ..WHOLE_HEAD
    },
    names: Names { fused_qkv: true, fused_gate_up: true, ..NAMES },
    ..LLAMA
};
