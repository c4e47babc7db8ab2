//! `/v1/specfuse/…`: what this coordinator knows of its cluster, and what decided an answer.

use std::convert::Infallible;

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use specfuse_proto::v1 as proto;

use super::{
    Http,
    error::{ErrorBody, HttpError},
    extract::Place,
    types::{Activity, Cluster, Description, Ensemble, Load, MemberActivity, StrategyName, Worker, WorkerState},
};
use crate::{activity, api::grpc, auth::Caller};

/// Workers, ensembles, and what the last minute saw.
#[utoipa::path(get, path = "/v1/specfuse/cluster", tag = "specfuse", responses(
    (status = 200, description = "As of now", body = Cluster),
    (status = "4XX", description = "No API key, or an unknown one", body = ErrorBody),
))]
pub(super) async fn cluster(State(http): State<Http>) -> Json<Cluster> {
    let told = grpc::cluster_told(&http.intake);
    let ensembles = grpc::ensembles_told(&http.intake).ensembles;
    Json(Cluster {
        workers: told.workers.into_iter().map(worker).collect(),
        discovery_last_sync_seconds: told.discovery_last_sync_seconds,
        running_generations: told.running_generations,
        waiting_generations: told.waiting_generations,
        ensembles: ensembles.into_iter().map(ensemble).collect(),
        activity: recent(&http.intake.activity.recent()),
    })
}

/// All that decided an answer that was asked for with `specfuse.record`, once it is over.
#[utoipa::path(
    get,
    path = "/v1/specfuse/recordings/{request_id}",
    tag = "specfuse",
    params(("request_id" = String, Path)),
    responses(
        (status = 200, description = "What `specfuse replay` reads", body = Object),
        (status = "4XX", description = "There is none of this id, or not for this key", body = ErrorBody),
    ),
)]
pub(super) async fn recording(
    State(http): State<Http>,
    caller: Option<Extension<Caller>>,
    Place(request_id): Place<String>,
) -> Result<Response, HttpError> {
    let caller = caller.map(|Extension(caller)| caller);
    let parts = http.intake.recording(&request_id, caller.as_ref())?;
    let body = parts.each().map(|part| Ok::<_, Infallible>(part.as_ref().to_owned()));
    Ok(([(CONTENT_TYPE, "application/json")], Body::from_stream(futures::stream::iter(body))).into_response())
}

fn worker(told: proto::Worker) -> Worker {
    let state = match told.state() {
        proto::WorkerState::Ready => WorkerState::Ready,
        proto::WorkerState::Unreachable => WorkerState::Unreachable,
        proto::WorkerState::Connecting | proto::WorkerState::Unspecified => WorkerState::Connecting,
    };
    Worker {
        endpoint: told.endpoint,
        state,
        error: told.error,
        calls_in_flight: told.calls_in_flight,
        description: told.description.map(description),
    }
}

fn description(told: proto::DescribeResponse) -> Description {
    let load = |load: proto::Load| Load {
        live_sequences: load.live_sequences,
        waiting_calls: load.waiting_calls,
        engine_steps: load.engine_steps,
        cached_tokens: load.cached_tokens,
    };
    Description {
        model: told.model,
        family: told.family,
        parameters: told.parameters,
        context_length: told.context_length,
        dtype: told.dtype,
        device: told.device,
        build: told.build,
        capabilities: told.capabilities,
        cache_tokens: told.cache_tokens,
        instance_id: told.instance_id,
        fingerprint: told.fingerprint,
        load: told.load.map(load),
    }
}

fn ensemble(told: proto::Ensemble) -> Ensemble {
    let strategy = |told: proto::Strategy| StrategyName { name: told.name, kind: told.kind };
    Ensemble {
        name: told.name,
        members: told.members,
        segment_tokens: told.segment_tokens,
        score: told.score,
        exit: told.exit,
        weights: told.weights,
        default_max_tokens: told.default_max_tokens,
        max_tokens_limit: told.max_tokens_limit,
        ready: told.ready,
        strategies: told.strategies.into_iter().map(strategy).collect(),
        default_strategy: told.default_strategy,
        adjustable: told.adjustable,
    }
}

fn recent(counts: &activity::Counts) -> Activity {
    let per_second = |count: u64| count as f64 / activity::SECONDS as f64;
    let members = counts.members.iter().map(|(name, member)| MemberActivity {
        member: name.to_string(),
        drafted_tokens_per_second: per_second(member.drafted_tokens),
        scored_tokens_per_second: per_second(member.scored_tokens),
        segments_won: member.segments_won,
    });
    Activity {
        seconds: activity::SECONDS,
        answers: counts.answers,
        completion_tokens_per_second: per_second(counts.tokens),
        members_per_round: (counts.rounds > 0).then(|| counts.member_rounds as f64 / counts.rounds as f64),
        members: members.collect(),
    }
}
