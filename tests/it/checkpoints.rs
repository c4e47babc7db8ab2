//! Checkpoint folders as they are published: one file or shards, any element type, either spelling of the configuration. However a
//! model is written down, it is the same model.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use serde_json::{Map, Value, json};
use specfuse_tests::{
    checkpoint::{Checkpoint, as_type},
    golden,
};
use specfuse_worker::{
    engine::batch::{Batch, Row},
    model::{LoadError, Model},
};

const BUNDLED: [&str; 3] = ["abacus-llama", "calendar-qwen2", "speller-mistral"];
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const LM_HEAD: &str = "lm_head.weight";

type Tensors = HashMap<String, Tensor>;

fn bundled(name: &str) -> Result<Checkpoint> {
    Checkpoint::copy_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name))
}

/// The logits of a few tokens, at every position.
fn logits(folder: &Path) -> Result<Vec<Vec<f32>>> {
    model_logits(&Model::load(folder)?)
}

pub(crate) fn model_logits(model: &Model) -> Result<Vec<Vec<f32>>> {
    let tokens: Vec<u32> = (0..24).map(|place| 5 + 7 * place).collect();
    let row = |(slot, token): (u32, &u32)| Row { token: *token, write: Some(slot), read: true };
    let rows: Vec<Row> = (0u32..).zip(&tokens).map(row).collect();
    let mut batch = Batch::default();
    batch.push(0, (0..tokens.len() as u32).collect(), &rows);
    let mut store = model.store(tokens.len())?;
    let logits = model.forward(&batch, &mut store)?;
    Ok((0..tokens.len()).map(|row| logits.row(row).to_vec()).collect())
}

fn tensors(checkpoint: &Checkpoint) -> Result<Tensors> {
    Ok(candle_core::safetensors::load(checkpoint.folder().join(WEIGHTS), &Device::Cpu)?)
}

fn save(checkpoint: &Checkpoint, tensors: &Tensors, file: &str) -> Result<()> {
    Ok(candle_core::safetensors::save(tensors, checkpoint.folder().join(file))?)
}

#[test]
fn the_trained_models_load_with_their_published_dimensions() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    for (name, vocab_size) in [("llama", 1536), ("qwen2", 1024), ("mistral", 1024), ("gemma2", 2048), ("glm", 1280)] {
        let model = Model::load(&golden.join("models").join(name)).with_context(|| name.to_owned())?;
        assert_eq!((model.info.family.as_str(), model.info.vocab_size), (name, vocab_size));
        assert_eq!(model.info.context_length, 1024);
        assert!(model.info.parameters > 300_000, "{} weights in {name}", model.info.parameters);
    }
    Ok(())
}

#[test]
fn what_a_family_needs_is_missed_by_name_and_shape() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    for (family, tensor, shape) in [
        ("glm", "model.layers.1.mlp.gate_up_proj.weight", &[512, 96][..]),
        ("glm", "model.layers.2.self_attn.q_proj.bias", &[128]),
        ("gemma2", "model.layers.2.post_feedforward_layernorm.weight", &[96]),
        ("gemma2", "model.norm.weight", &[96]),
    ] {
        let checkpoint = Checkpoint::copy_of(&golden.join("models").join(family))?;
        let mut weights = tensors(&checkpoint)?;
        weights.remove(tensor).with_context(|| tensor.to_owned())?;
        save(&checkpoint, &weights, WEIGHTS)?;
        let error = Model::load(checkpoint.folder()).unwrap_err();
        let missed =
            matches!(&error, LoadError::MissingTensor { name, expected } if name == tensor && expected == shape);
        assert!(missed, "{family}: {error}");
    }
    Ok(())
}

