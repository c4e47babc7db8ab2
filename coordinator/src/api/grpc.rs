//! EnsembleService: validate → admit → drive → tell. Holds no state of a generation: that is in its response stream.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, stream::BoxStream};
use specfuse_core::policy::{ExitRule, ScoreRule, WeightRule};
use specfuse_proto::v1::{self as proto, ensemble_service_server::EnsembleService};
use specfuse_runtime::discovery::Directory;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::{answer::Answer, error::ApiError, validate};
use crate::{
    admission::{Admission, Counts, Ticket},
    auth::Caller,
    config::Ensemble,
    driver,
    limits::{Allowance, Meter},
    pool::{Cluster, Pool, State, Worker},
    request::GenerateRequest,
};

#[derive(Debug)]
pub(crate) struct Ensembles {
    pub(crate) ensembles: BTreeMap<String, Arc<Ensemble>>,
    pub(crate) pool: Pool,
    pub(crate) directory: Directory,
    pub(crate) admission: Admission,
    /// Prompts and answers may stand in the log.
    pub(crate) log_content: bool,
}

type Responses = BoxStream<'static, Result<proto::GenerateResponse, Status>>;

impl Ensembles {
    async fn begin(&self, request: Request<proto::GenerateRequest>) -> Result<Responses, ApiError> {
        let (metadata, extensions, wire) = request.into_parts();
        let deadline = validate::deadline(&metadata, Instant::now())?;
        let (key, meter) = extensions.get().map(|Caller { name, meter }| (name.clone(), meter.clone())).unzip();
        let request = GenerateRequest { key, deadline, ..validate::request(wire, &self.ensembles)? };
        let admitted = self.admit(&request, meter.as_deref()).await;
        let (ticket, allowance) = admitted.inspect_err(|error| {
            tracing::debug!(request_id = ?request.request_id, key = request.key.as_deref(), %error, "refused");
        })?;
        let answer = Answer::new(meter, allowance);
        let answer = if self.log_content { answer.logged(&request) } else { answer };
        Ok(driver::run(request, self.pool.clone(), ticket).map(move |item| answer.told(item)).boxed())
    }

    /// The key's own limits first: who is over them does not wait among the others.
    async fn admit(
        &self,
        request: &GenerateRequest,
        meter: Option<&Meter>,
    ) -> Result<(Ticket, Option<Allowance>), ApiError> {
        let allowance = meter.map(Meter::allow).transpose()?;
        Ok((self.admission.admit(request.deadline).await?, allowance))
    }
}

#[tonic::async_trait]
impl EnsembleService for Ensembles {
    type GenerateStream = Responses;

    async fn generate(
        &self,
        request: Request<proto::GenerateRequest>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        Ok(Response::new(self.begin(request).await?))
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
        let Counts { running, waiting } = self.admission.counts();
        Ok(Response::new(proto::GetClusterResponse {
            workers,
            discovery_last_sync_seconds: self.directory.last_sync().map(|age| age.as_secs_f64()),
            running_generations: clamped(running),
            waiting_generations: clamped(waiting),
        }))
    }
}

fn clamped(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
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
        ExitRule::AllButBest { .. } => "all_but_best",
    };
    let weights = match ensemble.policy.weights {
        WeightRule::Uniform => "uniform",
        WeightRule::Hedge { .. } => "hedge",
        WeightRule::Reliability => "reliability",
    };
    let strategies = ensemble.strategies.iter().map(|(name, strategy)| proto::Strategy {
        name: name.clone(),
        kind: strategy.kind.name().to_owned(),
        digest: strategy.digest(),
    });
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
        strategies: strategies.collect(),
        default_strategy: ensemble.strategy.name.to_string(),
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
