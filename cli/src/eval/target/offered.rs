//! What a cluster on this machine would offer: its settings are read as its coordinator will read them.

use std::ffi::OsString;

use clap::Parser;
use specfuse_coordinator::{Config, config::ConfigError};
use specfuse_eval::report::Strategy;

use crate::{
    args::{Cli, Command},
    cluster::{Plan, Settings, SettingsError},
};

/// No worker is there yet; one has to be named.
const NO_WORKER: &str = "http://127.0.0.1:1";

#[derive(Debug, thiserror::Error)]
pub(crate) enum OfferedError {
    #[error("cannot write the coordinator's configuration")]
    Settings(#[from] SettingsError),
    #[error("the coordinator's flags cannot be read: {0}")]
    Flags(String),
    #[error("{0}")]
    Config(String),
    #[error("the coordinator has no ensemble")]
    NoEnsemble,
}

/// The ensemble's name and its strategies.
pub(super) fn offered(plan: &Plan) -> Result<(String, Vec<Strategy>), OfferedError> {
    let settings = Settings {
        listen: plan.listen,
        workers: vec![NO_WORKER.to_owned()],
        members: plan.models.iter().map(|model| model.name.clone()).collect(),
        ensemble: plan.ensemble.clone(),
    };
    let file = settings.write()?;
    let flags = ["specfuse", "coordinator", "--config"].map(OsString::from);
    let parsed = Cli::try_parse_from(flags.into_iter().chain([file.path().into()]));
    let config = match parsed.map(|cli| cli.command) {
        Ok(Command::Coordinator(args)) => Config::load(&args).map_err(|error| about_settings(&error, &file))?,
        Ok(_) => return Err(OfferedError::NoEnsemble),
        Err(error) => return Err(OfferedError::Flags(error.to_string().trim_end().to_owned())),
    };
    let (name, ensemble) = config.ensembles.into_iter().next().ok_or(OfferedError::NoEnsemble)?;
    let strategies = ensemble
        .strategies
        .iter()
        .map(|(name, strategy)| Strategy { name: name.clone(), kind: strategy.kind.name().to_owned() })
        .collect();
    Ok((name, strategies))
}

/// The file with its settings is ours, and gone when the error is read.
fn about_settings(error: &ConfigError, file: &tempfile::NamedTempFile) -> OfferedError {
    OfferedError::Config(error.to_string().replace(&*file.path().to_string_lossy(), "the settings"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::LocalModel;

    fn plan(ensemble: &str) -> Plan {
        let model = |name: &str| LocalModel { name: name.to_owned(), folder: name.into() };
        Plan {
            models: ["a", "b"].map(model).to_vec(),
            listen: ([127, 0, 0, 1], 0).into(),
            ensemble: ensemble.parse().unwrap(),
            log: "warn".to_owned(),
        }
    }

    #[test]
    fn what_a_cluster_offers_is_known_without_it() {
        let (name, strategies) = offered(&plan("[strategies.careful]\nkind = \"fuse\"")).unwrap();
        let kind = |name: &str| strategies.iter().find(|it| it.name == name).map(|it| it.kind.as_str());
        assert_eq!((name.as_str(), kind("careful"), kind("single/b")), ("default", Some("fuse"), Some("single")));
        assert_eq!((kind("mixture"), kind("self_fuse"), kind("none")), (Some("mixture"), Some("self_fuse"), None));
    }

    #[test]
    fn settings_that_are_wrong_are_said_to_be() {
        let error = offered(&plan("exit = { rule = \"soon\" }")).unwrap_err().to_string();
        assert!(error.starts_with("the settings") && error.contains("soon"), "{error}");
    }
}
