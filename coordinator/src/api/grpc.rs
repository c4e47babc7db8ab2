//! EnsembleService: wire types on one side, the intake on the other. Holds no state of a generation: that is in its response stream.

use std::{num::NonZeroU32, sync::Arc};

use futures::{StreamExt, stream::BoxStream};
use specfuse_core::policy::{ExitRule, ScoreRule, WeightRule};
use specfuse_proto::v1::{self as proto, ensemble_service_server::EnsembleService};
use specfuse_runtime::propagation::Origin;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::{
    error::ApiError,
    intake::{Asker, Intake},
    validate,
};
use crate::{
    admission::Counts,
    config::Ensemble,
    pool::{Cluster, State, Worker},
    report,
};

#[derive(Debug)]
pub(crate) struct Ensembles(pub(crate) Arc<Intake>);

#[tonic::async_trait]
impl EnsembleService for Ensembles {
    type GenerateStream = BoxStream<'static, Result<proto::GenerateResponse, Status>>;
    type GetRecordingStream = BoxStream<'static, Result<proto::GetRecordingResponse, Status>>;

    async fn generate(
        &self,
        request: Request<proto::GenerateRequest>,
    ) -> Result<Response<Self::GenerateStream>, Status> {
        let (metadata, extensions, wire) = request.into_parts();
        let deadline = validate::deadline(&metadata, Instant::now()).map_err(ApiError::from)?;
        let origin = Origin::of(metadata.as_ref());
        let asker = Asker { caller: extensions.get().cloned(), deadline, origin };
        let begun = self.0.begin(vec![wire], NonZeroU32::MIN, asker).await?;
        let items = futures::stream::iter(begun.answers).flatten();
        Ok(Response::new(items.map(|item| Ok(report::response(item?))).boxed()))
    }

    async fn list_ensembles(
        &self,
        _request: Request<proto::ListEnsemblesRequest>,
    ) -> Result<Response<proto::ListEnsemblesResponse>, Status> {
        Ok(Response::new(ensembles_told(&self.0)))
    }

    async fn get_cluster(
        &self,
        _request: Request<proto::GetClusterRequest>,
    ) -> Result<Response<proto::GetClusterResponse>, Status> {
        Ok(Response::new(cluster_told(&self.0)))
    }

    async fn get_recording(
        &self,
        request: Request<proto::GetRecordingRequest>,
    ) -> Result<Response<Self::GetRecordingStream>, Status> {
        let (_, extensions, wire) = request.into_parts();
        let parts = self.0.recording(&wire.request_id, extensions.get())?;
        let told = parts.each().map(|part| {
            let recording = proto::Recording { json: part.as_ref().to_owned() };
            Ok(proto::GetRecordingResponse { recording: Some(recording) })
        });
        Ok(Response::new(futures::stream::iter(told).boxed()))
    }
}

pub(super) fn ensembles_told(intake: &Intake) -> proto::ListEnsemblesResponse {
    let cluster = intake.pool.cluster();
    let ensembles = intake.ensembles.values().map(|ensemble| ensemble_told(ensemble, &cluster)).collect();
    proto::ListEnsemblesResponse { ensembles }
}

pub(super) fn cluster_told(intake: &Intake) -> proto::GetClusterResponse {
    let Counts { running, waiting } = intake.admission.counts();
    proto::GetClusterResponse {
        workers: intake.pool.cluster().workers.iter().map(worker_told).collect(),
        discovery_last_sync_seconds: intake.directory.last_sync().map(|age| age.as_secs_f64()),
        running_generations: clamped(running),
        waiting_generations: clamped(waiting),
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
        adjustable: ensemble.adjustable.iter().map(|field| field.name().to_owned()).collect(),
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
