//! One checkpoint, from its files to a worker that serves it. A worker is started only if every part can be read: else it would
//! refuse in the same words.

use std::{fs, path::Path};

use specfuse_runtime::message::chain;
use specfuse_worker::{
    context::Language,
    inspect::{self, Parts},
    model::{Outline, weight_files},
};

use super::{
    ends,
    finding::{Examined, Finding, Severity, Subject},
    numbers, speed, template, tokens,
    worker::{Worker, WorkerFlags},
};
use crate::models::LocalModel;

/// A checkpoint all of whose parts could be read.
#[derive(Debug)]
struct Whole {
    outline: Outline,
    language: Language,
}

pub(crate) async fn examine(model: &LocalModel, flags: &WorkerFlags) -> Examined {
    let path = model.folder.clone();
    let read = tokio::task::spawn_blocking(move || examine_parts(&path)).await;
    let (mut findings, whole) = read.unwrap_or_else(|error| {
        (vec![Subject::Files.error(format!("reading it failed: {error}"), "report it with the checkpoint")], None)
    });
    if let Some(whole) = whole {
        findings.extend(served(model, flags, &whole).await);
    }
    Examined::new(model.folder.display().to_string(), findings)
}

/// What a worker makes of it.
async fn served(model: &LocalModel, flags: &WorkerFlags, whole: &Whole) -> Vec<Finding> {
    let worker = match Worker::start(model, flags).await {
        Ok(worker) => worker,
        Err(error) => {
            let remedy = "if its files are meant, download the checkpoint again; if memory is, try --quantize q8_0";
            return vec![Subject::Worker.error(chain(&error), remedy)];
        }
    };
    let description = &worker.description;
    let what = format!(
        "serves {} with {} weights in {} on {}",
        description.family, description.parameters, description.dtype, description.device
    );
    let mut findings = vec![Subject::Worker.ok(what)];
    findings.extend(numbers::examine(&worker).await);
    findings.extend(speed::examine(&worker, &whole.language, &whole.outline, weight_bytes(&model.folder)).await);
    worker.stop().await;
    findings
}

fn examine_parts(path: &Path) -> (Vec<Finding>, Option<Whole>) {
    let parts = match inspect::read(path) {
        Ok(parts) => parts,
        Err(error) => {
            let remedy = "give a checkpoint folder with config.json, or a GGUF file that is whole";
            return (vec![Subject::Files.error(chain(&error), remedy)], None);
        }
    };
    let mut findings = files(&parts);
    let Parts { outline, tokenizer, template, end_of_turn, weights } = parts;
    let is_template_whole = template.is_ok();
    findings.extend(match &template {
        Ok(template) => template::examine(template.as_ref()),
        Err(error) => {
            let remedy = "take the chat template of the published checkpoint";
            vec![Subject::Template.error(chain(error), remedy)]
        }
    });
    let Ok(tokenizer) = tokenizer else { return (findings, None) };
    let language = Language::new(tokenizer, template.unwrap_or_default());
    findings.extend(tokens::examine(&language));
    if let Some(Ok(ids)) = &end_of_turn {
        findings.extend(ends::examine(&language, ids));
    }
    let readable = weights.is_ok() && is_template_whole && matches!(end_of_turn, Some(Ok(_)));
    let Ok(outline) = outline else { return (findings, None) };
    let stranger = belongs(&language, &outline);
    let fits = stranger.as_ref().is_none_or(|finding| finding.severity < Severity::Error);
    findings.extend(stranger);
    (findings, (readable && fits).then_some(Whole { outline, language }))
}

/// What is missing or cannot be read, in the loader's own words.
fn files(parts: &Parts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &parts.outline {
        Ok(outline) => findings.push(Subject::Files.ok(format!(
            "configuration: {}, {} layers, a vocabulary of {}, a context of {} tokens",
            outline.family, outline.layers, outline.vocab_size, outline.context_length
        ))),
        Err(error) => {
            let remedy =
                "take config.json of the published checkpoint; the README lists the architectures that are served";
            findings.push(Subject::Files.error(chain(error), remedy));
        }
    }
    if let Err(error) = &parts.tokenizer {
        let remedy = "take tokenizer.json of the published checkpoint; transformers' save_pretrained writes one where there is none";
        findings.push(Subject::Files.error(chain(error), remedy));
    }
    match &parts.weights {
        Ok(_) => findings.push(Subject::Files.ok("the files of the weights are there and whole")),
        Err(error) => findings.push(Subject::Files.error(chain(error), "download the weights again")),
    }
    if let Some(Err(error)) = &parts.end_of_turn {
        let remedy = "set eos_token_id in generation_config.json to the token that ends an answer in the chat template";
        findings.push(Subject::Ends.error(chain(error), remedy));
    }
    findings
}

/// Whether the model knows every token that the tokenizer gives.
fn belongs(language: &Language, outline: &Outline) -> Option<Finding> {
    let (base, highest) = (language.tokenizer.highest_base_id(), language.tokenizer.highest_id());
    let vocab_size = outline.vocab_size;
    if base as usize >= vocab_size {
        let what = format!("gives ids up to {base}, and the model's vocabulary is {vocab_size}: it is another model's");
        return Some(
            Subject::Tokenizer.error(what, "take tokenizer.json and the weights from the same published checkpoint"),
        );
    }
    if highest as usize >= vocab_size {
        let what = format!("has added tokens up to {highest}, and the model's vocabulary is {vocab_size}");
        return Some(
            Subject::Tokenizer.warning(what, "texts with those tokens are refused: keep them out of messages"),
        );
    }
    None
}

/// Of a GGUF file, or of the files that are loaded from a folder.
fn weight_bytes(path: &Path) -> u64 {
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    if path.is_file() {
        return length(path);
    }
    weight_files(path).unwrap_or_default().iter().map(|name| length(&path.join(name))).sum()
}
