//! The strategies of an ensemble: those that each has, and those that `[ensembles.NAME.strategies.NAME]` tables define or replace.
//!
//! A strategy's table has its kind, the kind's own keys, and of the ensemble's keys those that the kind makes use of: what it does
//! not say is the ensemble's.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use serde::Deserialize;
use specfuse_core::member::MemberIndex;

use super::{
    Misfit, outside,
    policy::{self, RawPolicy},
    read, unknown_key,
};
use crate::strategy::{Kind, Strategy};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStrategy {
    kind: RawKind,
    member: Option<String>,
    samples: Option<usize>,
    temperature: Option<f32>,
    aggregator: Option<String>,
    layers: Option<usize>,
    rounds: Option<u32>,
}

/// Every key of [`RawStrategy`].
const KEYS: &[&str] = &["kind", "member", "samples", "temperature", "aggregator", "layers", "rounds"];

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawKind {
    Fuse,
    Single,
    BestOfN,
    SelfFuse,
    Mixture,
    Vote,
    Route,
}

impl RawKind {
    fn name(self) -> &'static str {
        match self {
            Self::Fuse => "fuse",
            Self::Single => "single",
            Self::BestOfN => "best_of_n",
            Self::SelfFuse => "self_fuse",
            Self::Mixture => "mixture",
            Self::Vote => "vote",
            Self::Route => "route",
        }
    }

    /// Keys that have an effect, `kind` apart.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Fuse => policy::KEYS,
            Self::Single => &["member", "segment_tokens", "max_strikes"],
            Self::BestOfN => &["score", "weights", "self_votes", "calibrate", "quorum", "max_strikes"],
            Self::SelfFuse => &["member", "samples", "temperature", "segment_tokens", "score", "max_strikes"],
            Self::Mixture => &["aggregator", "layers", "segment_tokens", "quorum", "max_strikes"],
            Self::Vote => &["calibrate", "quorum", "max_strikes"],
            Self::Route => {
                &["rounds", "segment_tokens", "score", "weights", "self_votes", "calibrate", "quorum", "max_strikes"]
            }
        }
    }
}

/// `ensemble`: its own keys of a policy. Keys in errors are relative to the table of strategies.
pub(super) fn check(
    named: Option<toml::Value>,
    ensemble: &toml::Table,
    members: &[Arc<str>],
) -> Result<BTreeMap<String, Arc<Strategy>>, Misfit> {
    let mut tables = of_every_ensemble(members);
    match named {
        None => {}
        Some(toml::Value::Table(named)) => {
            if let Some(odd) = named.keys().find(|name| !is_strategy_name(name) && !tables.contains_key(*name)) {
                return Err(Misfit::new(odd, "a name is 1 to 96 of a-z, A-Z, 0-9 and ._-/=,"));
            }
            tables.extend(named);
        }
        Some(_) => return Err(Misfit::new("", "one table for each strategy is expected")),
    }
    let mut strategies = BTreeMap::new();
    for (name, table) in tables {
        let strategy = strategy(&name, table, ensemble, members).map_err(|misfit| misfit.under(&name))?;
        strategies.insert(name, Arc::new(strategy));
    }
    Ok(strategies)
}

fn is_strategy_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '=' | ',');
    (1..=96).contains(&name.len()) && name.chars().all(plain)
}

fn of_every_ensemble(members: &[Arc<str>]) -> toml::Table {
    let table = |kind: RawKind| toml::Table::from_iter([("kind".to_owned(), kind.name().into())]);
    let kinds = [RawKind::Fuse, RawKind::BestOfN, RawKind::SelfFuse, RawKind::Mixture, RawKind::Vote, RawKind::Route];
    let named = kinds.into_iter().map(|kind| (kind.name().to_owned(), table(kind).into()));
    let singles = members.iter().map(|member| {
        let mut single = table(RawKind::Single);
        single.insert("member".to_owned(), (**member).into());
        (format!("single/{member}"), single.into())
    });
    named.chain(singles).collect()
}

fn strategy(name: &str, table: toml::Value, ensemble: &toml::Table, members: &[Arc<str>]) -> Result<Strategy, Misfit> {
    let toml::Value::Table(table) = table else { return Err(Misfit::new("", "a table is expected")) };
    let keys: Vec<String> = table.keys().cloned().collect();
    let (of_policy, own): (toml::Table, toml::Table) =
        table.into_iter().partition(|(key, _)| policy::KEYS.contains(&key.as_str()));
    if let Some(unknown) = own.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown_key(unknown, &[KEYS, policy::KEYS]));
    }
    policy::idle(&of_policy)?;
    let raw: RawStrategy = read(own)?;
    let allowed = raw.kind.keys();
    if let Some(idle) = keys.iter().find(|key| *key != "kind" && !allowed.contains(&key.as_str())) {
        let problem = format!("a strategy of kind {:?} has only: {}", raw.kind.name(), allowed.join(", "));
        return Err(Misfit::new(idle, problem));
    }
    let inherited = ensemble.iter().filter(|(key, _)| allowed.contains(&key.as_str()));
    let mut whole: toml::Table = inherited.map(|(key, value)| (key.clone(), value.clone())).collect();
    whole.extend(of_policy);
    let policy = read::<RawPolicy>(whole)?.check(members)?;
    Ok(Strategy::new(name, raw.kind(members)?, policy))
}

impl RawStrategy {
    fn kind(&self, members: &[Arc<str>]) -> Result<Kind, Misfit> {
        Ok(match self.kind {
            RawKind::Fuse => Kind::Fuse,
            RawKind::Single => Kind::Single { member: member("member", self.member.as_deref(), members)? },
            RawKind::BestOfN => Kind::BestOfN,
            RawKind::SelfFuse => Kind::SelfFuse {
                member: first_or("member", self.member.as_deref(), members)?,
                samples: some("samples", self.samples.unwrap_or(members.len().max(2)), 2, 64)?,
                temperature: temperature(self.temperature.unwrap_or(0.7))?,
            },
            RawKind::Mixture => Kind::Mixture {
                aggregator: first_or("aggregator", self.aggregator.as_deref(), members)?,
                layers: some("layers", self.layers.unwrap_or(1), 1, 8)?,
            },
            RawKind::Vote => Kind::Vote,
            RawKind::Route => match self.rounds.unwrap_or(1) {
                0 => return Err(Misfit::new("rounds", "at least 1")),
                rounds => Kind::Route { rounds },
            },
        })
    }
}

fn first_or(key: &str, name: Option<&str>, members: &[Arc<str>]) -> Result<MemberIndex, Misfit> {
    match name {
        None => Ok(MemberIndex(0)),
        Some(_) => member(key, name, members),
    }
}

fn member(key: &str, name: Option<&str>, members: &[Arc<str>]) -> Result<MemberIndex, Misfit> {
    let name = name.ok_or_else(|| Misfit::new(key, "a member must be named"))?;
    let place = members.iter().position(|member| **member == *name);
    place.map(MemberIndex).ok_or_else(|| Misfit::new(key, format!("the ensemble has no member {name:?}")))
}

fn some(key: &str, value: usize, least: usize, most: usize) -> Result<NonZeroUsize, Misfit> {
    let allowed = least..=most;
    NonZeroUsize::new(value).filter(|it| allowed.contains(&it.get())).ok_or_else(|| outside(key, value, &allowed))
}

/// Above 0: samples that are all alike tell nothing.
fn temperature(value: f32) -> Result<f32, Misfit> {
    let allowed = 0.01..=100.0;
    if allowed.contains(&value) { Ok(value) } else { Err(outside("temperature", value, &allowed)) }
}
