//! A recorded run, as its file has it: the request, every round, the end.
//!
//! Read only: what a test makes of a run, and how it compares, is the test's.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct Run {
    pub name: String,
    pub members: Vec<String>,
    pub messages: Vec<Message>,
    #[serde(default = "ten")]
    pub segment_tokens: u32,
    pub max_tokens: u32,
    #[serde(default)]
    pub score: Score,
    #[serde(default)]
    pub exit: Exit,
    #[serde(default)]
    pub weights: Weights,
    #[serde(default = "one")]
    pub min_members: usize,
    pub rounds: Vec<Round>,
    pub text: String,
    pub finish_reason: String,
    pub completion_tokens: u32,
    pub members_per_round: f64,
}

#[derive(Debug, Deserialize)]
pub struct Message {
    pub role: String,
    pub content: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    #[default]
    MeanLogprob,
    MeanProb,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    pub policy: ExitPolicy,
    pub rounds: Option<u32>,
    pub theta: Option<f64>,
    pub tau: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitPolicy {
    #[default]
    Cumulative,
    NoEntropy,
    Never,
    FirstRounds,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Weights {
    Named(NamedWeights),
    Hedge { rate: f64 },
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedWeights {
    Uniform,
}

#[derive(Debug, Deserialize)]
pub struct Round {
    pub round: u32,
    pub active: Vec<String>,
    /// The text before the round.
    pub accepted: String,
    pub drafts: Vec<Draft>,
    pub candidates: Vec<Candidate>,
    pub scored: bool,
    #[serde(default)]
    pub scores: Vec<Scores>,
    #[serde(default)]
    pub aggregate: Vec<f64>,
    pub weights: Option<BTreeMap<String, f64>>,
    pub entropy: Option<f64>,
    pub keep: Option<BTreeMap<String, f64>>,
    pub quality: Option<BTreeMap<String, f64>>,
    pub exits: Vec<String>,
    pub winner: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Draft {
    pub member: String,
    pub text: String,
    pub finished: bool,
    pub tokens: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Candidate {
    pub text: String,
    pub finished: bool,
    pub authors: Vec<String>,
}

/// One scorer's row: an entry for each candidate.
#[derive(Debug, Deserialize)]
pub struct Scores {
    pub member: String,
    /// Under the run's own rule.
    pub mean: Vec<f64>,
    /// Numbers of terms.
    pub tokens: Vec<u32>,
    pub sum_logprob: Vec<f64>,
}

/// Every run of a golden folder, in order of their files' names; there is at least one.
pub fn runs(golden: &Path) -> Result<Vec<Run>> {
    let folder = golden.join("runs");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    ensure!(!paths.is_empty(), "no recorded run in {}", folder.display());
    let run = |path: &PathBuf| serde_json::from_slice(&fs::read(path)?).with_context(|| path.display().to_string());
    paths.iter().map(run).collect()
}

impl Default for Weights {
    fn default() -> Self {
        Self::Named(NamedWeights::Uniform)
    }
}

impl Round {
    /// What the round adds to the completion: the tokens its winner's first author drafted.
    pub fn completion_tokens(&self) -> u32 {
        let author = self.candidates.get(self.winner).and_then(|winner| winner.authors.first());
        self.drafts.iter().find(|draft| Some(&draft.member) == author).map_or(0, |draft| draft.tokens)
    }
}

fn ten() -> u32 {
    10
}

fn one() -> usize {
    1
}
