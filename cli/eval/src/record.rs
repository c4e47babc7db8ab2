//! One answer of one strategy to one question, and what it cost: a line of the file that lets an evaluation be continued, and all
//! that a report is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`crate::question::Question::id`]
    pub question: String,
    /// [`crate::question::Question::kind`]
    pub kind: String,
    /// The strategy's name.
    pub strategy: String,
    /// The whole answer; empty where there is none.
    pub text: String,
    /// Why there is no answer: it counts as wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// [`crate::question::Grade::quality`]; later a judge's.
    pub quality: Option<f64>,
    /// [`crate::question::Grade::measures`]
    #[serde(default)]
    pub measures: BTreeMap<String, f64>,
    pub cost: Cost,
    /// Segments won, by member.
    #[serde(default)]
    pub won: BTreeMap<String, u32>,
    /// In the order of leaving.
    #[serde(default)]
    pub exits: Vec<Exit>,
    /// Who came back after leaving, in the order of coming back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalled: Vec<Recall>,
    /// Members that were asked for anything; empty: it was not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub took_part: Vec<String>,
    /// One for each scored round that had a sole leader: what a gate is learnt from.
    #[serde(default)]
    pub leads: Vec<Lead>,
}

impl Record {
    /// Whether a member failed while it was written: it is not what the ensemble answers when all are well.
    pub fn is_damaged(&self) -> bool {
        self.cost.missed_drafts > 0 || self.exits.iter().any(|exit| exit.reason == FAILED)
    }
}

/// The reason of an exit of a member that failed or was late too often.
const FAILED: &str = "failed";

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub rounds: u32,
    /// Mean over the rounds of the members active in them.
    pub members_per_round: f64,
    pub draft_calls: u32,
    pub score_calls: u32,
    pub scored_rounds: u32,
    pub gated_rounds: u32,
    /// Drafts that a member failed to give, or gave too late.
    #[serde(default)]
    pub missed_drafts: u32,
    /// Tokens of the answer.
    pub completion_tokens: u32,
    /// Of all drafts.
    pub drafted_tokens: u64,
    /// Terms of all scores.
    pub scored_tokens: u64,
    /// Rows of forward passes.
    pub computed_tokens: u64,
    /// Milliseconds from the request to the first segment with text; None: there was none.
    pub first_segment_ms: Option<f64>,
    /// Milliseconds from the request to the end.
    pub total_ms: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub member: String,
    /// From 1.
    pub round: u32,
    /// "quality", "budget", "context_full", "refused", "failed".
    pub reason: String,
}

/// A member that had left and is asked again from the next round on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    pub member: String,
    /// From 1. Whoever left in this round or before is back.
    pub round: u32,
}

/// The member that alone had the highest quality before a scored round, and how the round went: the rounds that a gate may decide.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Mean natural log-probability of the tokens of the leader's draft, as the leader gave it: without calibration.
    pub mean_logprob: f64,
    /// Its draft won.
    pub won: bool,
}
