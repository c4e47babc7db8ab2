//! One `[ensembles.NAME]` table: its defaults, its bounds, and the [`Ensemble`] it becomes.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use serde::Deserialize;
use specfuse_core::policy::Policy;

use super::{
    Misfit, count, is_name,
    policy::{self, RawPolicy},
    read, repeated, strategies, timeout, unknown_key,
};
use crate::strategy::{Adjustable, Strategy};

/// A named, ordered list of members and how they work together.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    pub name: Arc<str>,
    /// What workers call their models, in the ensemble's order; 1 to 64, distinct.
    pub members: Vec<Arc<str>>,
    /// Of the strategy "fuse", unless that is defined otherwise.
    pub policy: Policy,
    /// By name; those that every ensemble has among them.
    pub strategies: BTreeMap<String, Arc<Strategy>>,
    /// Of requests that name none.
    pub strategy: Arc<Strategy>,
    /// What requests may change of a strategy's policy, in the order of the contract.
    pub adjustable: Vec<Adjustable>,
    /// For requests that name none.
    pub default_max_tokens: NonZeroU32,
    pub max_tokens_limit: NonZeroU32,
    /// For a segment.
    pub draft_timeout: Duration,
    pub score_timeout: Duration,
    /// For a whole answer, drafted or scored.
    pub answer_timeout: Duration,
    /// How long a quorum of drafts or scores waits for the others; no longer than their timeouts.
    pub straggler_grace: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEnsemble {
    members: Vec<String>,
    #[serde(default = "defaults::strategy")]
    strategy: String,
    #[serde(default = "defaults::adjustable")]
    adjustable: Vec<String>,
    #[serde(default = "defaults::max_tokens")]
    max_tokens: u32,
    #[serde(default = "defaults::max_tokens_limit")]
    max_tokens_limit: u32,
    #[serde(default = "defaults::timeout", with = "humantime_serde")]
    draft_timeout: Duration,
    #[serde(default = "defaults::timeout", with = "humantime_serde")]
    score_timeout: Duration,
    #[serde(default = "defaults::answer_timeout", with = "humantime_serde")]
    answer_timeout: Duration,
    #[serde(default = "defaults::straggler_grace", with = "humantime_serde")]
    straggler_grace: Duration,
}

/// Every key of [`RawEnsemble`].
pub(super) const KEYS: &[&str] = &[
    "members",
    "strategy",
    "adjustable",
    "max_tokens",
    "max_tokens_limit",
    "draft_timeout",
    "score_timeout",
    "answer_timeout",
    "straggler_grace",
];

mod defaults {
    use std::time::Duration;

    use crate::strategy::Adjustable;

    pub(super) fn strategy() -> String {
        "fuse".to_owned()
    }
    pub(super) fn adjustable() -> Vec<String> {
        Adjustable::ALL.map(|field| field.name().to_owned()).into()
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
    pub(super) fn answer_timeout() -> Duration {
        Duration::from_secs(120)
    }
    pub(super) fn straggler_grace() -> Duration {
        Duration::from_secs(3600)
    }
}

/// Keys in errors are relative to the ensemble's table.
pub(super) fn check(name: &str, mut table: toml::Table) -> Result<Ensemble, Misfit> {
    if !is_name(name) {
        return Err(Misfit::new("name", "a name is 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'"));
    }
    let named = table.remove("strategies");
    let (of_policy, rest): (toml::Table, toml::Table) =
        table.into_iter().partition(|(key, _)| policy::KEYS.contains(&key.as_str()));
    if let Some(unknown) = rest.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown_key(unknown, &[KEYS, policy::KEYS, &["strategies"]]));
    }
    policy::idle(&of_policy)?;
    let raw: RawEnsemble = read(rest)?;
    let members = members(&raw.members)?;
    let policy = read::<RawPolicy>(of_policy.clone())?.check(&members)?;
    let strategies = strategies::check(named, &of_policy, &members).map_err(|misfit| misfit.under("strategies"))?;
    let known = || strategies.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let unknown = || Misfit::new("strategy", format!("there is no {:?}; there are: {}", raw.strategy, known()));
    let strategy = strategies.get(&raw.strategy).cloned().ok_or_else(unknown)?;
    let max_tokens_limit = count("max_tokens_limit", raw.max_tokens_limit, 1..=1_000_000)?;
    let default_max_tokens = count("max_tokens", raw.max_tokens, 1..=max_tokens_limit.get())?;
    strategy.takes(default_max_tokens).map_err(|refused| Misfit::new("strategy", refused.to_string()))?;
    Ok(Ensemble {
        name: name.into(),
        members,
        policy,
        strategies,
        strategy,
        adjustable: adjustable(&raw.adjustable)?,
        default_max_tokens,
        max_tokens_limit,
        draft_timeout: timeout("draft_timeout", raw.draft_timeout)?,
        score_timeout: timeout("score_timeout", raw.score_timeout)?,
        answer_timeout: timeout("answer_timeout", raw.answer_timeout)?,
        straggler_grace: timeout("straggler_grace", raw.straggler_grace)?,
    })
}

fn adjustable(names: &[String]) -> Result<Vec<Adjustable>, Misfit> {
    let is_known = |name: &&String| Adjustable::ALL.iter().any(|field| field.name() == **name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        let problem = format!("{unknown:?} is none of: {}", Adjustable::listed(&Adjustable::ALL));
        return Err(Misfit::new("adjustable", problem));
    }
    if let Some(twice) = repeated(names) {
        return Err(Misfit::new("adjustable", format!("{twice:?} is there twice")));
    }
    Ok(Adjustable::ALL.into_iter().filter(|field| names.iter().any(|name| name == field.name())).collect())
}

fn members(names: &[String]) -> Result<Vec<Arc<str>>, Misfit> {
    let members = names.len();
    if !(1..=64).contains(&members) {
        return Err(Misfit::new("members", format!("there are {members}, there may be 1 to 64")));
    }
    if names.iter().any(String::is_empty) {
        return Err(Misfit::new("members", "a member's name is not empty"));
    }
    if let Some(twice) = repeated(names) {
        return Err(Misfit::new("members", format!("{twice:?} is there twice")));
    }
    Ok(names.iter().map(|name| Arc::from(name.as_str())).collect())
}
