//! What each family computes where its file says nothing, and what its own fields change.

use super::*;

fn of(family: &str, mut changes: Value) -> ModelConfig {
    changes["model_type"] = json!(family);
    ModelConfig::parse(&changes).unwrap()
}

fn refused(family: &str, mut changes: Value) -> LoadError {
    changes["model_type"] = json!(family);
    ModelConfig::parse(&changes).unwrap_err()
}

#[test]
fn an_empty_file_is_the_published_class_s_default() {
    // vocabulary, hidden, inner, layers, heads, key heads, head, context
    for (family, expected) in [
        ("llama", [32_000, 4096, 11_008, 32, 32, 32, 128, 2048]),
        ("mistral", [32_000, 4096, 14_336, 32, 32, 8, 128, 131_072]),
        ("qwen2", [151_936, 4096, 22_016, 32, 32, 32, 128, 32_768]),
        ("qwen3", [151_936, 4096, 22_016, 32, 32, 32, 128, 32_768]),
        ("gemma2", [256_000, 2304, 9216, 26, 8, 4, 256, 8192]),
        ("gemma3_text", [262_208, 2304, 9216, 26, 8, 4, 256, 131_072]),
        ("glm", [151_552, 4096, 13_696, 40, 32, 2, 128, 131_072]),
        ("glm4", [151_552, 4096, 13_696, 40, 32, 2, 128, 131_072]),
        ("phi3", [32_064, 3072, 8192, 32, 32, 32, 96, 4096]),
    ] {
        let c = of(family, json!({}));
        let layers = c.layers.len();
        let found = [c.vocab_size, c.hidden_size, c.intermediate_size, layers, c.heads, c.kv_heads, c.head_dim];
        assert_eq!((&found[..], c.max_positions), (&expected[..7], expected[7]), "{family}");
    }
}

