//! The keys of an ensemble that say how rounds are decided: their defaults, their bounds, and the [`Policy`] they become. A strategy
//! may have its own of them.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    ops::RangeInclusive,
    sync::Arc,
};

use serde::{
    Deserialize,
    de::{DeserializeOwned, IntoDeserializer, value::Error},
};
use specfuse_core::policy::{Calibration, ExitPolicy, ExitRule, Policy, RankRule, ScoreRule, Voters, WeightRule};

use super::{Misfit, count, ensemble, of_members, outside, read, unknown_key};

/// Every key of [`RawPolicy`].
pub(super) const KEYS: &[&str] = &[
    "segment_tokens",
    "score",
    "rank",
    "exit",
    "weights",
    "self_votes",
    "gate",
    "budget",
    "calibrate",
    "quorum",
    "min_members",
    "max_strikes",
];

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawPolicy {
    segment_tokens: u32,
    score: ScoreRule,
    rank: RawRank,
    exit: RawExit,
    weights: RawWeights,
    self_votes: bool,
    gate: Switched<f64>,
    budget: Switched<u32>,
    calibrate: BTreeMap<String, RawCalibration>,
    quorum: usize,
    min_members: usize,
    max_strikes: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawRank {
    rule: RawRankRule,
    alpha: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawRankRule {
    #[default]
    Cross,
    Author,
    Blend,
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
    Reliability,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCalibration {
    scale: f64,
    #[serde(default)]
    shift: f64,
}

/// A number, or `false` for none: so that a strategy can do without what its ensemble has.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "a number or false is expected")]
enum Switched<T> {
    Off(bool),
    At(T),
}

/// Of a table that may have an ensemble's other keys, which are told: for drafts that are there already.
pub(super) fn alone(table: toml::Table, members: &[Arc<str>]) -> Result<(Policy, Vec<String>), Misfit> {
    let (table, others): (toml::Table, toml::Table) =
        table.into_iter().partition(|(key, _)| KEYS.contains(&key.as_str()));
    if let Some(unknown) = others.keys().find(|key| !ensemble::KEYS.contains(&key.as_str()) && *key != "strategies") {
        return Err(unknown_key(unknown, &[KEYS]).or_under("top level"));
    }
    if table.contains_key("segment_tokens") {
        return Err(Misfit::new("segment_tokens", "the drafts are as long as they are: it cannot be another"));
    }
    idle(&table)?;
    Ok((read::<RawPolicy>(table)?.check(members)?, others.keys().cloned().collect()))
}

/// Keys that have no effect where nobody is asked to score.
const OF_SCORES: &[&str] = &["score", "weights", "self_votes", "gate"];

/// An error where a table says something that it makes idle itself.
pub(super) fn idle(table: &toml::Table) -> Result<(), Misfit> {
    let rule = table.get("rank").and_then(|rank| rank.get("rule")).and_then(toml::Value::as_str);
    let idle = OF_SCORES.iter().find(|key| rule == Some("author") && table.contains_key(**key));
    match idle {
        Some(key) => Err(Misfit::new(key, "nobody is asked to score where rank.rule is \"author\"")),
        None => Ok(()),
    }
}

impl Default for RawPolicy {
    fn default() -> Self {
        Self {
            segment_tokens: 10,
            score: ScoreRule::default(),
            rank: RawRank::default(),
            exit: RawExit::default(),
            weights: RawWeights::default(),
            self_votes: true,
            gate: Switched::Off(false),
            budget: Switched::Off(false),
            calibrate: BTreeMap::new(),
            quorum: 1,
            min_members: 1,
            max_strikes: 3,
        }
    }
}

impl Default for RawExit {
    fn default() -> Self {
        Self { rule: RawExitRule::Cumulative, rounds: None, theta: 0.5, tau: 1.0 }
    }
}

impl RawPolicy {
    /// `members`: the ensemble's.
    pub(super) fn check(self, members: &[Arc<str>]) -> Result<Policy, Misfit> {
        let count_of_members = members.len();
        Ok(Policy {
            segment_tokens: segment_tokens(self.segment_tokens)?,
            whole: false,
            score: self.score,
            rank: self.rank.rule().map_err(|misfit| misfit.under("rank"))?,
            exit: self.exit.policy().map_err(|misfit| misfit.under("exit"))?,
            weights: self.weights.rule().map_err(|misfit| misfit.under("weights"))?,
            voters: if self.self_votes { Voters::Everyone } else { Voters::Others },
            gate: self.gate.value("gate")?.map(gate).transpose()?,
            budget: self.budget.value("budget")?.map(|calls| budget(calls, count_of_members)).transpose()?,
            calibration: calibration(&self.calibrate, members).map_err(|misfit| misfit.under("calibrate"))?,
            quorum: of_members("quorum", self.quorum, count_of_members)?,
            min_members: min_members(self.min_members, count_of_members)?,
            max_strikes: count("max_strikes", self.max_strikes, 1..=1_000_000)?,
        })
    }
}

impl<T> Switched<T> {
    fn value(self, key: &str) -> Result<Option<T>, Misfit> {
        match self {
            Self::Off(false) => Ok(None),
            Self::Off(true) => Err(Misfit::new(key, "a number or false is expected")),
            Self::At(value) => Ok(Some(value)),
        }
    }
}

pub(crate) fn segment_tokens(given: u32) -> Result<NonZeroU32, Misfit> {
    count("segment_tokens", given, 1..=256)
}

/// Of an ensemble of so many `members`.
pub(crate) fn min_members(given: usize, members: usize) -> Result<NonZeroUsize, Misfit> {
    of_members("min_members", given, members)
}

pub(crate) fn theta(given: f64) -> Result<f64, Misfit> {
    within("theta", given, 0.0..=1.0)
}

pub(crate) fn tau(given: f64) -> Result<f64, Misfit> {
    within("tau", given, 0.001..=1000.0)
}

pub(crate) fn score(name: &str) -> Result<ScoreRule, Misfit> {
    let unknown = || Misfit::new("score", format!("{name:?} is not one of \"mean_logprob\" and \"mean_prob\""));
    named(name).ok_or_else(unknown)
}

/// A rule that needs nothing but its name.
pub(crate) fn exit(name: &str) -> Result<ExitRule, Misfit> {
    match named(name) {
        Some(RawExitRule::Cumulative) => Ok(ExitRule::Cumulative),
        Some(RawExitRule::NoEntropy) => Ok(ExitRule::NoEntropy),
        Some(RawExitRule::Never) => Ok(ExitRule::Never),
        Some(RawExitRule::FirstRounds) | None => {
            let problem = format!("{name:?} is not one of \"cumulative\", \"no_entropy\" and \"never\"");
            Err(Misfit::new("exit", problem))
        }
    }
}

/// NaN is in no range.
fn within(key: &str, value: f64, allowed: RangeInclusive<f64>) -> Result<f64, Misfit> {
    if allowed.contains(&value) { Ok(value) } else { Err(outside(key, value, &allowed)) }
}

fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    T::deserialize(IntoDeserializer::<Error>::into_deserializer(name)).ok()
}

/// Of calibrated log-probabilities, which may be above 0.
fn gate(bound: f64) -> Result<f64, Misfit> {
    within("gate", bound, -100.0..=100.0)
}

/// A first round of everyone, drafts and scores, and one call to write the rest.
fn budget(calls: u32, members: usize) -> Result<NonZeroU32, Misfit> {
    let least = u32::try_from(members).unwrap_or(u32::MAX).saturating_mul(2).saturating_add(1);
    count("budget", calls, least..=1_000_000)
}

fn calibration(given: &BTreeMap<String, RawCalibration>, members: &[Arc<str>]) -> Result<Vec<Calibration>, Misfit> {
    if let Some(stranger) = given.keys().find(|name| !members.iter().any(|member| **member == ***name)) {
        return Err(Misfit::new(stranger, "the ensemble has no such member"));
    }
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let of = |member: &Arc<str>| match given.get(&**member) {
        None => Ok(Calibration::NONE),
        Some(raw) => checked(*raw).map_err(|misfit| misfit.under(member)),
    };
    members.iter().map(of).collect()
}

fn checked(raw: RawCalibration) -> Result<Calibration, Misfit> {
    let scale = within("scale", raw.scale, 0.01..=100.0)?;
    Ok(Calibration { scale, shift: within("shift", raw.shift, -20.0..=20.0)? })
}

impl RawRank {
    fn rule(self) -> Result<RankRule, Misfit> {
        match (self.rule, self.alpha) {
            (RawRankRule::Blend, Some(alpha)) => Ok(RankRule::Blend { alpha: within("alpha", alpha, 0.0..=1.0)? }),
            (RawRankRule::Blend, None) => Err(Misfit::new("alpha", "the rule \"blend\" needs it, in 0 to 1")),
            (_, Some(_)) => Err(Misfit::new("alpha", "only the rule \"blend\" has it")),
            (RawRankRule::Cross, None) => Ok(RankRule::Cross),
            (RawRankRule::Author, None) => Ok(RankRule::Author),
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
        Ok(ExitPolicy { rule, theta: theta(self.theta)?, tau: tau(self.tau)? })
    }
}

impl RawWeights {
    fn rule(self) -> Result<WeightRule, Misfit> {
        match (self.rule, self.rate) {
            (RawWeightRule::Uniform, None) => Ok(WeightRule::Uniform),
            (RawWeightRule::Reliability, None) => Ok(WeightRule::Reliability),
            (RawWeightRule::Uniform | RawWeightRule::Reliability, Some(_)) => {
                Err(Misfit::new("rate", "only the rule \"hedge\" has it"))
            }
            (RawWeightRule::Hedge, rate) => {
                Ok(WeightRule::Hedge { rate: within("rate", rate.unwrap_or(10.0), 0.0..=1000.0)? })
            }
        }
    }
}
