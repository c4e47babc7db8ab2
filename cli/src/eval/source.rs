//! What an evaluation is made of, as the flags say it: files of questions, and a cluster to start, unless one is running.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use super::{ablation, args::Args};
use crate::{
    args::LocalArgs,
    cluster::Plan,
    local::{self, LocalError},
    models::{self, ModelsError},
    output,
};

const HELD_OUT: &str = "questions/held-out.jsonl";
const DEVELOPMENT: &str = "questions/development.jsonl";

#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error(transparent)]
    Models(#[from] ModelsError),
    #[error("the bundled models have no folder")]
    NoFolder,
    #[error("there is nobody to ask")]
    Nobody,
    #[error(transparent)]
    Local(#[from] LocalError),
}

#[derive(Debug)]
pub(super) struct Source {
    pub(super) files: Vec<PathBuf>,
    /// None: a coordinator is running.
    pub(super) plan: Option<Plan>,
}

impl Source {
    /// Says which files are taken where the flags don't.
    pub(super) fn given(args: &Args) -> Result<Self, SourceError> {
        let (files, models) = if args.bundled { bundled(args)? } else { (args.files.clone(), None) };
        if args.endpoint.is_some() {
            return Ok(Self { files, plan: None });
        }
        let LocalArgs { model, settings, segment_tokens, log, .. } = &args.local;
        let local = LocalArgs {
            models: models.or_else(|| args.local.models.clone()),
            model: model.clone(),
            settings: settings.clone(),
            segment_tokens: *segment_tokens,
            log: log.clone(),
        };
        let mut plan = local::plan(&local, (Ipv4Addr::LOCALHOST, 0).into())?;
        if args.ablate.is_some() {
            ablation::add(&mut plan.ensemble);
        }
        Ok(Self { files, plan: Some(plan) })
    }
}

/// Choices are made by the development questions, and thresholds are choices.
fn bundled(args: &Args) -> Result<(Vec<PathBuf>, Option<PathBuf>), SourceError> {
    let chosen = models::bundled(args.local.models.as_deref(), Path::new(HELD_OUT))?;
    let folder = chosen.folder.ok_or(SourceError::NoFolder)?;
    let set = folder.join(if args.development || args.ablate.is_some() { DEVELOPMENT } else { HELD_OUT });
    let models: Vec<_> = chosen.models.into_iter().map(|model| model.name).collect();
    output::complain(&format!("models: {} in {}", models.join(", "), folder.display()));
    output::complain(&format!("questions: {}", set.display()));
    Ok((vec![set], Some(folder)))
}