#[test]
fn gemma_norms_around_both_halves_scales_and_caps() {
    let gemma2 = of("gemma2", json!({"hidden_size": 64, "query_pre_attn_scalar": 16}));
    assert_eq!((gemma2.norm_offset, gemma2.embedding_scale, gemma2.attention_scale), (1.0, Some(8.0), 0.25));
    assert_eq!((gemma2.attention_softcap, gemma2.logit_softcap), (Some(50.0), Some(30.0)));
    assert_eq!((gemma2.activation, gemma2.tied_embeddings, gemma2.qk_norm), (Activation::GeluTanh, true, false));
    assert_eq!(gemma2.names.before_mlp, "pre_feedforward_layernorm");
    let bare = of("gemma2", json!({"attn_logit_softcapping": null, "final_logit_softcapping": null}));
    assert_eq!((bare.attention_softcap, bare.logit_softcap), (None, None));
    let gemma3 = of("gemma3_text", json!({"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}));
    assert_eq!((gemma3.attention_softcap, gemma3.logit_softcap, gemma3.qk_norm), (None, Some(30.0), true));
}

#[test]
fn gemma_layers_alternate_and_gemma3_turns_them_differently() {
    let gemma2 = of("gemma2", json!({"num_hidden_layers": 4, "sliding_window": 8, "sliding_window_pattern": 3}));
    assert_eq!(windows(&gemma2), [Some(8), None, Some(8), None]);
    assert!(gemma2.layers.iter().all(|layer| layer.rope == 0));
    let three = json!({"num_hidden_layers": 3, "sliding_window": 8, "sliding_window_pattern": 2, "head_dim": 4});
    let gemma3 = of("gemma3_text", three.clone());
    assert_eq!(
        gemma3.layers.iter().map(|layer| (layer.window, layer.rope)).collect::<Vec<_>>(),
        [(Some(8), 1), (None, 0), (Some(8), 1)]
    );
    assert_eq!(gemma3.ropes, [rope(1e6, RopeScaling::None), rope(1e4, RopeScaling::None)]);

    let linear = RopeScaling::Linear { factor: 8.0 };
    let mut old = three.clone();
    old["rope_theta"] = json!(500.0);
    old["rope_local_base_freq"] = json!(50.0);
    old["rope_scaling"] = json!({"rope_type": "linear", "factor": 8.0});
    let mut new = three.clone();
    new["rope_parameters"] = json!({
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 500.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
    });
    for spelling in [old, new] {
        assert_eq!(of("gemma3_text", spelling).ropes, [rope(500.0, linear.clone()), rope(50.0, RopeScaling::None)]);
    }
    let mut flat = three;
    flat["rope_parameters"] = json!({"rope_type": "default", "rope_theta": 500.0});
    assert!(matches!(refused("gemma3_text", flat), LoadError::ConfigField { field: "rope_parameters", .. }));
}

#[test]
fn gemma3_with_pictures_is_its_text_half() {
    let text = json!({"hidden_size": 64, "num_hidden_layers": 2, "final_logit_softcapping": 30.0});
    let gemma3 = of("gemma3", json!({"text_config": text, "vision_config": {"hidden_size": 9}}));
    assert_eq!((gemma3.family, gemma3.hidden_size, gemma3.logit_softcap), ("gemma3", 64, None));
    assert_eq!(gemma3.names.roots.len(), 2);
    assert!(matches!(refused("gemma3", json!({})), LoadError::ConfigFieldMissing { field: "text_config" }));
}

#[test]
fn glm_turns_half_of_each_head_in_adjacent_pairs() {
    for (changes, rotary_dim) in [
        (json!({"head_dim": 64}), 32),
        (json!({"head_dim": 64, "partial_rotary_factor": 0.25}), 16),
        (json!({"head_dim": 64, "rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 1.0}}), 64),
    ] {
        let glm = of("glm4", changes);
        assert_eq!((glm.ropes[0].rotary_dim, glm.ropes[0].pairs), (rotary_dim, Pairs::Interleaved));
        assert!(glm.qkv_bias && !glm.o_bias && glm.names.fused_gate_up && !glm.names.fused_qkv);
    }
    assert!(!of("glm", json!({"attention_bias": false})).qkv_bias);
    for share in [json!(0.01), json!(1.5), json!(0.046875)] {
        let error = refused("glm", json!({"head_dim": 64, "partial_rotary_factor": share}));
        assert!(matches!(error, LoadError::ConfigField { field: "partial_rotary_factor", .. }), "{share}");
    }
}

fn phi3(rope_scaling: Value, original: Option<usize>) -> Value {
    json!({"model_type": "phi3", "hidden_size": 32, "num_attention_heads": 4, "max_position_embeddings": 128,
        "partial_rotary_factor": 0.5, "rope_scaling": rope_scaling, "original_max_position_embeddings": original})
}

#[test]
fn longrope_has_a_divisor_for_each_pair_and_scales_by_the_ratio_of_contexts() {
    let factors = json!({"type": "longrope", "short_factor": [1, 1.5], "long_factor": [2, 4]});
    let config = ModelConfig::parse(&phi3(factors.clone(), Some(16))).unwrap();
    let ratio = (1.0 + 8f64.ln() / 16f64.ln()).sqrt();
    let longrope =
        LongRope { short: vec![1.0, 1.5], long: vec![2.0, 4.0], original_positions: 16, attention_factor: ratio };
    assert_eq!(config.ropes[0].scaling, RopeScaling::LongRope(longrope));
    assert_eq!((config.ropes[0].rotary_dim, config.short_context()), (4, Some(16)));

    let factor_of = |extra: Value, original| {
        let mut scaling = factors.clone();
        scaling.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let RopeScaling::LongRope(found) =
            ModelConfig::parse(&phi3(scaling, original)).unwrap().ropes.remove(0).scaling
        else {
            panic!()
        };
        (found.original_positions, found.attention_factor)
    };
    assert_eq!(factor_of(json!({"type": "su"}), Some(16)), (16, ratio));
    assert_eq!(factor_of(json!({"attention_factor": 1.25}), Some(16)), (16, 1.25));
    assert_eq!(factor_of(json!({"factor": 1.0}), Some(16)), (16, 1.0));
    // The field inside is not what this family reads.
    assert_eq!(factor_of(json!({"original_max_position_embeddings": 16}), None), (4096, 1.0));
}

#[test]
fn longrope_with_wrong_divisors_is_refused() {
    let good = json!([1.0, 2.0]);
    for (bad, field) in [
        (json!({"short_factor": [1.0], "long_factor": good}), "short_factor"),
        (json!({"short_factor": good, "long_factor": [1.0, 2.0, 3.0]}), "long_factor"),
        (json!({"short_factor": good, "long_factor": [1.0, 0.0]}), "long_factor"),
        (json!({"short_factor": good, "long_factor": [1.0, "2"]}), "long_factor"),
        (json!({"short_factor": good}), "long_factor"),
        (json!({"short_factor": good, "long_factor": good, "attention_factor": -1}), "attention_factor"),
    ] {
        let mut scaling = bad.clone();
        scaling["rope_type"] = json!("longrope");
        let error = ModelConfig::parse(&phi3(scaling, Some(16))).unwrap_err();
        let (LoadError::ConfigField { field: named, .. } | LoadError::ConfigFieldMissing { field: named }) = error
        else {
            panic!("{error}")
        };
        assert_eq!(named, field, "{bad}");
    }
}
