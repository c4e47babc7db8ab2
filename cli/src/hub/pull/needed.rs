//! Which files of a repository a worker reads: none of those in folders, and of the weights only safetensors. And whether a folder on
//! this machine has what it cannot do without.

use std::path::Path;

use specfuse_worker::model::weight_files;

use super::PullError;
use crate::hub::{Repo, client::Entry};

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Read where they are there.
const BESIDE: [&str; 3] = ["generation_config.json", "tokenizer_config.json", "chat_template.jinja"];

/// Whether nothing that is needed is missing: a link to nothing is missing too.
pub(in crate::hub) fn is_whole(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    has(CONFIG) && has(TOKENIZER) && weight_files(folder).is_ok_and(|files| files.iter().all(|file| has(file)))
}

pub(super) fn of(repo: &Repo, entries: Vec<Entry>) -> Result<Vec<Entry>, PullError> {
    let has = |name: &str| entries.iter().any(|entry| entry.path == name);
    let gguf = entries.iter().any(|entry| entry.path.ends_with(".gguf"));
    let whole = has(WEIGHTS);
    let shards = !whole && has(INDEX) && entries.iter().any(|entry| is_shard(&entry.path));
    let missing = [(has(CONFIG), CONFIG), (has(TOKENIZER), TOKENIZER), (whole || shards, WEIGHTS)];
    if let Some((_, missing)) = missing.into_iter().find(|(there, _)| !there) {
        return Err(PullError::NoCheckpoint { repo: repo.clone(), missing, gguf });
    }
    let is_needed = |path: &str| match path {
        CONFIG | TOKENIZER => true,
        WEIGHTS => whole,
        INDEX => shards,
        path => BESIDE.contains(&path) || (shards && is_shard(path)),
    };
    Ok(entries.into_iter().filter(|entry| is_needed(&entry.path)).collect())
}

/// "model-00001-of-00003.safetensors".
fn is_shard(path: &str) -> bool {
    let numbers = path.strip_prefix("model-").and_then(|rest| rest.strip_suffix(".safetensors"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.and_then(|numbers| numbers.split_once("-of-")).is_some_and(|(at, of)| is_number(at) && is_number(of))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn needed(paths: &[&str]) -> Result<Vec<String>, String> {
        let entries = paths.iter().map(|path| Entry { path: (*path).to_owned(), size: 1, checksum: None }).collect();
        let found = of(&Repo::new("o/m"), entries).map_err(|error| error.to_string())?;
        Ok(found.into_iter().map(|entry| entry.path).collect())
    }

    #[test]
    fn other_forms_of_the_same_weights_are_left_out() {
        let paths = [
            "config.json",
            "tokenizer.json",
            "model.safetensors",
            "pytorch_model.bin",
            "original/consolidated.00.pth",
            "onnx/model.onnx",
            "README.md",
            "tokenizer.model",
            "chat_template.jinja",
            "consolidated.safetensors",
        ];
        let expected = ["config.json", "tokenizer.json", "model.safetensors", "chat_template.jinja"];
        assert_eq!(needed(&paths).unwrap(), expected);
    }

    #[test]
    fn shards_come_with_their_index() {
        let shards = [
            "config.json",
            "tokenizer.json",
            INDEX,
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
        ];
        assert_eq!(needed(&shards).unwrap(), shards);
    }

    #[test]
    fn what_is_no_checkpoint_is_not_brought() {
        let error = needed(&["config.json", "tokenizer.json", "a-Q4_K_M.gguf"]).unwrap_err();
        assert!(error.contains("no model.safetensors") && error.contains("GGUF"), "{error}");
        let error = needed(&["README.md"]).unwrap_err();
        assert!(error.contains("no config.json") && !error.contains("GGUF"), "{error}");
    }

    #[test]
    fn a_folder_is_whole_with_all_shards_that_its_index_names() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let index =
            r#"{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;
        let files = [
            (CONFIG, "{}"),
            (TOKENIZER, "{}"),
            (INDEX, index),
            ("model-00001-of-00002.safetensors", ""),
            ("model-00002-of-00002.safetensors", ""),
        ];
        for (name, text) in files {
            assert!(!is_whole(folder.path()), "without {name}");
            write(name, text);
        }
        assert!(is_whole(folder.path()));
        fs::remove_file(folder.path().join("model-00002-of-00002.safetensors")).unwrap();
        write(WEIGHTS, "");
        assert!(is_whole(folder.path()));
    }
}
