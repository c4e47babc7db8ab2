//! From flags to what a cluster on this machine is made of.
//!
//! An ensemble's settings are a TOML file with the keys of one ensemble, but for its members: those are the models. Nothing here
//! knows what the keys mean: the coordinator checks them.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use toml::Table;

use crate::{
    args::LocalArgs,
    cluster::Plan,
    models::{self, Chosen, ModelsError},
};

/// Settings beside the models that they are for.
const BESIDE_MODELS: &str = "ensemble.toml";

#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    #[error(transparent)]
    Models(#[from] ModelsError),
    #[error("cannot read the settings {}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{}: {}", file.display(), source.to_string().trim_end())]
    Parse { file: PathBuf, source: Box<toml::de::Error> },
    #[error("{}: the members are the models that are started: `members` cannot be set", .0.display())]
    Members(PathBuf),
}

/// What to start for these flags.
pub(crate) fn plan(local: &LocalArgs, listen: SocketAddr) -> Result<Plan, LocalError> {
    let chosen = models::choose(&local.model, local.models.as_deref())?;
    let mut ensemble = match settings_file(local, &chosen) {
        Some(file) => read(&file)?,
        None => Table::new(),
    };
    if let Some(tokens) = local.segment_tokens {
        ensemble.insert("segment_tokens".to_owned(), tokens.into());
    }
    Ok(Plan { models: chosen.models, listen, ensemble, log: local.log.clone() })
}

/// The file that is given; else the one beside the models, where all of these are used.
fn settings_file(local: &LocalArgs, chosen: &Chosen) -> Option<PathBuf> {
    let beside = || chosen.folder.as_ref().map(|folder| folder.join(BESIDE_MODELS)).filter(|file| file.exists());
    local.settings.clone().or_else(beside)
}

fn read(file: &Path) -> Result<Table, LocalError> {
    let text = fs::read_to_string(file).map_err(|source| LocalError::Read { file: file.to_owned(), source })?;
    let parsed: Result<Table, _> = text.parse();
    let table = parsed.map_err(|source| LocalError::Parse { file: file.to_owned(), source: Box::new(source) })?;
    if table.contains_key("members") {
        return Err(LocalError::Members(file.to_owned()));
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("config.json"), "{}").unwrap();
        }
        fs::write(root.path().join(BESIDE_MODELS), "segment_tokens = 6\nexit = { rule = \"never\" }\n").unwrap();
        root
    }

    fn planned(local: &LocalArgs) -> Result<Table, LocalError> {
        plan(local, ([127, 0, 0, 1], 0).into()).map(|plan| plan.ensemble)
    }

    #[test]
    fn settings_beside_the_models_are_for_all_of_them_together() {
        let root = models();
        let all = LocalArgs { models: Some(root.path().to_owned()), ..LocalArgs::default() };
        assert_eq!(planned(&all).unwrap()["exit"]["rule"].as_str(), Some("never"));
        let one = LocalArgs { model: vec![root.path().join("a")], ..LocalArgs::default() };
        assert_eq!(planned(&one).unwrap(), Table::new());
    }

    #[test]
    fn a_flag_is_stronger_than_the_file_and_a_file_that_is_given_than_the_one_beside() {
        let root = models();
        let mut local = LocalArgs { models: Some(root.path().to_owned()), ..LocalArgs::default() };
        local.segment_tokens = Some(4);
        assert_eq!(planned(&local).unwrap()["segment_tokens"].as_integer(), Some(4));
        let given = root.path().join("other.toml");
        fs::write(&given, "score = \"mean_prob\"").unwrap();
        local.settings = Some(given);
        let expected = "score = \"mean_prob\"\nsegment_tokens = 4".parse().unwrap();
        assert_eq!(planned(&local).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let root = models();
        let file = root.path().join("mine.toml");
        let error = |text: &str| {
            fs::write(&file, text).unwrap();
            let local =
                LocalArgs { model: vec![root.path().join("a")], settings: Some(file.clone()), ..LocalArgs::default() };
            planned(&local).unwrap_err().to_string()
        };
        assert!(error("members = [\"a\"]").contains("`members` cannot be set"));
        let syntax = error("exit = {");
        assert!(syntax.starts_with(&file.display().to_string()) && syntax.contains("line 1"), "{syntax}");
    }
}
