//! EnsembleService: validate → admit → drive → report. Holds no state of a generation: that is in its response stream.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, stream::BoxStream};
use specfuse_core::policy::{ExitRule, ScoreRule, WeightRule};
use specfuse_proto::v1::{self as proto, ensemble_service_server::EnsembleService};
use tonic::{Request, Response, Status};

use super::{error::ApiError, validate};
use crate::{
    admission::Admission,
    config::Ensemble,
    driver,
    pool::{Cluster, Pool, State, Worker},
    report,
};

#[derive(Debug)]
pub(crate) struct Ensembles {
    pub(crate) ensembles: BTreeMap<String, Arc<Ensemble>>,
    pub(crate) pool: Pool,
    pub(crate) admission: Admission,
}

#[tonic::async_trait]
impl EnsembleService for Ensembles {
    type GenerateStream = BoxStream<'static, Result<proto::GenerateResponse, Status>>;

    async fn generate(
        &self,
        request: Request<proto::GenerateRequest>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        let request = validate::request(request.into_inner(), &self.ensembles).map_err(ApiError::from)?;
        let ticket = self.admission.admit().map_err(ApiError::from)?;
        let ensemble = Arc::clone(&request.ensemble);
        let items = driver::run(request, self.pool.clone(), ticket);
        let responses = items.map(move |item| match item {
            Ok(item) => Ok(report::response(item, &ensemble.members)),
            Err(error) => Err(ApiError::from(error).into()),
        });
        Ok(Response::new(responses.boxed()))
    }

    async fn list_ensembles(
        &self,
        _request: Request<proto::ListEnsemblesRequest>,
    ) -> Result<Response<proto::ListEnsemblesResponse>, Status> {
        let cluster = self.pool.cluster();
        let ensembles = self.ensembles.values().map(|ensemble| ensemble_told(ensemble, &cluster)).collect();
        Ok(Response::new(proto::ListEnsemblesResponse { ensembles }))
    }

    async fn get_cluster(
        &self,
        _request: Request<proto::GetClusterRequest>,
    ) -> Result<Response<proto::GetClusterResponse>, Status> {
        let workers = self.pool.cluster().workers.iter().map(worker_told).collect();
        Ok(Response::new(proto::GetClusterResponse { workers, ..Default::default() }))
    }
}

fn ensemble_told(ensemble: &Ensemble, cluster: &Cluster) -> proto::Ensemble {
    let score = match ensemble.policy.score {
        ScoreRule::MeanLogprob => "mean_logprob",
        ScoreRule::MeanProb => "mean_prob",
    };
    let exit = match ensemble.policy.exit.rule {
        ExitRule::Cumulative => "cumulative",
        ExitRule::NoEntropy => "no_entropy",
        ExitRule::Never => "never",
        ExitRule::FirstRounds { .. } => "first_rounds",
    };
    let weights = match ensemble.policy.weights {
        WeightRule::Uniform => "uniform",
        WeightRule::Hedge { .. } => "hedge",
    };
    proto::Ensemble {
        name: ensemble.name.to_string(),
        members: ensemble.members.iter().map(ToString::to_string).collect(),
        segment_tokens: ensemble.policy.segment_tokens.get(),
        score: score.to_owned(),
        exit: exit.to_owned(),
        weights: weights.to_owned(),
        default_max_tokens: ensemble.default_max_tokens.get(),
        max_tokens_limit: ensemble.max_tokens_limit.get(),
        ready: ensemble.members.iter().all(|member| cluster.serves(member)),
    }
}

fn worker_told(worker: &Worker) -> proto::Worker {
    let (state, error) = match &worker.state {
        State::Connecting => (proto::WorkerState::Connecting, ""),
        State::Ready(_) => (proto::WorkerState::Ready, ""),
        State::Unreachable { error, .. } => (proto::WorkerState::Unreachable, error.as_str()),
    };
    proto::Worker {
        endpoint: worker.link.url().to_owned(),
        state: state.into(),
        error: error.to_owned(),
        description: worker.state.description().map(|description| description.told.clone()),
        calls_in_flight: worker.link.calls(),
    }
}
