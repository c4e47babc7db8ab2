//! `specfuse models`: the checkpoints on this machine, those in a folder and those that came from the hub, and which of them a worker
//! can compute. No weights are loaded: every other part is read as a worker reads it, and of the weights the headers.

mod table;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use specfuse_runtime::message::chain;
use specfuse_worker::{
    inspect::{self, Parts},
    model::WeightsOutline,
};

use super::{CONFIG, Chosen, ModelsError, nearest};
use crate::{
    hub::{self, Homeless, Hub, PREFIX, PullArgs, PullError},
    output,
};

const EXAMPLES: &str = "\
Examples:
  specfuse models                                       what there is, and whether it runs
  specfuse models --models ~/models --json
  specfuse models pull Qwen/Qwen2.5-0.5B-Instruct       then: specfuse ask --model hf:Qwen/Qwen2.5-0.5B-Instruct \"...\"";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    command: Option<ModelsCommand>,
    /// Folder of models; default: "models" here or above, else beside the program or above.
    #[arg(long, value_name = "DIR", env = "SPECFUSE_MODELS")]
    models: Option<PathBuf>,
    /// One JSON array instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Bring a model from the Hugging Face hub to this machine, to be used as --model hf:OWNER/NAME.
    Pull(PullArgs),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum InventoryError {
    #[error(transparent)]
    Models(#[from] ModelsError),
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Homeless(#[from] Homeless),
    #[error("looking at a model failed")]
    Failed(#[from] tokio::task::JoinError),
    #[error("cannot write to standard output")]
    Output(#[from] std::io::Error),
}

/// A checkpoint.
#[derive(Debug)]
struct Listed {
    /// What --model takes for it.
    model: String,
    folder: PathBuf,
    /// config.json's model_type.
    family: Option<String>,
    /// None: they are not whole, or a GGUF file's, of which a worker tells when it loads them.
    weights: Option<WeightsOutline>,
    /// Of all its files, in bytes.
    size: u64,
    /// Why no worker can compute it.
    unfit: Option<String>,
}

pub(crate) async fn run(args: ModelsArgs) -> Result<ExitCode, InventoryError> {
    if let Some(ModelsCommand::Pull(pull)) = args.command {
        return Ok(Box::pin(hub::pull(pull)).await?);
    }
    let hub = Hub::told();
    let listed = listed(args.models.as_deref(), hub.as_ref().ok()).await?;
    if args.json {
        let all: Vec<Value> = listed.iter().map(object).collect();
        output::tell(&format!("{:#}\n", Value::Array(all)))?;
    } else {
        output::tell(&table::of(&listed))?;
    }
    if listed.is_empty() {
        let cache = hub?.cache.root;
        let cache = cache.display();
        output::complain(&format!(
            "no models: neither in a folder \"models\" here or above, nor in {cache}; specfuse models pull OWNER/NAME brings one"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn listed(models: Option<&Path>, hub: Option<&Hub>) -> Result<Vec<Listed>, InventoryError> {
    let chosen = match models {
        Some(folder) => Some(Chosen::all_of(folder)?),
        None => nearest(ModelsError::NotFound, Chosen::all_of).ok(),
    };
    let local = chosen.into_iter().flat_map(|chosen| chosen.models);
    let local = local.map(|model| (model.folder.display().to_string(), model.folder));
    let cached = hub.map(|hub| hub.cache.snapshots()).unwrap_or_default();
    let cached = cached.into_iter().filter(|snapshot| snapshot.folder.join(CONFIG).is_file());
    let cached = cached.map(|snapshot| (format!("{PREFIX}{}", snapshot.repo), snapshot.folder));
    // Large vocabularies take a while.
    let looking = stream::iter(local.chain(cached))
        .map(|(model, folder)| tokio::task::spawn_blocking(move || Listed::of(model, folder)));
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(looking.buffered(at_a_time).try_collect().await?)
}

impl Listed {
    fn of(model: String, folder: PathBuf) -> Self {
        let parts = inspect::read(&folder);
        let unfit = match &parts {
            Ok(parts) => fault(parts),
            Err(error) => Some(chain(error)),
        };
        let (outline, weights) = parts.ok().map(|parts| (parts.outline.ok(), parts.weights.ok().flatten())).unzip();
        let known = outline.flatten().map(|outline| outline.family.to_owned());
        let family = known.or_else(|| model_type(&folder));
        Self { model, size: size(&folder), family, weights: weights.flatten(), unfit, folder }
    }
}

/// What a worker would refuse first.
fn fault(parts: &Parts) -> Option<String> {
    let Parts { outline, tokenizer, template, end_of_turn, weights } = parts;
    let end_of_turn = end_of_turn.as_ref().and_then(|ids| ids.as_ref().err());
    let faults = [outline.as_ref().err(), weights.as_ref().err(), tokenizer.as_ref().err(), template.as_ref().err()];
    let unread = || weights.as_ref().ok()?.as_ref()?.check().err().map(|error| chain(&error));
    faults.into_iter().chain([end_of_turn]).flatten().next().map(|error| chain(error)).or_else(unread)
}

/// Also of what no worker computes.
fn model_type(folder: &Path) -> Option<String> {
    let config: Value = serde_json::from_str(&fs::read_to_string(folder.join(CONFIG)).ok()?).ok()?;
    config.get("model_type")?.as_str().map(str::to_owned)
}

/// Of a file, or of the files in a folder, links followed, in bytes.
fn size(folder: &Path) -> u64 {
    if folder.is_file() {
        return fs::metadata(folder).map_or(0, |file| file.len());
    }
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| fs::metadata(entry.path()).ok()).filter(fs::Metadata::is_file);
    files.map(|file| file.len()).sum()
}

fn object(listed: &Listed) -> Value {
    json!({
        "model": listed.model,
        "folder": listed.folder,
        "family": listed.family,
        "parameters": listed.weights.as_ref().map(|weights| weights.parameters),
        "dtype": listed.weights.as_ref().and_then(|weights| weights.dtype.as_deref()),
        "bytes": listed.size,
        "runs": listed.unfit.is_none(),
        "why_not": listed.unfit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_run_is_listed_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(CONFIG), r#"{"model_type": "mamba"}"#).unwrap();
        let listed = Listed::of("m".to_owned(), folder.path().to_owned());
        assert_eq!(listed.family.as_deref(), Some("mamba"));
        let why = listed.unfit.clone().unwrap();
        assert!(why.contains("\"mamba\" is not supported") && why.contains("llama"), "{why}");
        let object = object(&listed);
        assert_eq!((object["runs"].as_bool(), object["bytes"].as_u64()), (Some(false), Some(23)));
        fs::write(folder.path().join(CONFIG), r#"{"model_type": "llama"}"#).unwrap();
        let listed = Listed::of("m".to_owned(), folder.path().to_owned());
        assert!(listed.unfit.unwrap().contains("model.safetensors"));
    }
}
