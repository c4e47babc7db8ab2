//! Whole fused generations through real worker processes and a real coordinator process, against the recorded runs.
//!
//! The only test here: it is one of those that the word "golden" selects.

mod compare;
mod ensemble;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, stream};
use specfuse_tests::{
    answer,
    cluster::Cluster,
    ensemble::Ensemble,
    golden,
    recorded::{self, Run},
};

use crate::PROGRAM;

/// As config.json's model_type has them.
const SERVED: [&str; 3] = ["llama", "qwen2", "mistral"];
const TO_COME: [&str; 6] = ["gemma2", "glm", "glm4", "qwen3", "gemma3", "phi3"];
/// Runs at once: each must be what it is alone.
const CONCURRENT: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn golden_runs() -> Result<()> {
    let Some(folder) = golden::folder() else { return Ok(()) };
    let served = members(&folder.join("models"), &SERVED)?;
    let to_come = members(&folder.join("models"), &TO_COME)?;
    let (runs, waiting): (Vec<Run>, Vec<Run>) = recorded::runs(&folder)?
        .into_iter()
        .partition(|run| run.members.iter().all(|member| served.contains_key(member)));
    for run in &waiting {
        let known = |member: &String| served.contains_key(member) || to_come.contains_key(member);
        ensure!(run.members.iter().all(known), "{}: a member of {:?} is of no known family", run.name, run.members);
    }
    if runs.is_empty() {
        golden::tell(&format!("golden_runs: all {} recorded runs wait for {:?}", waiting.len(), to_come.keys()));
        return Ok(());
    }

    let ensembles = ensembles(&runs);
    let mut plan = Cluster::of(PROGRAM, served.into_values());
    for (name, ensemble) in &ensembles {
        plan = plan.ensemble(name, ensemble.clone());
    }
    let cluster = plan.start().await?;
    let outcomes = stream::iter(&runs).map(async |run| (run, repeat(&cluster, run, &ensembles).await));
    let outcomes: Vec<_> = outcomes.buffer_unordered(CONCURRENT).collect().await;
    let told = |(run, outcome): &(&Run, Result<()>)| Some(format!("{}: {:#}", run.name, outcome.as_ref().err()?));
    let failed: Vec<String> = outcomes.iter().filter_map(told).collect();
    golden::tell(&format!(
        "golden_runs: {} recorded runs repeated, {} wait for {:?}",
        runs.len() - failed.len(),
        waiting.len(),
        to_come.keys()
    ));
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

/// Checkpoint folders of these families, by member.
fn members(models: &Path, families: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let mut members = BTreeMap::new();
    for entry in fs::read_dir(models)? {
        let folder = entry?.path();
        if !folder.is_dir() {
            continue;
        }
        let config: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("config.json"))?)?;
        let Some(family) = config["model_type"].as_str() else { bail!("{} names no family", folder.display()) };
        if families.contains(&family) {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            members.insert(name, folder);
        }
    }
    Ok(members)
}
