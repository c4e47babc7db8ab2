//! Whole fused generations through real worker processes and a real coordinator process, against the recorded runs.
//!
//! The only test here: it is one of those that the word "golden" selects.

mod compare;
mod ensemble;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use specfuse_tests::{
    answer,
    cluster::Cluster,
    ensemble::Ensemble,
    golden, prerequisite,
    recorded::{self, Run},
};

use crate::PROGRAM;

/// Runs at once: each must be what it is alone.
const CONCURRENT: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn golden_runs() -> Result<()> {
    let Some(folder) = golden::folder() else { return Ok(()) };
    let members = members(&folder.join("models"))?;
    let runs = recorded::runs(&folder)?;
    let ensembles = ensembles(&runs);
    let mut plan = Cluster::of(PROGRAM, members);
    for (name, ensemble) in &ensembles {
        plan = plan.ensemble(name, ensemble.clone());
    }
    let cluster = plan.start().await?;
    let outcomes = stream::iter(&runs).map(async |run| (run, repeat(&cluster, run, &ensembles).await));
    let outcomes: Vec<_> = outcomes.buffer_unordered(CONCURRENT).collect().await;
    let told = |(run, outcome): &(&Run, Result<()>)| Some(format!("{}: {:#}", run.name, outcome.as_ref().err()?));
    let failed: Vec<String> = outcomes.iter().filter_map(told).collect();
    prerequisite::tell(&format!("golden_runs: {} of {} recorded runs repeated", runs.len() - failed.len(), runs.len()));
    ensure!(failed.is_empty(), "{} of {} differ:\n{}", failed.len(), runs.len(), failed.join("\n"));
    Ok(())
}

async fn repeat(cluster: &Cluster, run: &Run, ensembles: &[(String, Ensemble)]) -> Result<()> {
    let (name, _) = ensembles.iter().find(|(_, known)| *known == ensemble::of(run)).context("no ensemble")?;
    let messages = run.messages.iter().map(|message| answer::message(&message.role, &message.content));
    let mut request = answer::chat(messages.collect(), run.max_tokens);
    request.ensemble.clone_from(name);
    compare::answer(run, &cluster.ask(request).await?)
}

/// One for each distinct policy.
fn ensembles(runs: &[Run]) -> Vec<(String, Ensemble)> {
    let mut distinct: Vec<(String, Ensemble)> = Vec::new();
    for ensemble in runs.iter().map(ensemble::of) {
        if distinct.iter().all(|(_, known)| *known != ensemble) {
            distinct.push((format!("policy-{}", distinct.len()), ensemble));
        }
    }
    distinct
}

/// The recorded members' checkpoint folders.
fn members(models: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(models).with_context(|| models.display().to_string())?;
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    Ok(folders)
}