#[test]
fn shards_are_one_model() -> Result<()> {
    for name in BUNDLED {
        let checkpoint = bundled(name)?;
        let whole = logits(checkpoint.folder())?;
        let mut names: Vec<(String, Tensor)> = tensors(&checkpoint)?.into_iter().collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        let mut weight_map = Map::new();
        let mut shards = [Tensors::new(), Tensors::new(), Tensors::new()];
        for (place, (name, tensor)) in names.into_iter().enumerate() {
            weight_map.insert(name.clone(), json!(shard(place % 3)));
            shards[place % 3].insert(name, tensor);
        }
        for (place, tensors) in shards.iter().enumerate() {
            save(&checkpoint, tensors, &shard(place))?;
        }
        let index = json!({"metadata": {"total_size": 0}, "weight_map": weight_map});
        fs::write(checkpoint.folder().join("model.safetensors.index.json"), index.to_string())?;
        let checkpoint = checkpoint.without(WEIGHTS)?;
        assert_eq!(logits(checkpoint.folder())?, whole, "{name}");
    }
    Ok(())
}

fn shard(place: usize) -> String {
    format!("model-{:05}-of-00003.safetensors", place + 1)
}

#[test]
fn halves_compute_as_the_same_numbers_in_f32() -> Result<()> {
    for name in BUNDLED {
        for half in [DType::F16, DType::BF16] {
            let checkpoint = bundled(name)?;
            let halves = as_type(&tensors(&checkpoint)?, half)?;
            save(&checkpoint, &halves, WEIGHTS)?;
            let found = logits(checkpoint.folder())?;
            save(&checkpoint, &as_type(&halves, DType::F32)?, WEIGHTS)?;
            assert_eq!(logits(checkpoint.folder())?, found, "{name} {half:?}");
        }
    }
    Ok(())
}

#[test]
fn both_spellings_of_the_rotary_embedding_are_one_model() -> Result<()> {
    let llama3 = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64});
    let linear = json!({"rope_type": "linear", "factor": 4.0});
    for name in BUNDLED {
        let mut seen: Vec<Vec<Vec<f32>>> = Vec::new();
        for scaling in [json!({"rope_type": "default"}), linear.clone(), llama3.clone()] {
            let bare = || bundled(name)?.unset(CONFIG, "rope_parameters")?.unset(CONFIG, "rope_scaling");
            let old = bare()?.set(CONFIG, "rope_theta", 500.0)?.set(CONFIG, "rope_scaling", scaling.clone())?;
            let mut parameters = scaling.as_object().cloned().context("no object")?;
            parameters.insert("rope_theta".to_owned(), json!(500.0));
            let new = bare()?.unset(CONFIG, "rope_theta")?.set(CONFIG, "rope_parameters", Value::Object(parameters))?;
            let found = logits(old.folder())?;
            assert_eq!(logits(new.folder())?, found, "{name} {scaling}");
            assert!(!seen.contains(&found), "{name}: {scaling} changes nothing");
            seen.push(found);
        }
    }
    Ok(())
}

#[test]
fn a_tied_head_is_the_embedding_whatever_else_is_in_the_file() -> Result<()> {
    let checkpoint = bundled("calendar-qwen2")?;
    let alone = logits(checkpoint.folder())?;
    let mut weights = tensors(&checkpoint)?;
    assert!(!weights.contains_key(LM_HEAD));
    let head = weights["model.embed_tokens.weight"].zeros_like()?;
    weights.insert(LM_HEAD.to_owned(), head);
    save(&checkpoint, &weights, WEIGHTS)?;
    assert_eq!(logits(checkpoint.folder())?, alone);
    // Untied, the head is the file's own, and must be there.
    let checkpoint = checkpoint.set(CONFIG, "tie_word_embeddings", false)?;
    assert!(logits(checkpoint.folder())?.iter().flatten().all(|logit| *logit == 0.0));
    weights.remove(LM_HEAD);
    save(&checkpoint, &weights, WEIGHTS)?;
    let missing = Model::load(checkpoint.folder()).unwrap_err();
    assert!(matches!(&missing, LoadError::MissingTensor { name, .. } if name == LM_HEAD), "{missing}");
    Ok(())
}
