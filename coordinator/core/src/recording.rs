//! All that decided an answer, in the words of its JSON: what was asked, who took part, every draft and every term, and what followed.
//!
//! Members are known by their names, which are unique in a recording. Numbers are those that were decided from, to the bit: JSON
//! numbers are written so that they are read back the same.
//!
//! Within a version, a key may only be added to a [`Policy`], with a default by which everything is decided as it was without it: that
//! keeps older recordings readable. An older program refuses a key that it does not know, since it cannot decide by it. Everything
//! else, a key added elsewhere too, is another version.
//!
//! - `written`: a round's report in these words

mod written;

use serde::{Deserialize, Serialize};

pub use self::written::{Call, Witness, round};
use crate::policy::Policy;

/// Of what the fields mean. Others are not read.
pub const VERSION: u32 = 1;

/// What can be read of a recording of any version, to be read first: whether the rest of it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Versioned {
    pub version: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    pub version: u32,
    pub request_id: String,
    /// UTC, as RFC 3339 has it.
    pub asked_at: String,
    pub ensemble: String,
    pub strategy: String,
    pub question: Question,
    /// Everyone who has a seat, in their order.
    pub members: Vec<Member>,
    /// The generations of the answer; at least one.
    pub stages: Vec<Stage>,
    pub rounds: Vec<Round>,
    /// None: the client left.
    pub ending: Option<Ending>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub prompt: Prompt,
    pub max_tokens: u32,
    pub stop: Vec<String>,
    pub sampling: Sampling,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Prompt {
    Messages(Vec<Message>),
    Raw(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub role: String,
    pub content: String,
}

/// As it was sent to the members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    pub temperature: f32,
    pub top_p: Option<f32>,
    pub top_k: u32,
    pub min_p: f32,
    /// Of the whole answer. A string: it has more digits than some readers of JSON keep.
    #[serde(with = "digits")]
    pub seed: u64,
    pub repetition_penalty: Option<f32>,
    pub presence_penalty: f32,
    pub frequency_penalty: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub name: String,
    /// What workers call its model.
    pub model: String,
    /// Of the checkpoints that served it when the answer began, each once; empty where none was known.
    pub fingerprints: Vec<String>,
}

/// One generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub members: Vec<String>,
    pub policy: Policy,
    pub reads_proposals: bool,
}

/// What one round was decided from, and what was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// From 1, through all stages.
    pub round: u32,
    /// Index into the stages.
    pub stage: usize,
    /// What was shown in this round: it lags behind what was accepted where that could become a stop string.
    pub text: String,
    /// Who took part; the order of everything below that has one value for each of them.
    pub active: Vec<String>,
    /// Of everyone who was asked.
    pub drafts: Vec<Draft>,
    pub candidates: Vec<Candidate>,
    /// Of everyone who was asked.
    pub scores: Vec<Score>,
    /// Index into the candidates; None: nothing was decided.
    pub winning_candidate: Option<usize>,
    /// The winner's first author.
    pub winner: Option<String>,
    pub decided_by: String,
    /// w; None under uniform weights or where nothing was ranked.
    pub weights: Option<Vec<f64>>,
    /// H
    pub entropy: Option<f64>,
    /// p
    pub keep: Option<Vec<f64>>,
    /// Q after the round.
    pub quality: Vec<f64>,
    /// In the order of leaving.
    pub exits: Vec<Exit>,
    pub recalled: Vec<String>,
    /// Microseconds until all drafts were in.
    pub draft_micros: u64,
    /// Microseconds from there until all scores were in.
    pub score_micros: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    pub member: String,
    #[serde(flatten)]
    pub outcome: Drafted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Drafted {
    Drafted {
        text: String,
        finished: bool,
        /// Tokens drafted, cut from the text or not.
        tokens: u32,
        /// One for each token, and one for the end of turn.
        token_logprobs: Vec<f32>,
        tokens_computed: u32,
        tokens_cached: u32,
    },
    Failed {
        why: String,
    },
    ContextFull {
        why: String,
    },
    Refused {
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    pub text: String,
    pub finished: bool,
    pub authors: Vec<String>,
    /// What it was ranked by.
    pub aggregate: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub member: String,
    #[serde(flatten)]
    pub outcome: Scored,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Scored {
    Scored {
        /// For each candidate, one for each of its tokens.
        terms: Vec<Vec<f64>>,
        /// For each candidate: m under the policy's score rule, calibrated. Empty where the row was not counted.
        means: Vec<f64>,
    },
    Abstained {
        why: String,
    },
    Failed {
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    pub member: String,
    /// "quality", "context_full", "refused", "failed" or "budget".
    pub reason: String,
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// "stop", "length" or "failed".
    pub reason: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Held back until the end.
    pub text: String,
    pub completion_tokens: u32,
    /// Microseconds from the request to the end.
    pub total_micros: u64,
}

mod digits {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(seed: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(seed)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
