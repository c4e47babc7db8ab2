//! Weights that are no finite numbers: whatever their format, only the calls that meet them fail, each with an error that says so, and
//! the engine goes on.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use candle_core::{
    DType, Device, Tensor,
    quantized::{GgmlDType, QStorage, QTensor},
};
use specfuse_tests::{
    gguf::{GgufFile, Tensors, model_keys, model_tensors},
    random_checkpoint,
};
use specfuse_worker::{
    engine::{DraftJob, Engine, EngineConfig, EngineError, Sampling, ScoreJob, ScoreSequence},
    model::{Model, Precision},
};

use crate::gguf_logits::{load, options};

const EMBEDDING: &str = "model.embed_tokens.weight";
/// The token whose embedding is spoiled.
const SPOILED: u32 = 7;

/// As f16.
const NAN: u16 = 0x7e00;
const INFINITY: u16 = 0x7c00;

/// The weights with one that is no number, in the row of [`SPOILED`].
fn spoiled(name: &str, bad: f32) -> Result<Tensors> {
    let mut tensors = random_checkpoint::tensors(&random_checkpoint::config("llama"))?;
    let tensor = tensors.get(name).context("no such tensor")?;
    let (shape, columns) = (tensor.shape().clone(), tensor.dim(candle_core::D::Minus1)?);
    let mut values = tensor.flatten_all()?.to_vec1::<f32>()?;
    let place = if shape.rank() > 1 { SPOILED as usize * columns + 40 } else { 40 };
    values[place] = bad;
    tensors.insert(name.to_owned(), Tensor::from_vec(values, shape, &Device::Cpu)?);
    Ok(tensors)
}

fn folder_model(name: &str, bad: f32, dtype: DType, precision: Precision) -> Result<Model> {
    let mut tensors = spoiled(name, bad)?;
    for tensor in tensors.values_mut() {
        *tensor = tensor.to_dtype(dtype)?;
    }
    let folder = random_checkpoint::folder(&random_checkpoint::config("llama"), &tensors)?;
    Ok(Model::from_folder(folder.path(), &options(precision)?)?)
}

/// A file whose embedding of [`SPOILED`] has the scale `bad`, an f16; it is at `place` in a block.
fn file_model(dtype: GgmlDType, place: usize, bad: u16) -> Result<Model> {
    let config = random_checkpoint::config("llama");
    let mut tensors = model_tensors(&config, &random_checkpoint::tensors(&config)?, dtype)?;
    for (name, tensor) in &mut tensors {
        if name == "token_embd.weight" {
            let mut bytes = tensor.data()?.into_owned();
            let row = bytes.len() / tensor.shape().dims2()?.0;
            let scale = SPOILED as usize * row + place;
            bytes[scale..scale + 2].copy_from_slice(&bad.to_le_bytes());
            let storage = QStorage::from_data(bytes.into(), &Device::Cpu, dtype)?;
            *tensor = QTensor::new(storage, tensor.shape().clone())?;
        }
    }
    load(&GgufFile::write("model", &model_keys(&config)?, &tensors)?, Precision::Stored)
}

fn engine(model: Model) -> Result<(Engine, impl Sized)> {
    Ok(Engine::start(model, EngineConfig { cache_memory: 16 << 20, max_batch_rows: 64, max_queue: 16 })?)
}

fn draft(tokens: &[u32]) -> DraftJob {
    let sampling = Sampling { temperature: 0.0, top_p: 1.0, ..Sampling::default() };
    DraftJob { tokens: tokens.to_vec(), answer_from: tokens.len(), max_new: 1, end_of_turn: Arc::new([]), sampling }
}

fn score(tokens: &[u32]) -> ScoreJob {
    let candidate = ScoreSequence { tokens: tokens.to_vec(), from: 2, finished: false };
    ScoreJob { candidates: vec![candidate], end_of_turn: Arc::new([]) }
}

/// Calls with the spoiled token and calls without it, at the same time: they share passes.
async fn only_its_own_calls_fail(model: Model) -> Result<()> {
    let (engine, _thread) = engine(model)?;
    for _ in 0..2 {
        let (fine, scored) = (draft(&[1, 2, 3]), score(&[1, 2, 4, 5]));
        let (bad, bad_score) = (draft(&[1, SPOILED, 3]), score(&[1, SPOILED, 4, 5]));
        let answers =
            tokio::join!(engine.draft(fine), engine.score(scored), engine.draft(bad), engine.score(bad_score));
        ensure!(answers.0?.logprobs.iter().all(|logprob| logprob.is_finite()));
        ensure!(answers.1?.terms[0].iter().all(|term| term.is_finite()));
        ensure!(matches!(answers.2, Err(EngineError::NotFinite)), "{:?}", answers.2);
        ensure!(matches!(answers.3, Err(EngineError::NotFinite)), "{:?}", answers.3);
    }
    Ok(())
}

#[tokio::test]
async fn a_spoiled_embedding_fails_the_calls_that_read_it_alone() -> Result<()> {
    for bad in [f32::NAN, f32::INFINITY] {
        for (dtype, precision) in [
            (DType::F32, Precision::Stored),
            (DType::BF16, Precision::Stored),
            (DType::F16, Precision::Stored),
            (DType::F32, Precision::Bf16),
            (DType::F32, Precision::Q8_0),
            (DType::BF16, Precision::Q4K),
        ] {
            let model = folder_model(EMBEDDING, bad, dtype, precision)?;
            only_its_own_calls_fail(model).await.with_context(|| format!("{bad} in {dtype:?} as {precision:?}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_spoiled_scale_fails_the_calls_that_read_it_alone() -> Result<()> {
    for bad in [NAN, INFINITY] {
        for (dtype, place) in [
            (GgmlDType::Q8_0, 0),
            (GgmlDType::Q4_0, 0),
            (GgmlDType::Q4K, 0),
            (GgmlDType::Q5K, 0),
            (GgmlDType::Q6K, 208),
        ] {
            let model = file_model(dtype, place, bad)?;
            only_its_own_calls_fail(model).await.with_context(|| format!("{bad:x} in {dtype:?}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_spoiled_layer_fails_every_call_and_no_engine() -> Result<()> {
    for name in ["model.norm.weight", "model.layers.0.mlp.gate_proj.weight", "model.layers.1.self_attn.v_proj.weight"] {
        for precision in [Precision::F32, Precision::Bf16, Precision::F16, Precision::Q8_0, Precision::Q4K] {
            let (engine, _thread) = engine(folder_model(name, f32::NAN, DType::F32, precision)?)?;
            for _ in 0..2 {
                let (drafted, scored) = tokio::join!(engine.draft(draft(&[1, 2])), engine.score(score(&[1, 2, 4])));
                ensure!(matches!(drafted, Err(EngineError::NotFinite)), "{name} {precision:?}: {drafted:?}");
                ensure!(matches!(scored, Err(EngineError::NotFinite)), "{name} {precision:?}: {scored:?}");
            }
        }
    }
    Ok(())
}
