//! A recorded run as its file has it, and the request it stands for.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
};

use anyhow::{Context, Result};
use serde::Deserialize;
use specfuse_core::{
    generation::Request,
    member::MemberIndex,
    policy::{ExitPolicy, ExitRule, Policy, ScoreRule, WeightRule},
};

#[derive(Debug, Deserialize)]
pub(super) struct Case {
    members: Vec<String>,
    #[serde(default = "ten")]
    pub(super) segment_tokens: u32,
    pub(super) max_tokens: u32,
    #[serde(default)]
    pub(super) score: Rule,
    #[serde(default)]
    exit: RecordedExit,
    #[serde(default)]
    weights: RecordedWeights,
    #[serde(default = "one")]
    min_members: usize,
    pub(super) rounds: Vec<RecordedRound>,
    pub(super) text: String,
    pub(super) finish_reason: String,
    pub(super) completion_tokens: u32,
    pub(super) members_per_round: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    #[default]
    MeanLogprob,
    MeanProb,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedExit {
    policy: RecordedPolicy,
    rounds: Option<u32>,
    theta: Option<f64>,
    tau: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecordedPolicy {
    Cumulative,
    NoEntropy,
    Never,
    FirstRounds,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum RecordedWeights {
    #[default]
    Absent,
    Named(String),
    Hedge {
        rate: f64,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedRound {
    pub(super) round: u32,
    pub(super) active: Vec<String>,
    pub(super) accepted: String,
    pub(super) drafts: Vec<RecordedDraft>,
    pub(super) candidates: Vec<RecordedCandidate>,
    pub(super) scored: bool,
    #[serde(default)]
    pub(super) scores: Vec<RecordedScores>,
    #[serde(default)]
    pub(super) aggregate: Vec<f64>,
    pub(super) weights: Option<BTreeMap<String, f64>>,
    pub(super) entropy: Option<f64>,
    pub(super) keep: Option<BTreeMap<String, f64>>,
    pub(super) quality: Option<BTreeMap<String, f64>>,
    pub(super) exits: Vec<String>,
    pub(super) winner: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedDraft {
    member: String,
    pub(super) text: String,
    pub(super) finished: bool,
    pub(super) tokens: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedCandidate {
    pub(super) text: String,
    pub(super) finished: bool,
    pub(super) authors: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedScores {
    pub(super) member: String,
    pub(super) mean: Vec<f64>,
    pub(super) tokens: Vec<usize>,
    pub(super) sum_logprob: Vec<f64>,
}

impl Default for RecordedExit {
    fn default() -> Self {
        Self { policy: RecordedPolicy::Cumulative, rounds: None, theta: None, tau: None }
    }
}

impl Case {
    pub(super) fn request(&self) -> Result<Request> {
        Ok(Request {
            members: self.members.len(),
            policy: Policy {
                segment_tokens: NonZeroU32::new(self.segment_tokens).context("no segment tokens")?,
                score: match self.score {
                    Rule::MeanLogprob => ScoreRule::MeanLogprob,
                    Rule::MeanProb => ScoreRule::MeanProb,
                },
                exit: self.exit.policy()?,
                weights: self.weights.rule()?,
                min_members: NonZeroUsize::new(self.min_members).context("no members need stay")?,
                max_strikes: NonZeroU32::MIN,
            },
            max_tokens: NonZeroU32::new(self.max_tokens).context("no tokens asked for")?,
            stop: Vec::new(),
            seed: 0,
        })
    }

    pub(super) fn name(&self, member: MemberIndex) -> Result<&str> {
        Ok(self.members.get(member.0).with_context(|| format!("no member {member:?}"))?)
    }

    pub(super) fn names(&self, members: &[MemberIndex]) -> Result<Vec<&str>> {
        members.iter().map(|member| self.name(*member)).collect()
    }
}

impl RecordedExit {
    fn policy(&self) -> Result<ExitPolicy> {
        let rule = match self.policy {
            RecordedPolicy::Cumulative => ExitRule::Cumulative,
            RecordedPolicy::NoEntropy => ExitRule::NoEntropy,
            RecordedPolicy::Never => ExitRule::Never,
            RecordedPolicy::FirstRounds => {
                ExitRule::FirstRounds { rounds: self.rounds.context("first_rounds without rounds")? }
            }
        };
        Ok(ExitPolicy { rule, theta: self.theta.unwrap_or(0.5), tau: self.tau.unwrap_or(1.0) })
    }
}

impl RecordedWeights {
    fn rule(&self) -> Result<WeightRule> {
        match self {
            Self::Absent => Ok(WeightRule::Uniform),
            Self::Named(name) if name == "uniform" => Ok(WeightRule::Uniform),
            Self::Named(name) => anyhow::bail!("unknown weights {name}"),
            Self::Hedge { rate } => Ok(WeightRule::Hedge { rate: *rate }),
        }
    }
}

impl RecordedRound {
    /// What the round adds to the completion: the tokens its winner's first author drafted.
    pub(super) fn tokens(&self) -> u32 {
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
