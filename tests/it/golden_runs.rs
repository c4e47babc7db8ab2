//! Whole fused generations through real worker processes and a real coordinator process, against the recorded runs.
//!
//! The only test here: it is one of those that the word "golden" selects.

mod compare;
mod record;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, stream};
use specfuse_tests::{answer, cluster::Cluster, ensemble::Ensemble, golden};

use self::record::Case;
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
    let (cases, waiting): (Vec<Case>, Vec<Case>) = cases(&folder.join("runs"))?
        .into_iter()
        .partition(|case| case.members.iter().all(|member| served.contains_key(member)));
    for case in &waiting {
        let known = |member: &String| served.contains_key(member) || to_come.contains_key(member);
        ensure!(case.members.iter().all(known), "{}: a member of {:?} is of no known family", case.name, case.members);
    }
    ensure!(!cases.is_empty(), "no recorded run can be repeated");

    let ensembles = ensembles(&cases);
    let mut plan = Cluster::of(PROGRAM, served.into_values());
    for (name, ensemble) in &ensembles {
        plan = plan.ensemble(name, ensemble.clone());
    }
    let cluster = plan.start().await?;
    let outcomes = stream::iter(&cases).map(async |case| (case, repeat(&cluster, case, &ensembles).await));
    let outcomes: Vec<_> = outcomes.buffer_unordered(CONCURRENT).collect().await;
    let told = |(case, outcome): &(&Case, Result<()>)| Some(format!("{}: {:#}", case.name, outcome.as_ref().err()?));
    let failed: Vec<String> = outcomes.iter().filter_map(told).collect();
    golden::tell(&format!(
        "golden_runs: {} recorded runs repeated, {} wait for {:?}",
        cases.len() - failed.len(),
        waiting.len(),
        to_come.keys()
    ));
    ensure!(failed.is_empty(), "{} of {} differ:\n{}", failed.len(), cases.len(), failed.join("\n"));
    Ok(())
}

async fn repeat(cluster: &Cluster, case: &Case, ensembles: &[(String, Ensemble)]) -> Result<()> {
    let (name, _) = ensembles.iter().find(|(_, known)| *known == case.ensemble()).context("no ensemble")?;
    let mut request = answer::chat(case.messages(), case.max_tokens);
    request.ensemble.clone_from(name);
    compare::answer(case, &cluster.ask(request).await?)
}

/// One for each distinct policy.
fn ensembles(cases: &[Case]) -> Vec<(String, Ensemble)> {
    let mut distinct: Vec<(String, Ensemble)> = Vec::new();
    for ensemble in cases.iter().map(Case::ensemble) {
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
        let config: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("config.json"))?)?;
        let Some(family) = config["model_type"].as_str() else { bail!("{} names no family", folder.display()) };
        if families.contains(&family) {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            members.insert(name, folder);
        }
    }
    Ok(members)
}

fn cases(runs: &Path) -> Result<Vec<Case>> {
    let mut paths = fs::read_dir(runs)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    let case = |path: &PathBuf| serde_json::from_slice(&fs::read(path)?).with_context(|| path.display().to_string());
    paths.iter().map(case).collect()
}
