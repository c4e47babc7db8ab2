//! Whom an evaluation asks: an ensemble, what it offers, and what is known of it that answers depend on. Of a cluster on this machine all
//! of that is known before it is started ([`offered`]).

mod offered;

use std::{collections::BTreeMap, io};

use serde_json::{Map, Value, json};
use specfuse_eval::report::{FUSE, SINGLE, Strategy};
use specfuse_proto::v1::GetClusterRequest;

use self::offered::OfferedError;
use super::digest;
use crate::{
    access::Access,
    cluster::Plan,
    ensembles::{self, EnsembleError},
    stream::StreamError,
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error(transparent)]
    Offered(#[from] OfferedError),
    #[error(transparent)]
    Call(#[from] StreamError),
    #[error("cannot read the model {0}")]
    Model(String, #[source] io::Error),
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    #[error("no strategy is named {0:?}; ensemble {1} has: {2}")]
    UnknownStrategy(String, String, String),
    #[error("cannot write down the ensemble's settings")]
    Settings(#[from] serde_json::Error),
}

#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) ensemble: String,
    offered: Vec<Strategy>,
    /// By member.
    pub(super) models: BTreeMap<String, Value>,
    /// The ensemble's, without its strategies.
    pub(super) settings: Value,
    /// Those with settings of their own.
    strategies: Map<String, Value>,
}

impl Target {
    /// A cluster that may be started.
    pub(super) fn planned(plan: &Plan) -> Result<Self, TargetError> {
        let (ensemble, offered) = offered::offered(plan)?;
        let mut models = BTreeMap::new();
        for model in &plan.models {
            let unreadable = |source| TargetError::Model(model.name.clone(), source);
            models.insert(model.name.clone(), json!(digest::of_model(&model.folder).map_err(unreadable)?));
        }
        let mut settings = serde_json::to_value(&plan.ensemble)?;
        let strategies = settings.as_object_mut().and_then(|settings| {
            // Each answer is asked of a strategy by name.
            settings.remove("strategy");
            settings.remove("strategies")
        });
        let strategies = match strategies {
            Some(Value::Object(strategies)) => strategies,
            Some(_) | None => Map::new(),
        };
        Ok(Self { ensemble, offered, models, settings, strategies })
    }

    /// A running coordinator. What it does not tell is not among the conditions.
    pub(super) async fn running(access: &Access, named: Option<&str>) -> Result<Self, TargetError> {
        let ensemble = ensembles::ensemble(access, named).await?;
        let settings = json!({
            "name": ensemble.name, "segment_tokens": ensemble.segment_tokens, "score": ensemble.score,
            "exit": ensemble.exit, "weights": ensemble.weights, "default_max_tokens": ensemble.default_max_tokens,
        });
        let mut models: BTreeMap<String, Value> =
            ensemble.members.iter().map(|member| (member.clone(), Value::Null)).collect();
        let cluster =
            ensembles::call(access, async |client, request| client.get_cluster(request).await, GetClusterRequest {});
        for described in cluster.await?.workers.into_iter().filter_map(|worker| worker.description) {
            if let Some(known) = models.get_mut(&described.model) {
                *known = json!({
                    "family": described.family, "parameters": described.parameters, "dtype": described.dtype,
                });
            }
        }
        let told = ensemble.strategies.iter();
        let strategies = told.map(|it| (it.name.clone(), json!({ "kind": it.kind, "digest": it.digest }))).collect();
        let offered = ensemble.strategies.into_iter().map(|it| Strategy { name: it.name, kind: it.kind }).collect();
        Ok(Self { ensemble: ensemble.name, offered, models, settings, strategies })
    }

    /// Those named, or all: members alone first, then the ensemble's own, then the others.
    pub(super) fn strategies(&self, named: &[String]) -> Result<Vec<Strategy>, TargetError> {
        let mut strategies = self.offered.clone();
        let unknown = |name: &&String| !strategies.iter().any(|strategy| strategy.name == **name);
        if let Some(name) = named.iter().find(unknown) {
            let known = strategies.into_iter().map(|strategy| strategy.name).collect::<Vec<_>>().join(", ");
            return Err(TargetError::UnknownStrategy(name.clone(), self.ensemble.clone(), known));
        }
        strategies.retain(|strategy| named.is_empty() || named.contains(&strategy.name));
        strategies.sort_by_key(|it| (it.kind != SINGLE, it.name != FUSE, it.name.clone()));
        Ok(strategies)
    }

    /// What is known of a strategy.
    pub(super) fn settings_of(&self, strategy: &Strategy) -> Value {
        self.strategies.get(&strategy.name).cloned().unwrap_or_else(|| json!({ "kind": strategy.kind }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        let offered = [("best_of_n", "best_of_n"), ("careful", "fuse"), ("fuse", "fuse"), ("single/a", "single")];
        let offered = offered.map(|(name, kind)| Strategy { name: name.to_owned(), kind: kind.to_owned() }).to_vec();
        Target {
            ensemble: "default".to_owned(),
            offered,
            models: BTreeMap::new(),
            settings: Value::Null,
            strategies: Map::from_iter([("careful".to_owned(), json!({ "kind": "fuse", "min_members": 2 }))]),
        }
    }

    fn names(named: &[&str]) -> Vec<String> {
        let named: Vec<_> = named.iter().map(ToString::to_string).collect();
        target().strategies(&named).unwrap().into_iter().map(|strategy| strategy.name).collect()
    }

    #[test]
    fn members_alone_are_asked_first() {
        assert_eq!(names(&[]), ["single/a", "fuse", "best_of_n", "careful"]);
        assert_eq!(names(&["careful", "single/a"]), ["single/a", "careful"]);
    }

    #[test]
    fn a_strategy_that_is_not_offered_is_named_with_those_that_are() {
        let error = target().strategies(&["fusion".to_owned()]).unwrap_err().to_string();
        assert_eq!(error, "no strategy is named \"fusion\"; ensemble default has: best_of_n, careful, fuse, single/a");
    }

    #[test]
    fn a_strategy_is_its_own_settings_or_its_kind() {
        let target = target();
        let strategies = target.strategies(&[]).unwrap();
        let settings: Vec<_> = strategies.iter().map(|strategy| target.settings_of(strategy)).collect();
        assert_eq!(settings[3], json!({ "kind": "fuse", "min_members": 2 }));
        assert_eq!(settings[0], json!({ "kind": "single" }));
    }
}
