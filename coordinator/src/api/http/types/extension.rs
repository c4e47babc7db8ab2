//! What is ours beside what OpenAI's API has: `specfuse` in a request, in an answer and in each chunk.

use serde::{Deserialize, Serialize};
use specfuse_core::recording::Round;
use utoipa::ToSchema;

/// How the ensemble answers, within what it allows.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SpecFuseRequest)]
pub(crate) struct Asked {
    /// One of the ensemble's strategies, by name.
    pub(crate) strategy: Option<String>,
    /// Tokens that a member drafts in a round, at most: 1 to 256.
    #[schema(minimum = 1, maximum = 256)]
    pub(crate) segment_tokens: Option<u32>,
    /// "cumulative", "no_entropy" or "never".
    pub(crate) exit: Option<String>,
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) theta: Option<f64>,
    #[schema(minimum = 0.001, maximum = 1000)]
    pub(crate) tau: Option<f64>,
    /// "mean_logprob" or "mean_prob".
    pub(crate) score: Option<String>,
    /// Exits by quality leave at least so many.
    #[schema(minimum = 1)]
    pub(crate) min_members: Option<u32>,
    /// Keeps the k most probable tokens; 0: all.
    pub(crate) top_k: Option<u32>,
    /// Keeps tokens at least this fraction as probable as the most probable one.
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) min_p: Option<f32>,
    /// Above 1 against repetition.
    #[schema(exclusive_minimum = 0, maximum = 10)]
    pub(crate) repetition_penalty: Option<f32>,
    /// Tell in each chunk all that its round was decided from.
    pub(crate) trace: Option<bool>,
    /// Keep all that decided the answer for a while: `GET /v1/specfuse/recordings/{request_id}`; of further choices
    /// `{request_id}-1` and so on.
    pub(crate) record: Option<bool>,
}

/// Of one round.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = SpecFuseChunk)]
pub(crate) struct ChunkExtension {
    /// From 1.
    pub(crate) round: u32,
    /// Who wrote it; null where the round decided nothing.
    pub(crate) winner: Option<String>,
    /// Who took part.
    pub(crate) active: Vec<String>,
    /// Who left in this round.
    pub(crate) exits: Vec<Exit>,
    /// "scores", "author", "blend", "gate", "majority", "unopposed" or "none".
    pub(crate) decided_by: String,
    /// Where the request asks for it: drafts, candidates, scores, qualities.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) trace: Option<Round>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Exit {
    pub(crate) member: String,
    /// "quality", "context_full", "refused", "failed" or "budget".
    pub(crate) reason: String,
}

/// Who wrote what, of an answer that is not streamed: for each choice its rounds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = SpecFuseAnswer)]
pub(crate) struct AnswerExtension {
    pub(crate) request_id: String,
    pub(crate) choices: Vec<Vec<Segment>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Segment {
    /// What was shown in the round: it lags behind what was accepted where that could become a stop string.
    pub(crate) text: String,
    #[serde(flatten)]
    pub(crate) round: ChunkExtension,
}
