//! The beginning of a recording: what was asked, of whom, and in which generations.

use std::{collections::BTreeSet, sync::Arc};

use specfuse_core::recording::{Member, Message, Prompt, Question, Recording, Sampling, Stage, VERSION};

use crate::{
    pool::{Cluster, State},
    request::{self, GenerateRequest},
    strategy::{self, Seat},
};

/// The recording of an answer whose first generation has begun, and all generations that are planned.
pub(super) fn of(request: &GenerateRequest, cluster: &Cluster) -> (Recording, Vec<Stage>) {
    let mut sampled = request.sampling;
    let plan = request.strategy.plan(&request.ensemble.members, &mut sampled);
    let stages: Vec<Stage> = plan.stages.iter().map(|planned| stage(planned, &plan.seats)).collect();
    let recording = Recording {
        version: VERSION,
        request_id: request.request_id.to_string(),
        asked_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        ensemble: request.ensemble.name.to_string(),
        strategy: request.strategy.name.to_string(),
        question: Question {
            prompt: prompt(&request.prompt),
            max_tokens: request.max_tokens.get(),
            stop: request.stop.clone(),
            sampling: sampling(&sampled),
        },
        members: plan.seats.iter().map(|seat| member(seat, cluster)).collect(),
        stages: stages.first().cloned().into_iter().collect(),
        rounds: Vec::new(),
        ending: None,
    };
    (recording, stages)
}

fn stage(planned: &strategy::Stage, seats: &Arc<[Seat]>) -> Stage {
    let name = |seat: &Seat| seat.label.to_string();
    Stage {
        members: planned.members.iter().filter_map(|member| seats.get(member.0)).map(name).collect(),
        policy: planned.policy.clone(),
        reads_proposals: planned.reads_proposals,
    }
}

fn member(seat: &Seat, cluster: &Cluster) -> Member {
    let ready = cluster.workers.iter().filter_map(|worker| match &worker.state {
        State::Ready(description) if description.model == *seat.model => Some(description.told.fingerprint.clone()),
        State::Ready(_) | State::Connecting | State::Unreachable { .. } => None,
    });
    let fingerprints: BTreeSet<String> = ready.filter(|fingerprint| !fingerprint.is_empty()).collect();
    Member {
        name: seat.label.to_string(),
        model: seat.model.to_string(),
        fingerprints: fingerprints.into_iter().collect(),
    }
}

fn prompt(asked: &request::Prompt) -> Prompt {
    let message = |message: &request::Message| Message {
        role: message.role.as_str().to_owned(),
        content: message.content.clone(),
    };
    match asked {
        request::Prompt::Conversation(messages) => Prompt::Messages(messages.iter().map(message).collect()),
        request::Prompt::Raw(text) => Prompt::Raw(text.clone()),
    }
}

fn sampling(sampled: &request::Sampling) -> Sampling {
    Sampling {
        temperature: sampled.temperature,
        top_p: sampled.top_p,
        top_k: sampled.top_k,
        min_p: sampled.min_p,
        seed: sampled.seed,
        repetition_penalty: sampled.repetition_penalty,
        presence_penalty: sampled.presence_penalty,
        frequency_penalty: sampled.frequency_penalty,
    }
}
