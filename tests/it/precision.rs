//! What weights become when a model is loaded: the same numbers in another format, whether they were converted before or on the way.

use anyhow::{Context, Result};
use candle_core::{DType, Tensor, quantized::GgmlDType};
use serde_json::Value;
use specfuse_tests::{
    checkpoint::as_type,
    gguf::{Tensors, read_json, tensors},
    golden, random_checkpoint,
    up::bundled_models,
};
use specfuse_worker::model::{Model, Precision};

use crate::{
    checkpoints::model_logits as logits,
    gguf_logits::{converted, load, off, options},
};

fn folder_logits(config: &Value, tensors: &Tensors, precision: Precision) -> Result<Vec<Vec<f32>>> {
    let folder = random_checkpoint::folder(config, tensors)?;
    logits(&Model::from_folder(folder.path(), &options(precision)?)?)
}

/// What is no matrix stays as it is.
fn matrices_as(tensors: &Tensors, dtype: DType) -> Result<Tensors> {
    let one = |tensor: &Tensor| if tensor.rank() > 1 { tensor.to_dtype(dtype) } else { Ok(tensor.clone()) };
    tensors.iter().map(|(name, tensor)| Ok((name.clone(), one(tensor)?))).collect()
}

#[test]
fn halves_give_the_very_logits_of_the_same_weights_in_f32() -> Result<()> {
    for family in ["llama", "qwen2", "qwen3", "gemma2", "phi3"] {
        let config = random_checkpoint::config(family);
        let weights = random_checkpoint::tensors(&config)?;
        for half in [DType::BF16, DType::F16] {
            let halves = as_type(&weights, half)?;
            let stored = folder_logits(&config, &halves, Precision::Stored)?;
            assert_eq!(stored, folder_logits(&config, &halves, Precision::F32)?, "{family} {half:?}");
        }
    }
    Ok(())
}

#[test]
fn a_type_that_is_asked_for_is_the_checkpoint_in_that_type() -> Result<()> {
    let config = random_checkpoint::config("qwen2");
    let weights = random_checkpoint::tensors(&config)?;
    for stored in [DType::F32, DType::BF16, DType::F16] {
        let checkpoint = as_type(&weights, stored)?;
        for (precision, dtype, name) in [
            (Precision::F32, DType::F32, "f32"),
            (Precision::Bf16, DType::BF16, "bf16"),
            (Precision::F16, DType::F16, "f16"),
        ] {
            let folder = random_checkpoint::folder(&config, &checkpoint)?;
            let model = Model::from_folder(folder.path(), &options(precision)?)?;
            assert_eq!(model.info.dtype, name, "{stored:?}");
            let exact = folder_logits(&config, &matrices_as(&checkpoint, dtype)?, Precision::Stored)?;
            // Asked for by name, bf16 lets rows be rounded too.
            let most = if precision == Precision::Bf16 { 0.1 } else { 0.0 };
            let off = off(&logits(&model)?, &exact)?;
            assert!(off <= most, "{stored:?} as {name}: off by {off}");
        }
    }
    Ok(())
}

#[test]
fn quantising_a_folder_gives_the_file_that_another_implementation_quantised() -> Result<()> {
    for family in ["llama", "mistral", "qwen2", "qwen3", "gemma2", "phi3"] {
        let config = random_checkpoint::config(family);
        let weights = random_checkpoint::tensors(&config)?;
        check_quantised(&config, &weights, ["q8_0", "q4_k"]).with_context(|| family.to_owned())?;
    }
    Ok(())
}

/// Rows of 96 and of 64 have no blocks of 256; rows of 172 have none of 32 either.
#[test]
fn golden_checkpoints_are_quantised_as_far_as_their_rows_have_whole_blocks() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    for name in ["llama", "qwen2", "mistral"] {
        let dir = golden.join("models").join(name);
        let config = read_json(&dir.join("config.json"))?;
        check_quantised(&config, &tensors(&dir)?, ["q8_0", "q8_0"]).with_context(|| name.to_owned())?;
    }
    for name in ["stories260K", "aidreams260K"] {
        let Some(dir) = golden::sibling("real-models").map(|root| root.join(name)) else { return Ok(()) };
        let config = read_json(&dir.join("config.json"))?;
        check_quantised(&config, &tensors(&dir)?, ["q8_0", "q8_0"]).with_context(|| name.to_owned())?;
    }
    Ok(())
}

/// `formats`: those of most weights as Q8_0 and as Q4K.
fn check_quantised(config: &Value, weights: &Tensors, formats: [&str; 2]) -> Result<()> {
    let folder = random_checkpoint::folder(config, weights)?;
    let kinds = [(Precision::Q8_0, GgmlDType::Q8_0), (Precision::Q4K, GgmlDType::Q4K)];
    for ((precision, dtype), format) in kinds.into_iter().zip(formats) {
        let model = Model::from_folder(folder.path(), &options(precision)?)?;
        assert_eq!(model.info.dtype, format, "{precision:?}");
        let file = converted(config, weights, dtype)?;
        assert_eq!(logits(&model)?, logits(&load(&file, Precision::Stored)?)?, "{precision:?}");
    }
    Ok(())
}

#[test]
fn a_quantised_model_is_smaller_and_says_what_it_is() -> Result<()> {
    let dir = bundled_models().join("abacus-llama");
    let load = |precision| Ok::<_, anyhow::Error>(Model::from_folder(&dir, &options(precision)?)?.info);
    let (halves, bytes, full) = (load(Precision::Stored)?, load(Precision::Q8_0)?, load(Precision::F32)?);
    assert_eq!((halves.dtype, bytes.dtype, full.dtype), ("bf16", "q8_0", "f32"));
    assert_eq!(halves.parameters, bytes.parameters);
    assert!(bytes.weight_bytes < halves.weight_bytes && halves.weight_bytes < full.weight_bytes);
    Ok(())
}
