//! GGUF files of every architecture and format beside the checkpoint folders they were made from: the same logits.

use anyhow::{Context, Result, ensure};
use candle_core::quantized::GgmlDType;
use serde_json::{Value, json};
use specfuse_tests::{
    checkpoint::Checkpoint,
    distance::distance,
    gguf::{GgufFile, Tensors, model_keys, model_tensors, read_json, rounded, tensors},
    golden, random_checkpoint,
    up::bundled_models,
};
use specfuse_worker::{
    gguf::Gguf,
    model::{DeviceKind, LoadOptions, Model, Precision},
};

use crate::checkpoints::model_logits as logits;

/// Of models whose norms came back from 1 + weight.
const CLOSE: f64 = 2e-4;

/// How far logits may be off, by their own size, where products round their rows to bytes: in blocks of 32 by 1/254 of the largest of a
/// block, about 0.5 % of a usual value, independently in each of some nine products.
const ROUNDED_BY_32: f32 = 0.03;
/// Where weights are held as f16, and rows not rounded.
const NOT_ROUNDED: f32 = 0.002;

const ARCHITECTURES: [&str; 7] = ["llama", "mistral", "mistral3", "qwen2", "qwen3", "gemma2", "phi3"];

/// A file's configuration and a folder's.
fn configs(architecture: &str) -> (Value, Value) {
    let folder = random_checkpoint::config(if architecture == "mistral3" { "mistral" } else { architecture });
    let mut file = folder.clone();
    file["model_type"] = json!(architecture);
    (file, folder)
}

pub(crate) fn converted(config: &Value, tensors: &Tensors, dtype: GgmlDType) -> Result<GgufFile> {
    GgufFile::write("model", &model_keys(config)?, &model_tensors(config, tensors, dtype)?)
}

pub(crate) fn load(file: &GgufFile, precision: Precision) -> Result<Model> {
    Ok(Model::from_gguf(&Gguf::open(&file.path()?)?, &options(precision)?)?)
}

pub(crate) fn options(precision: Precision) -> Result<LoadOptions> {
    Ok(LoadOptions::new(precision, DeviceKind::Cpu)?)
}

fn folder_logits(config: &Value, tensors: &Tensors) -> Result<Vec<Vec<f32>>> {
    logits(&Model::load(random_checkpoint::folder(config, tensors)?.path())?)
}

#[test]
fn golden_checkpoints_are_the_same_models_in_files() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    for (name, dtype) in [
        ("logits/llama3", GgmlDType::F32),
        ("logits/mistral", GgmlDType::F32),
        ("logits/qwen2", GgmlDType::F32),
        ("logits/qwen3", GgmlDType::F32),
        ("logits/gemma2", GgmlDType::F32),
        ("models/llama", GgmlDType::BF16),
        ("models/mistral", GgmlDType::BF16),
        ("models/qwen2", GgmlDType::BF16),
        ("models/gemma2", GgmlDType::BF16),
    ] {
        let mut checkpoint = Checkpoint::copy_of(&golden.join(name))?;
        if name.ends_with("gemma2") {
            // No key says it: only a checkpoint that scales by the head's width is the same model in a file.
            checkpoint = checkpoint.set("config.json", "query_pre_attn_scalar", 32)?;
        }
        let config = read_json(&checkpoint.folder().join("config.json"))?;
        let file = converted(&config, &tensors(checkpoint.folder())?, dtype)?;
        let (found, expected) = (load(&file, Precision::Stored)?, Model::load(checkpoint.folder())?);
        assert_eq!(found.info.dtype, expected.info.dtype, "{name}");
        let (found, expected) = (logits(&found)?, logits(&expected)?);
        match name.ends_with("gemma2") {
            true => {
                let off = off(&found, &expected).context(name)?;
                ensure!(off <= CLOSE, "{name}: off by {off:e}");
            }
            false => assert_eq!(found, expected, "{name}"),
        }
    }
    Ok(())
}

