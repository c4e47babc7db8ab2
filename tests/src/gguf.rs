//! GGUF files made of checkpoint folders, as the usual converter makes them: its names, its order of rows, its keys. Written without
//! the worker's own knowledge of the format.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use candle_core::{
    Device, Tensor,
    quantized::{GgmlDType, QTensor, gguf_file},
};
use serde_json::Value;
use tempfile::TempDir;

pub use gguf_file::Value as Key;

/// Tensors by their Hugging Face names.
pub type Tensors = HashMap<String, Tensor>;

/// A GGUF file that is deleted with the value.
#[derive(Debug)]
pub struct GgufFile {
    root: TempDir,
}

impl GgufFile {
    /// A file named `<name>.gguf` with these keys and tensors.
    pub fn write(name: &str, keys: &[(String, Key)], tensors: &[(String, QTensor)]) -> Result<Self> {
        let root = tempfile::tempdir()?;
        let keys: Vec<_> = keys.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        gguf_file::write(&mut File::create(root.path().join(format!("{name}.gguf")))?, &keys, &tensors)?;
        Ok(Self { root })
    }

    pub fn path(&self) -> Result<PathBuf> {
        let file = fs::read_dir(self.root.path())?.next().context("no file")??;
        Ok(file.path())
    }
}

/// The configuration's keys.
pub fn model_keys(config: &Value) -> Result<Vec<(String, Key)>> {
    let architecture = architecture(config)?;
    let mut keys = vec![("general.architecture".to_owned(), Key::String(architecture.to_owned()))];
    let mut put = |name: &str, value: Key| keys.push((format!("{architecture}.{name}"), value));
    for (name, field) in [
        ("block_count", "num_hidden_layers"),
        ("embedding_length", "hidden_size"),
        ("feed_forward_length", "intermediate_size"),
        ("context_length", "max_position_embeddings"),
        ("attention.head_count", "num_attention_heads"),
        ("attention.head_count_kv", "num_key_value_heads"),
        ("attention.key_length", "head_dim"),
        ("attention.sliding_window", "sliding_window"),
        ("rope.scaling.original_context_length", "original_max_position_embeddings"),
    ] {
        if let Some(count) = config[field].as_u64() {
            put(name, Key::U32(count.try_into()?));
        }
    }
    for (name, value) in [
        ("attention.layer_norm_rms_epsilon", config["rms_norm_eps"].as_f64()),
        ("rope.freq_base", rope_theta(config).as_f64()),
        ("attn_logit_softcapping", config["attn_logit_softcapping"].as_f64()),
        ("final_logit_softcapping", config["final_logit_softcapping"].as_f64()),
        ("rope.scaling.attn_factor", longrope(config).and_then(|scaling| scaling["attention_factor"].as_f64())),
    ] {
        if let Some(value) = value {
            put(name, Key::F32(value as f32));
        }
    }
    put("rope.dimension_count", Key::U32(head_dim(config)?.try_into()?));
    Ok(keys)
}

/// The weights in `dtype`, vectors in f32; a matrix whose rows have no whole blocks of `dtype` in the next smaller kind.
pub fn model_tensors(config: &Value, tensors: &Tensors, dtype: GgmlDType) -> Result<Vec<(String, QTensor)>> {
    let count = |field: &str| config[field].as_u64().with_context(|| field.to_owned());
    let (heads, kv_heads) = (count("num_attention_heads")? as usize, count("num_key_value_heads")? as usize);
    let architecture = architecture(config)?;
    let neighbours = matches!(architecture, "llama" | "mistral3");
    let mut converted = Vec::new();
    for (name, tensor) in tensors {
        let tensor = tensor.to_dtype(candle_core::DType::F32)?;
        let tensor = match name {
            name if neighbours && name.contains("q_proj") => interleaved(&tensor, heads)?,
            name if neighbours && name.contains("k_proj") => interleaved(&tensor, kv_heads)?,
            name if architecture == "gemma2" && name.ends_with("norm.weight") => (tensor + 1.0)?,
            _ => tensor,
        };
        converted.push((own_name(architecture, name)?, QTensor::quantize(&tensor, fitting(dtype, &tensor)?)?));
    }
    for (name, divisors) in rope_divisors(config) {
        let divisors = Tensor::new(divisors.as_slice(), &Device::Cpu)?;
        converted.push((name.to_owned(), QTensor::quantize(&divisors, GgmlDType::F32)?));
    }
    Ok(converted)
}

/// What a tensor of a file in `dtype` is kept in.
fn fitting(dtype: GgmlDType, tensor: &Tensor) -> Result<GgmlDType> {
    let columns = tensor.dim(candle_core::D::Minus1)?;
    let kinds = [dtype, GgmlDType::Q8_0, GgmlDType::F32];
    let whole = kinds.into_iter().find(|kind| columns.is_multiple_of(kind.block_size()));
    Ok(if tensor.rank() > 1 { whole.unwrap_or(GgmlDType::F32) } else { GgmlDType::F32 })
}

