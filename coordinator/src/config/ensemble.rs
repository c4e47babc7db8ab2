//! One `[ensembles.NAME]` table: its defaults, its bounds, and the [`Ensemble`] it becomes.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;
use specfuse_core::policy::{ExitPolicy, ExitRule, Policy, ScoreRule, WeightRule};

use super::{Misfit, is_name, repeated};

/// A named, ordered list of members and how they work together.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    pub name: Arc<str>,
    /// What workers call their models, in the ensemble's order; 1 to 64, distinct.
    pub members: Vec<Arc<str>>,
    pub policy: Policy,
    /// For requests that name none.
    pub default_max_tokens: NonZeroU32,
    pub max_tokens_limit: NonZeroU32,
    pub draft_timeout: Duration,
    pub score_timeout: Duration,
    /// How long a quorum of drafts or scores waits for the others; no longer than their timeouts.
    pub straggler_grace: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEnsemble {
    members: Vec<String>,
    #[serde(default = "defaults::segment_tokens")]
    segment_tokens: u32,
    #[serde(default)]
    score: RawScore,
    #[serde(default)]
    exit: RawExit,
    #[serde(default)]
    weights: RawWeights,
    #[serde(default = "defaults::quorum")]
    quorum: usize,
    #[serde(default = "defaults::min_members")]
    min_members: usize,
    #[serde(default = "defaults::max_strikes")]
    max_strikes: u32,
    #[serde(default = "defaults::max_tokens")]
    max_tokens: u32,
    #[serde(default = "defaults::max_tokens_limit")]
    max_tokens_limit: u32,
    #[serde(default = "defaults::timeout", with = "humantime_serde")]
    draft_timeout: Duration,
    #[serde(default = "defaults::timeout", with = "humantime_serde")]
    score_timeout: Duration,
    #[serde(default = "defaults::straggler_grace", with = "humantime_serde")]
    straggler_grace: Duration,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawScore {
    #[default]
    MeanLogprob,
    MeanProb,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawExit {
    rule: RawExitRule,
    rounds: Option<u32>,
    theta: f64,
    tau: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawExitRule {
    Cumulative,
    NoEntropy,
    Never,
    FirstRounds,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawWeights {
    rule: RawWeightRule,
    rate: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawWeightRule {
    #[default]
    Uniform,
    Hedge,
}

mod defaults {
    use std::time::Duration;

    pub(super) fn segment_tokens() -> u32 {
        10
    }
    pub(super) fn quorum() -> usize {
        1
    }
    pub(super) fn min_members() -> usize {
        1
    }
    pub(super) fn max_strikes() -> u32 {
        3
    }
    pub(super) fn max_tokens() -> u32 {
        256
    }
    pub(super) fn max_tokens_limit() -> u32 {
        4096
    }
    pub(super) fn timeout() -> Duration {
        Duration::from_secs(30)
    }
    pub(super) fn straggler_grace() -> Duration {
        Duration::from_secs(3600)
    }
}

impl Default for RawExit {
    fn default() -> Self {
        Self { rule: RawExitRule::Cumulative, rounds: None, theta: 0.5, tau: 1.0 }
    }
}

impl RawEnsemble {
    /// Keys in errors are relative to the ensemble's table.
    pub(super) fn check(self, name: &str) -> Result<Ensemble, Misfit> {
        if !is_name(name) {
            return Err(Misfit::new("name", "a name is 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'"));
        }
        let members = self.members.len();
        if !(1..=64).contains(&members) {
            return Err(Misfit::new("members", format!("there are {members}, there may be 1 to 64")));
        }
        if self.members.iter().any(String::is_empty) {
            return Err(Misfit::new("members", "a member's name is not empty"));
        }
        if let Some(twice) = repeated(&self.members) {
            return Err(Misfit::new("members", format!("{twice:?} is there twice")));
        }
        let max_tokens_limit = count("max_tokens_limit", self.max_tokens_limit, 1..=1_000_000)?;
        let policy = Policy {
            segment_tokens: count("segment_tokens", self.segment_tokens, 1..=256)?,
            score: self.score.rule(),
            exit: self.exit.policy().map_err(|misfit| misfit.under("exit"))?,
            weights: self.weights.rule().map_err(|misfit| misfit.under("weights"))?,
            quorum: of_members("quorum", self.quorum, members)?,
            min_members: of_members("min_members", self.min_members, members)?,
            max_strikes: count("max_strikes", self.max_strikes, 1..=1_000_000)?,
        };
        Ok(Ensemble {
            name: name.into(),
            policy,
            default_max_tokens: count("max_tokens", self.max_tokens, 1..=max_tokens_limit.get())?,
            max_tokens_limit,
            draft_timeout: timeout("draft_timeout", self.draft_timeout)?,
            score_timeout: timeout("score_timeout", self.score_timeout)?,
            straggler_grace: timeout("straggler_grace", self.straggler_grace)?,
            members: self.members.into_iter().map(Arc::from).collect(),
        })
    }
}

impl RawScore {
    fn rule(self) -> ScoreRule {
        match self {
            Self::MeanLogprob => ScoreRule::MeanLogprob,
            Self::MeanProb => ScoreRule::MeanProb,
        }
    }
}

impl RawExit {
    fn policy(self) -> Result<ExitPolicy, Misfit> {
        let rule = match (self.rule, self.rounds) {
            (RawExitRule::FirstRounds, Some(rounds)) if rounds > 0 => ExitRule::FirstRounds { rounds },
            (RawExitRule::FirstRounds, _) => {
                return Err(Misfit::new("rounds", "the rule \"first_rounds\" needs a number of rounds, at least 1"));
            }
            (_, Some(_)) => return Err(Misfit::new("rounds", "only the rule \"first_rounds\" has it")),
            (RawExitRule::Cumulative, None) => ExitRule::Cumulative,
            (RawExitRule::NoEntropy, None) => ExitRule::NoEntropy,
            (RawExitRule::Never, None) => ExitRule::Never,
        };
        if !(0.0..=1.0).contains(&self.theta) {
            return Err(outside("theta", self.theta, &(0.0..=1.0)));
        }
        if !(0.001..=1000.0).contains(&self.tau) {
            return Err(outside("tau", self.tau, &(0.001..=1000.0)));
        }
        Ok(ExitPolicy { rule, theta: self.theta, tau: self.tau })
    }
}

impl RawWeights {
    fn rule(self) -> Result<WeightRule, Misfit> {
        match (self.rule, self.rate) {
            (RawWeightRule::Uniform, None) => Ok(WeightRule::Uniform),
            (RawWeightRule::Uniform, Some(_)) => Err(Misfit::new("rate", "only the rule \"hedge\" has it")),
            (RawWeightRule::Hedge, rate) => {
                let rate = rate.unwrap_or(10.0);
                let allowed = 0.0..=1000.0;
                if allowed.contains(&rate) {
                    Ok(WeightRule::Hedge { rate })
                } else {
                    Err(outside("rate", rate, &allowed))
                }
            }
        }
    }
}

fn count(key: &str, value: u32, allowed: RangeInclusive<u32>) -> Result<NonZeroU32, Misfit> {
    NonZeroU32::new(value).filter(|value| allowed.contains(&value.get())).ok_or_else(|| outside(key, value, &allowed))
}

fn of_members(key: &str, value: usize, members: usize) -> Result<NonZeroUsize, Misfit> {
    NonZeroUsize::new(value).filter(|value| value.get() <= members).ok_or_else(|| outside(key, value, &(1..=members)))
}

fn timeout(key: &str, value: Duration) -> Result<Duration, Misfit> {
    let allowed = Duration::from_millis(1)..=Duration::from_secs(3600);
    if allowed.contains(&value) { Ok(value) } else { Err(Misfit::new(key, format!("{value:?} is not in 1ms to 1h"))) }
}

fn outside<T: std::fmt::Display>(key: &str, value: T, allowed: &RangeInclusive<T>) -> Misfit {
    Misfit::new(key, format!("{value} is not in {} to {}", allowed.start(), allowed.end()))
}
