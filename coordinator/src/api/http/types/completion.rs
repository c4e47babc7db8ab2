//! `/v1/completions`: a text is continued as it is, without a chat template.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AnswerExtension, Asked, ChunkExtension, FinishReason, StopStrings, StreamOptions, Usage,
    neutral::{No, Nothing},
};

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompletionRequest {
    /// An ensemble, or one of its members alone: "ENSEMBLE/MEMBER".
    #[schema(min_length = 1)]
    pub(crate) model: String,
    pub(crate) prompt: Prompts,
    /// 0, the default, takes the most probable token.
    #[schema(minimum = 0, maximum = 100)]
    pub(crate) temperature: Option<f32>,
    /// Above 0.
    #[schema(exclusive_minimum = 0, maximum = 1)]
    pub(crate) top_p: Option<f32>,
    /// Up to the ensemble's limit.
    #[schema(minimum = 1)]
    pub(crate) max_tokens: Option<u32>,
    pub(crate) stop: Option<StopStrings>,
    /// The same seed gives the same answer. Negative ones count from above.
    pub(crate) seed: Option<i64>,
    /// Choices for each prompt: answers of their own, with seeds of their own. 16 in all. At temperature 0 they are alike.
    #[schema(minimum = 1, maximum = 16)]
    pub(crate) n: Option<u32>,
    #[schema(minimum = -2, maximum = 2)]
    pub(crate) presence_penalty: Option<f32>,
    #[schema(minimum = -2, maximum = 2)]
    pub(crate) frequency_penalty: Option<f32>,
    /// Tell the tokens, and so many of the most probable ones in the place of each.
    #[schema(minimum = 0, maximum = 20)]
    pub(crate) logprobs: Option<u32>,
    pub(crate) stream: Option<bool>,
    /// With stream.
    pub(crate) stream_options: Option<StreamOptions>,
    pub(crate) specfuse: Option<Asked>,
    /// The same number as n, if any.
    pub(crate) best_of: Option<u32>,
    #[serde(rename = "user")]
    _user: Option<String>,
    #[serde(rename = "metadata")]
    _metadata: Option<BTreeMap<String, String>>,
    #[serde(rename = "echo")]
    #[schema(ignore)]
    _echo: Option<No>,
    #[serde(rename = "suffix")]
    #[schema(ignore)]
    _suffix: Option<Nothing>,
    #[serde(rename = "logit_bias")]
    #[schema(ignore)]
    _logit_bias: Option<Nothing>,
}

/// One text, or several, each with choices of its own. Token ids mean something else to every member: they are not taken.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(untagged, expecting = "a text or a list of texts is expected")]
pub(crate) enum Prompts {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Completion)]
pub(crate) struct CompletionAnswer {
    pub(crate) id: String,
    /// "text_completion", also in a stream.
    pub(crate) object: &'static str,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) model: String,
    pub(crate) choices: Vec<CompletionChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) specfuse: Option<CompletionExtension>,
}

/// Of a chunk, or of an answer that is not streamed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SpecFuseCompletion)]
pub(crate) enum CompletionExtension {
    Chunk(Box<ChunkExtension>),
    Answer(AnswerExtension),
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct CompletionChoice {
    pub(crate) index: usize,
    pub(crate) text: String,
    pub(crate) logprobs: Option<CompletionLogprobs>,
    pub(crate) finish_reason: Option<FinishReason>,
}

/// One entry for each token of the winning segments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct CompletionLogprobs {
    pub(crate) tokens: Vec<String>,
    pub(crate) token_logprobs: Vec<f32>,
    /// The most probable tokens in its place.
    pub(crate) top_logprobs: Vec<BTreeMap<String, f32>>,
    /// Characters of the answer before it.
    pub(crate) text_offset: Vec<usize>,
}
