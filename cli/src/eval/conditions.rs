//! What the answers of an evaluation depend on: they are together in one folder only if these are the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Conditions {
    /// Of this program.
    pub(super) version: String,
    /// Digests of the files of questions, asked or not, by file name.
    pub(super) files: BTreeMap<String, BTreeSet<String>>,
    /// By member: what tells it from another of this name.
    pub(super) models: BTreeMap<String, Value>,
    /// The ensemble's settings, without its strategies.
    pub(super) ensemble: Value,
    /// By name. Others may join them later.
    pub(super) strategies: BTreeMap<String, Value>,
    pub(super) max_tokens: Option<u32>,
    pub(super) stop: Vec<String>,
    pub(super) temperature: f32,
    /// No condition where nothing is sampled.
    pub(super) seed: u64,
    /// Of the last run. Times depend on it, answers do not: no condition.
    pub(super) concurrency: usize,
    /// Why strategies do not take questions of a form: by form, by strategy. It follows from the rest.
    pub(super) refused: BTreeMap<String, BTreeMap<String, String>>,
}

/// The kind of strategies that take samples whatever the temperature is.
const SAMPLING: &str = "self_fuse";

/// A setting that is another now.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} was {before}, and is {now}")]
pub(crate) struct Difference {
    /// Its path, such as "ensemble.exit.rule".
    name: String,
    before: String,
    now: String,
}

impl Conditions {
    /// The first difference from those of an earlier run, but for strategies that only one of the two has.
    pub(super) fn difference(&self, before: &Self) -> serde_json::Result<Option<Difference>> {
        let both_sample = self.samples() && before.samples();
        let shared = |mine: &Self, other: &Self| {
            let mut kept = mine.clone();
            kept.strategies.retain(|name, _| other.strategies.contains_key(name));
            kept.concurrency = 0;
            kept.refused = BTreeMap::new();
            kept.seed = if both_sample { mine.seed } else { 0 };
            serde_json::to_value(kept)
        };
        Ok(difference("", &shared(before, self)?, &shared(self, before)?))
    }

    fn samples(&self) -> bool {
        let samples = |strategy: &Value| strategy.get("kind").and_then(Value::as_str) == Some(SAMPLING);
        self.temperature > 0.0 || self.strategies.values().any(samples)
    }

    /// With the strategies of an earlier run that this one does not ask.
    pub(super) fn joined(mut self, before: Self) -> Self {
        if before.samples() && !self.samples() {
            self.seed = before.seed;
        }
        for (name, strategy) in before.strategies {
            self.strategies.entry(name).or_insert(strategy);
        }
        self.refused.extend(before.refused);
        self
    }
}

fn difference(name: &str, before: &Value, now: &Value) -> Option<Difference> {
    let (Value::Object(a), Value::Object(b)) = (before, now) else {
        let (before, now) = (before.to_string(), now.to_string());
        return (before != now).then(|| Difference { name: name.to_owned(), before, now });
    };
    a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).find_map(|key| {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        difference(&name, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::eval) fn conditions() -> Conditions {
        Conditions {
            version: "1.0.0".to_owned(),
            files: BTreeMap::from([("set.jsonl".to_owned(), BTreeSet::from(["12ab".to_owned()]))]),
            models: BTreeMap::from([("a".to_owned(), json!("34cd"))]),
            ensemble: json!({ "exit": { "rule": "never" } }),
            strategies: BTreeMap::from([("fuse".to_owned(), json!({ "kind": "fuse" }))]),
            max_tokens: None,
            stop: Vec::new(),
            temperature: 0.0,
            seed: 0,
            concurrency: 8,
            refused: BTreeMap::new(),
        }
    }

    fn said(change: impl FnOnce(&mut Conditions)) -> Option<String> {
        let mut now = conditions();
        change(&mut now);
        now.difference(&conditions()).unwrap().map(|difference| difference.to_string())
    }

    #[test]
    fn the_setting_that_differs_is_named_with_both_values() {
        assert_eq!(said(|_| {}), None);
        let rule = said(|now| now.ensemble = json!({ "exit": { "rule": "cumulative", "tau": 2 } }));
        assert_eq!(rule.unwrap(), "ensemble.exit.rule was \"never\", and is \"cumulative\"");
        assert_eq!(said(|now| now.max_tokens = Some(9)).unwrap(), "max_tokens was null, and is 9");
        let models = said(|now| now.models = BTreeMap::new());
        assert_eq!(models.unwrap(), "models.a was \"34cd\", and is null");
    }

    #[test]
    fn a_seed_counts_where_something_is_sampled_and_concurrency_nowhere() {
        assert_eq!(said(|now| (now.seed, now.concurrency) = (7, 1)), None);
        let sampled = || Conditions { temperature: 0.5, ..conditions() };
        let other = Conditions { seed: 7, ..sampled() };
        assert_eq!(other.difference(&sampled()).unwrap().unwrap().to_string(), "seed was 0, and is 7");
        let twins = || {
            let strategies = BTreeMap::from([("twins".to_owned(), json!({ "kind": SAMPLING }))]);
            Conditions { strategies, ..conditions() }
        };
        assert!(Conditions { seed: 7, ..twins() }.difference(&twins()).unwrap().is_some());
        assert!(Conditions { seed: 7, ..twins() }.difference(&conditions()).unwrap().is_none());
        assert_eq!(Conditions { seed: 7, ..conditions() }.joined(twins()).seed, 0);
    }

    #[test]
    fn files_are_named() {
        let more = said(|now| drop(now.files.insert("more.jsonl".to_owned(), BTreeSet::from(["56".to_owned()]))));
        assert_eq!(more.unwrap(), "files.more.jsonl was null, and is [\"56\"]");
    }

    #[test]
    fn a_strategy_may_join_but_not_change() {
        let vote = json!({ "kind": "vote" });
        assert_eq!(said(|now| now.strategies = BTreeMap::from([("vote".to_owned(), vote.clone())])), None);
        let changed = said(|now| now.strategies = BTreeMap::from([("fuse".to_owned(), vote.clone())]));
        assert_eq!(changed.unwrap(), "strategies.fuse.kind was \"fuse\", and is \"vote\"");
        let mut now = conditions();
        now.strategies = BTreeMap::from([("vote".to_owned(), vote)]);
        assert_eq!(now.joined(conditions()).strategies.into_keys().collect::<Vec<_>>(), ["fuse", "vote"]);
    }
}