/// The matrices as they come back from a file in `dtype`.
pub fn rounded(tensors: &Tensors, dtype: GgmlDType) -> Result<Tensors> {
    let back = |tensor: &Tensor| -> Result<Tensor> {
        let tensor = tensor.to_dtype(candle_core::DType::F32)?;
        Ok(QTensor::quantize(&tensor, fitting(dtype, &tensor)?)?.dequantize(&Device::Cpu)?)
    };
    tensors.iter().map(|(name, tensor)| Ok((name.clone(), back(tensor)?))).collect()
}

/// A checkpoint folder's weights, if they are one file.
pub fn tensors(folder: &Path) -> Result<Tensors> {
    Ok(candle_core::safetensors::load(folder.join("model.safetensors"), &Device::Cpu)?)
}

pub fn read_json(path: &Path) -> Result<Value> {
    serde_json::from_slice(&fs::read(path).with_context(|| path.display().to_string())?).map_err(Into::into)
}

fn architecture(config: &Value) -> Result<&str> {
    Ok(match config["model_type"].as_str().context("no model_type")? {
        "mistral" => "llama",
        other => other,
    })
}

fn rope_theta(config: &Value) -> &Value {
    if config["rope_theta"].is_null() { &config["rope_parameters"]["rope_theta"] } else { &config["rope_theta"] }
}

fn head_dim(config: &Value) -> Result<u64> {
    let count = |field: &str| config[field].as_u64().with_context(|| field.to_owned());
    match config["head_dim"].as_u64() {
        Some(head_dim) => Ok(head_dim),
        None => Ok(count("hidden_size")? / count("num_attention_heads")?),
    }
}

fn own_name(architecture: &str, hugging_face: &str) -> Result<String> {
    let mut name = hugging_face.to_owned();
    if architecture == "gemma2" {
        name = name.replace(".post_attention_layernorm.", ".post_attention_norm.");
    }
    for (from, to) in [
        ("model.embed_tokens.", "token_embd."),
        ("model.norm.", "output_norm."),
        ("lm_head.", "output."),
        ("model.layers.", "blk."),
        (".self_attn.q_proj.", ".attn_q."),
        (".self_attn.k_proj.", ".attn_k."),
        (".self_attn.v_proj.", ".attn_v."),
        (".self_attn.o_proj.", ".attn_output."),
        (".self_attn.qkv_proj.", ".attn_qkv."),
        (".self_attn.q_norm.", ".attn_q_norm."),
        (".self_attn.k_norm.", ".attn_k_norm."),
        (".mlp.gate_up_proj.", ".ffn_up."),
        (".mlp.gate_proj.", ".ffn_gate."),
        (".mlp.up_proj.", ".ffn_up."),
        (".mlp.down_proj.", ".ffn_down."),
        (".input_layernorm.", ".attn_norm."),
        (".post_attention_layernorm.", ".ffn_norm."),
        (".pre_feedforward_layernorm.", ".ffn_norm."),
        (".post_feedforward_layernorm.", ".post_ffw_norm."),
    ] {
        name = name.replace(from, to);
    }
    anyhow::ensure!(!name.contains("model.") && !name.contains("layernorm"), "no name for {hugging_face}");
    Ok(name)
}

/// The two halves of each head's rows take turns.
fn interleaved(tensor: &Tensor, heads: usize) -> Result<Tensor> {
    let shape = tensor.dims().to_vec();
    let columns = shape.get(1).copied().unwrap_or(1);
    let split = tensor.reshape((heads, 2, shape[0] / heads / 2, columns))?;
    Ok(split.transpose(1, 2)?.contiguous()?.reshape(shape)?)
}

/// The tensors that stand for the scaling of positions.
fn rope_divisors(config: &Value) -> Vec<(&'static str, Vec<f32>)> {
    if let Some(divisors) = llama3_divisors(config) {
        return vec![("rope_freqs.weight", divisors)];
    }
    let Some(scaling) = longrope(config) else { return Vec::new() };
    let factors = |field: &str| -> Vec<f32> {
        scaling[field].as_array().into_iter().flatten().filter_map(|factor| Some(factor.as_f64()? as f32)).collect()
    };
    vec![("rope_factors_short.weight", factors("short_factor")), ("rope_factors_long.weight", factors("long_factor"))]
}

fn longrope(config: &Value) -> Option<&Value> {
    config.get("rope_scaling").filter(|scaling| scaling["type"] == "longrope")
}

fn llama3_divisors(config: &Value) -> Option<Vec<f32>> {
    let scaling = config.get("rope_scaling").filter(|scaling| scaling["rope_type"] == "llama3")?;
    let number = |field: &str| scaling[field].as_f64();
    let (factor, low, high) = (number("factor")?, number("low_freq_factor")?, number("high_freq_factor")?);
    let original = number("original_max_position_embeddings")?;
    let (theta, width) = (rope_theta(config).as_f64()?, config["head_dim"].as_f64()?);
    let divisor = |pair: u32| {
        let wavelength = std::f64::consts::TAU * theta.powf(2.0 * f64::from(pair) / width);
        let smooth = ((original / wavelength - low) / (high - low)).clamp(0.0, 1.0);
        (1.0 / ((1.0 - smooth) / factor + smooth)) as f32
    };
    Some((0..width as u32 / 2).map(divisor).collect())
}
