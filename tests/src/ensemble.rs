//! An ensemble's settings as the coordinator's configuration file has them.

use std::num::{NonZeroU32, NonZeroUsize};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use specfuse_core::policy::{ExitPolicy, ExitRule, Policy, ScoreRule, WeightRule};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ensemble {
    /// Empty: every member of the cluster.
    pub members: Vec<String>,
    pub segment_tokens: u32,
    pub score: String,
    pub exit: Exit,
    pub weights: Weights,
    pub quorum: usize,
    pub min_members: usize,
    pub max_strikes: u32,
    /// Long: a busy machine must not look like a failing member.
    pub draft_timeout: String,
    pub score_timeout: String,
    pub straggler_grace: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exit {
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    pub theta: f64,
    pub tau: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weights {
    pub rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

impl Default for Ensemble {
    fn default() -> Self {
        Self {
            members: Vec::new(),
            segment_tokens: 10,
            score: "mean_logprob".to_owned(),
            exit: Exit { rule: "cumulative".to_owned(), rounds: None, theta: 0.5, tau: 1.0 },
            weights: Weights { rule: "uniform".to_owned(), rate: None },
            quorum: 1,
            min_members: 1,
            max_strikes: 3,
            draft_timeout: "120s".to_owned(),
            score_timeout: "120s".to_owned(),
            straggler_grace: "120s".to_owned(),
        }
    }
}

impl Ensemble {
    /// Nobody leaves for the quality of its segments.
    pub fn nobody_leaves() -> Self {
        let mut ensemble = Self::default();
        ensemble.exit.rule = "never".to_owned();
        ensemble
    }

    pub fn segments_of(mut self, tokens: u32) -> Self {
        self.segment_tokens = tokens;
        self
    }

    /// The same settings in the words of the round logic.
    pub fn policy(&self) -> Result<Policy> {
        let rule = match (self.exit.rule.as_str(), self.exit.rounds) {
            ("cumulative", None) => ExitRule::Cumulative,
            ("no_entropy", None) => ExitRule::NoEntropy,
            ("never", None) => ExitRule::Never,
            ("first_rounds", Some(rounds)) => ExitRule::FirstRounds { rounds },
            other => bail!("no exit rule: {other:?}"),
        };
        let weights = match (self.weights.rule.as_str(), self.weights.rate) {
            ("uniform", None) => WeightRule::Uniform,
            ("hedge", rate) => WeightRule::Hedge { rate: rate.unwrap_or(10.0) },
            other => bail!("no weight rule: {other:?}"),
        };
        let score = match self.score.as_str() {
            "mean_logprob" => ScoreRule::MeanLogprob,
            "mean_prob" => ScoreRule::MeanProb,
            other => bail!("no score rule: {other}"),
        };
        Ok(Policy {
            segment_tokens: NonZeroU32::new(self.segment_tokens).context("no segment tokens")?,
            score,
            exit: ExitPolicy { rule, theta: self.exit.theta, tau: self.exit.tau },
            weights,
            quorum: NonZeroUsize::new(self.quorum).context("no quorum")?,
            min_members: NonZeroUsize::new(self.min_members).context("no members need stay")?,
            max_strikes: NonZeroU32::new(self.max_strikes).context("no strikes")?,
            ..Policy::default()
        })
    }
}
