//! GGUF files beside the checkpoint folders they were made from: the same logits, the same tokens, the same answers.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, Result, ensure};
use candle_core::{
    Device, Tensor,
    quantized::{GgmlDType, QTensor},
};
use serde_json::{Value, json};
use specfuse_tests::{
    gguf::{GgufFile, Tensors, model_keys, model_tensors, read_json, tensors},
    gguf_tokens::tokenizer_keys,
    golden, program,
    up::bundled_models,
};
use specfuse_worker::{
    chat_template::ChatTemplate,
    gguf::Gguf,
    model::{LoadOptions, Model},
    tokenizer::Tokenizer,
};

use crate::{
    PROGRAM,
    checkpoints::model_logits as logits,
    templates::messages,
    tokenizers::{MIXED, Recorded, ids, recorded},
};

/// Families that the converter of these tests knows.
const FAMILIES: [&str; 3] = ["llama3", "mistral", "qwen2"];

fn converted(config: &Value, tensors: &Tensors, dtype: GgmlDType) -> Result<GgufFile> {
    GgufFile::write("model", &model_keys(config)?, &model_tensors(config, tensors, dtype)?)
}

fn load(file: &GgufFile) -> Result<Model> {
    Ok(Model::from_gguf(&Gguf::open(&file.path()?)?, &LoadOptions::default())?)
}

/// A folder with these weights.
fn folder(config: &Value, tensors: &Tensors) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("config.json"), config.to_string())?;
    candle_core::safetensors::save(tensors, folder.path().join("model.safetensors"))?;
    Ok(folder)
}

#[test]
fn an_f32_file_is_the_very_model_whose_logits_are_recorded() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    for family in FAMILIES {
        let dir = golden.join("logits").join(family);
        let file = converted(&read_json(&dir.join("config.json"))?, &tensors(&dir)?, GgmlDType::F32)?;
        assert_eq!(logits(&load(&file)?)?, logits(&Model::load(&dir)?)?, "{family}");
    }
    Ok(())
}

#[test]
fn halves_are_the_model_with_rounded_weights() -> Result<()> {
    for name in ["abacus-llama", "calendar-qwen2", "speller-mistral"] {
        let dir = bundled_models().join(name);
        let (config, tensors) = (read_json(&dir.join("config.json"))?, tensors(&dir)?);
        // The bundled weights are bf16.
        let file = converted(&config, &tensors, GgmlDType::BF16)?;
        assert_eq!(logits(&load(&file)?)?, logits(&Model::load(&dir)?)?, "{name}");
        let halves = rounded(&tensors, GgmlDType::F16)?;
        let file = converted(&config, &tensors, GgmlDType::F16)?;
        assert_eq!(logits(&load(&file)?)?, logits(&Model::load(folder(&config, &halves)?.path())?)?, "{name}");
    }
    Ok(())
}

/// The matrices as they come back from `dtype`.
fn rounded(tensors: &Tensors, dtype: GgmlDType) -> Result<Tensors> {
    let back = |tensor: &Tensor| -> Result<Tensor> {
        let tensor = tensor.to_dtype(candle_core::DType::F32)?;
        Ok(if tensor.rank() > 1 { QTensor::quantize(&tensor, dtype)?.dequantize(&Device::Cpu)? } else { tensor })
    };
    tensors.iter().map(|(name, tensor)| Ok((name.clone(), back(tensor)?))).collect()
}

/// A model wide enough for blocks of 256 elements, with weights that look random.
fn wide() -> Result<(Value, Tensors)> {
    let config = json!({
        "model_type": "llama", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 200,
        "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false,
    });
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("model.embed_tokens.weight".to_owned(), vec![200, 256]),
        ("lm_head.weight".to_owned(), vec![200, 256]),
        ("model.norm.weight".to_owned(), vec![256]),
    ];
    for layer in 0..2 {
        for (part, shape) in [
            ("self_attn.q_proj", vec![256, 256]),
            ("self_attn.k_proj", vec![128, 256]),
            ("self_attn.v_proj", vec![128, 256]),
            ("self_attn.o_proj", vec![256, 256]),
            ("mlp.gate_proj", vec![512, 256]),
            ("mlp.up_proj", vec![512, 256]),
            ("mlp.down_proj", vec![256, 512]),
            ("input_layernorm", vec![256]),
            ("post_attention_layernorm", vec![256]),
        ] {
            shapes.push((format!("model.layers.{layer}.{part}.weight"), shape));
        }
    }
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let mut tensors = HashMap::new();
    for (name, shape) in shapes {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| next() / 4.0).collect();
        tensors.insert(name, Tensor::from_vec(values, shape, &Device::Cpu)?);
    }
    Ok((config, tensors))
}

#[test]
fn quantised_files_compute_as_the_numbers_they_stand_for() -> Result<()> {
    let (config, tensors) = wide()?;
    let exact = logits(&Model::load(folder(&config, &tensors)?.path())?)?;
    for dtype in [
        GgmlDType::Q8_0,
        GgmlDType::Q6K,
        GgmlDType::Q5K,
        GgmlDType::Q4K,
        GgmlDType::Q5_1,
        GgmlDType::Q5_0,
        GgmlDType::Q4_0,
    ] {
        let found = logits(&load(&converted(&config, &tensors, dtype)?)?)?;
        let expected = logits(&Model::load(folder(&config, &rounded(&tensors, dtype)?)?.path())?)?;
        let most = largest_difference(&found, &expected);
        ensure!(most <= 2e-4, "{dtype:?}: off by {most:e}");
        assert!(largest_difference(&found, &exact) > 1e-3, "{dtype:?} changes nothing");
    }
    Ok(())
}

