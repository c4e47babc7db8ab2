//! What both ways to ask answer with.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FinishReason {
    Stop,
    Length,
}

/// Of the tokens of the winning segments, each as its first author drafted it, under that model's plain softmax.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Logprobs {
    pub(crate) content: Vec<TokenLogprob>,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    pub(crate) refusal: Option<()>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct TokenLogprob {
    /// What it adds to the text: empty where a later token completes its character.
    pub(crate) token: String,
    pub(crate) logprob: f32,
    /// UTF-8 of `token`.
    pub(crate) bytes: Vec<u8>,
    pub(crate) top_logprobs: Vec<Alternative>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = TopLogprob)]
pub(crate) struct Alternative {
    pub(crate) token: String,
    pub(crate) logprob: f32,
    pub(crate) bytes: Vec<u8>,
}
