//! A recorded run as its file has it, and the ensemble that must repeat it.

use std::collections::BTreeMap;

use serde::Deserialize;
use specfuse_proto::v1::Message;
use specfuse_tests::{
    answer,
    ensemble::{Ensemble, Exit, Weights},
};

#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) members: Vec<String>,
    messages: Vec<RecordedMessage>,
    #[serde(default = "ten")]
    segment_tokens: u32,
    pub(super) max_tokens: u32,
    #[serde(default = "mean_logprob")]
    score: String,
    exit: Option<RecordedExit>,
    #[serde(default)]
    weights: Option<RecordedWeights>,
    #[serde(default = "one")]
    min_members: usize,
    pub(super) rounds: Vec<Round>,
    pub(super) text: String,
    pub(super) finish_reason: String,
    pub(super) completion_tokens: u32,
    pub(super) members_per_round: f64,
}

#[derive(Debug, Deserialize)]
struct RecordedMessage {
    role: String,
    content: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedExit {
    policy: String,
    rounds: Option<u32>,
    theta: Option<f64>,
    tau: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RecordedWeights {
    Named(String),
    Hedge { rate: f64 },
}

#[derive(Debug, Deserialize)]
pub(super) struct Round {
    pub(super) round: u32,
    pub(super) active: Vec<String>,
    pub(super) drafts: Vec<Draft>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) scored: bool,
    #[serde(default)]
    pub(super) scores: Vec<Scores>,
    #[serde(default)]
    pub(super) aggregate: Vec<f64>,
    pub(super) weights: Option<BTreeMap<String, f64>>,
    pub(super) entropy: Option<f64>,
    pub(super) keep: Option<BTreeMap<String, f64>>,
    pub(super) quality: Option<BTreeMap<String, f64>>,
    pub(super) exits: Vec<String>,
    pub(super) winner: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Draft {
    pub(super) member: String,
    pub(super) text: String,
    pub(super) finished: bool,
    pub(super) tokens: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Candidate {
    pub(super) text: String,
    pub(super) finished: bool,
    pub(super) authors: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Scores {
    pub(super) member: String,
    pub(super) mean: Vec<f64>,
    pub(super) tokens: Vec<u32>,
    pub(super) sum_logprob: Vec<f64>,
}

impl Case {
    pub(super) fn messages(&self) -> Vec<Message> {
        self.messages.iter().map(|message| answer::message(&message.role, &message.content)).collect()
    }

    pub(super) fn ensemble(&self) -> Ensemble {
        let plain = Ensemble::default();
        let exit = self.exit.as_ref().map(|exit| Exit {
            rule: exit.policy.clone(),
            rounds: exit.rounds,
            theta: exit.theta.unwrap_or(plain.exit.theta),
            tau: exit.tau.unwrap_or(plain.exit.tau),
        });
        let weights = self.weights.as_ref().map(|weights| match weights {
            RecordedWeights::Named(rule) => Weights { rule: rule.clone(), rate: None },
            RecordedWeights::Hedge { rate } => Weights { rule: "hedge".to_owned(), rate: Some(*rate) },
        });
        Ensemble {
            members: self.members.clone(),
            segment_tokens: self.segment_tokens,
            score: self.score.clone(),
            exit: exit.unwrap_or(plain.exit),
            weights: weights.unwrap_or(plain.weights),
            min_members: self.min_members,
            ..Ensemble::default()
        }
    }
}

fn ten() -> u32 {
    10
}

fn one() -> usize {
    1
}

fn mean_logprob() -> String {
    "mean_logprob".to_owned()
}
