//! GGUF files beside the checkpoint folders they were made from: the same tokens, the same answers.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::quantized::GgmlDType;
use specfuse_tests::{
    gguf::{GgufFile, model_keys, model_tensors, read_json, tensors},
    gguf_tokens::tokenizer_keys,
    golden, program,
    up::bundled_models,
};
use specfuse_worker::{chat_template::ChatTemplate, gguf::Gguf, tokenizer::Tokenizer};

use crate::{
    PROGRAM,
    templates::messages,
    tokenizers::{MIXED, Recorded, ids, recorded},
};

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