fn largest_difference(one: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
    let pairs = one.iter().flatten().zip(other.iter().flatten());
    pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}

/// How the converter names the way that each recorded tokenizer splits. None: pieces with scores.
const SPLITS: [(&str, Option<&str>); 7] = [
    ("qwen2.5", Some("qwen2")),
    ("smollm2", Some("smollm")),
    ("gpt2", Some("gpt-2")),
    ("phi-4-mini", Some("gpt-4o")),
    ("mistral-7b-instruct-v0.1", None),
    ("mistral-7b-instruct-v0.3", None),
    ("phi-3-mini", None),
];

#[test]
fn a_tokenizer_made_of_keys_gives_the_recorded_ids_and_texts() -> Result<()> {
    for Recorded { folder, name, expected } in recorded() {
        let Some((_, pre)) = SPLITS.iter().find(|(split, _)| *split == name) else { continue };
        let architecture = if name.starts_with("phi") { "phi3" } else { "llama" };
        let mut keys =
            vec![("general.architecture".to_owned(), specfuse_tests::gguf::Key::String(architecture.to_owned()))];
        keys.extend(tokenizer_keys(&folder, *pre, 0)?);
        let file = Gguf::open(&GgufFile::write(&name, &keys, &[])?.path()?)?;
        let tokenizer = Tokenizer::from_gguf(&file)?;
        for case in expected["texts"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            for (field, add_special) in [("ids", false), ("ids_special", true)] {
                assert_eq!(tokenizer.encode(text, add_special)?, ids(&case[field]), "{name} {field} {text:?}");
            }
            let encoded = tokenizer.encode(text, false)?;
            assert_eq!(tokenizer.decode(&encoded, false)?, case["decoded"].as_str().unwrap(), "{name} {text:?}");
        }
        let template = ChatTemplate::from_gguf(&file)?;
        for (case, chat) in expected["chats"].as_object().unwrap() {
            let Some(text) = chat["text"].as_str() else { continue };
            let rendered = template.as_ref().unwrap().render(&messages(&chat["messages"]))?;
            assert_eq!(rendered, text, "{name} {case}");
            assert_eq!(tokenizer.encode(&rendered, false)?, ids(&chat["ids"]), "{name} {case}");
        }
    }
    Ok(())
}

#[test]
fn the_small_models_tokenizers_are_the_same_from_keys() -> Result<()> {
    let Some(golden) = golden::folder() else { return Ok(()) };
    for (name, pre) in [("llama", "llama-bpe"), ("qwen2", "qwen2")] {
        let dir = golden.join("models").join(name);
        let keys = [model_keys(&read_json(&dir.join("config.json"))?)?, tokenizer_keys(&dir, Some(pre), 0)?].concat();
        let tokenizer = Tokenizer::from_gguf(&Gguf::open(&GgufFile::write(name, &keys, &[])?.path()?)?)?;
        let expected = Tokenizer::load(&dir)?;
        for text in [MIXED, "<|eot_id|><|im_end|> Hello 1234", ""] {
            assert_eq!(tokenizer.encode(text, false)?, expected.encode(text, false)?, "{name} {text:?}");
        }
    }
    Ok(())
}

/// The bundled model as a file; its tokenizer splits as `pre`.
fn bundled(name: &str, pre: Option<&str>, dtype: GgmlDType) -> Result<GgufFile> {
    let dir = bundled_models().join(name);
    let config = read_json(&dir.join("config.json"))?;
    let vocab_size = config["vocab_size"].as_u64().context("no vocab_size")? as usize;
    let keys = [model_keys(&config)?, tokenizer_keys(&dir, pre, vocab_size)?].concat();
    GgufFile::write(name, &keys, &model_tensors(&config, &tensors(&dir)?, dtype)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_answer_as_the_folders_they_were_made_from() -> Result<()> {
    let files = [
        bundled("abacus-llama", Some("qwen2"), GgmlDType::BF16)?,
        bundled("calendar-qwen2", Some("smollm"), GgmlDType::BF16)?,
    ];
    let files = [files[0].path()?, files[1].path()?].map(|path| path.display().to_string());
    let folders = ["abacus-llama", "calendar-qwen2"].map(|name| bundled_models().join(name).display().to_string());
    let question = "A shop has 47 apples and gets 38 more. How many apples are there now?";
    let mut answers = Vec::new();
    for [first, second] in [&files, &folders] {
        let arguments = ["ask", "--model", first, "--model", second, question];
        let ran = program::run(Path::new(PROGRAM), &arguments).await?;
        ensure!(ran.code == Some(0), "{ran:?}");
        answers.push(ran.stdout);
    }
    assert!(answers[0].contains("85"), "{answers:?}");
    assert_eq!(answers[0], answers[1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_short_is_refused_by_its_name() -> Result<()> {
    let path = bundled("abacus-llama", Some("qwen2"), GgmlDType::Q8_0)?;
    let path = path.path()?;
    let bytes = std::fs::read(&path)?;
    std::fs::write(&path, &bytes[..bytes.len() / 2])?;
    let shown = path.display().to_string();
    let ran = program::run(Path::new(PROGRAM), &["worker", "--listen", "127.0.0.1:0", "--model", &shown]).await?;
    assert_ne!(ran.code, Some(0), "{ran:?}");
    let words = [shown.as_str(), "reaches beyond the end of the file"];
    assert!(words.iter().all(|word| ran.stderr.contains(word)), "{ran:?}");
    Ok(())
}