#[test]
fn a_file_of_floats_computes_as_the_folder_with_the_same_weights() -> Result<()> {
    for architecture in ARCHITECTURES {
        let (file_config, config) = configs(architecture);
        let tensors = random_checkpoint::tensors(&config)?;
        for dtype in [GgmlDType::F32, GgmlDType::F16, GgmlDType::BF16] {
            let file = converted(&file_config, &tensors, dtype)?;
            let expected = folder_logits(&config, &rounded(&tensors, dtype)?)?;
            assert_eq!(logits(&load(&file, Precision::Stored)?)?, expected, "{architecture} {dtype:?}");
        }
    }
    Ok(())
}

#[test]
fn the_bundled_models_are_the_same_in_halves() -> Result<()> {
    for name in ["abacus-llama", "calendar-qwen2", "speller-mistral"] {
        let dir = bundled_models().join(name);
        let (config, tensors) = (read_json(&dir.join("config.json"))?, tensors(&dir)?);
        // The bundled weights are bf16.
        let file = converted(&config, &tensors, GgmlDType::BF16)?;
        assert_eq!(logits(&load(&file, Precision::Stored)?)?, logits(&Model::load(&dir)?)?, "{name}");
        let file = converted(&config, &tensors, GgmlDType::F16)?;
        let expected = folder_logits(&config, &rounded(&tensors, GgmlDType::F16)?)?;
        assert_eq!(logits(&load(&file, Precision::Stored)?)?, expected, "{name}");
    }
    Ok(())
}

#[test]
fn quantised_files_compute_as_the_numbers_they_stand_for() -> Result<()> {
    for architecture in ARCHITECTURES {
        let (file_config, config) = configs(architecture);
        let tensors = random_checkpoint::tensors(&config)?;
        let exact = folder_logits(&config, &tensors)?;
        for (dtype, format, rounding) in [
            (GgmlDType::Q8_0, "q8_0", ROUNDED_BY_32),
            (GgmlDType::Q5_1, "f16", NOT_ROUNDED),
            (GgmlDType::Q5_0, "q8_0", ROUNDED_BY_32),
            (GgmlDType::Q4_0, "q8_0", ROUNDED_BY_32),
            (GgmlDType::Q6K, "q6_k", ROUNDED_BY_32),
            (GgmlDType::Q5K, "f16", NOT_ROUNDED),
            (GgmlDType::Q4K, "q4_k", ROUNDED_BY_32),
        ] {
            let case = || format!("{architecture} {dtype:?}");
            let file = converted(&file_config, &tensors, dtype)?;
            let expected = folder_logits(&config, &rounded(&tensors, dtype)?)?;
            let widened = load(&file, Precision::F32)?;
            assert_eq!(widened.info.dtype, "f32");
            assert_eq!(logits(&widened)?, expected, "{}", case());
            let stored = load(&file, Precision::Stored)?;
            assert_eq!(stored.info.dtype, format, "{architecture}");
            let found = logits(&stored)?;
            let rounded = relative(&found, &expected).with_context(case)?;
            ensure!(rounded <= rounding, "{}: off by {rounded}", case());
            ensure!(off(&found, &exact).with_context(case)? > 1e-3, "{} changes nothing", case());
        }
    }
    Ok(())
}

/// The largest difference.
pub(crate) fn off(found: &[Vec<f32>], expected: &[Vec<f32>]) -> Result<f64> {
    let wide = |logits: &[Vec<f32>]| logits.iter().flatten().map(|logit| f64::from(*logit)).collect::<Vec<_>>();
    distance(&wide(found), &wide(expected))
}

/// Root of the mean square of the differences, by that of the expected.
fn relative(found: &[Vec<f32>], expected: &[Vec<f32>]) -> Result<f32> {
    let lengths = |logits: &[Vec<f32>]| logits.iter().map(Vec::len).collect::<Vec<_>>();
    ensure!(lengths(found) == lengths(expected), "logits of other shapes");
    let squares = |value: f32| value * value;
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    let off: f32 = pairs.map(|(found, expected)| squares(found - expected)).sum();
    Ok((off / expected.iter().flatten().copied().map(squares).sum::<f32>()).sqrt())
}
