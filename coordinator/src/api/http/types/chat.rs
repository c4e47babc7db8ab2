//! `/v1/chat/completions`.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer},
};
use utoipa::ToSchema;

use super::{
    Asked, ChunkExtension, FinishReason, Logprobs, StopStrings, StreamOptions, Usage,
    extension::AnswerExtension,
    neutral::{Modality, No, Nothing, ResponseFormat, ServiceTier, ToolChoice},
};

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatRequest {
    /// An ensemble, or one of its members alone: "ENSEMBLE/MEMBER".
    #[schema(min_length = 1)]
    pub(crate) model: String,
    #[schema(min_items = 1, max_items = 1024)]
    pub(crate) messages: Vec<ChatMessage>,
    /// 0, the default, takes the most probable token.
    #[schema(minimum = 0, maximum = 100)]
    pub(crate) temperature: Option<f32>,
    /// Above 0.
    #[schema(exclusive_minimum = 0, maximum = 1)]
    pub(crate) top_p: Option<f32>,
    /// The older name of max_completion_tokens.
    #[schema(minimum = 1)]
    pub(crate) max_tokens: Option<u32>,
    /// Up to the ensemble's limit.
    #[schema(minimum = 1)]
    pub(crate) max_completion_tokens: Option<u32>,
    pub(crate) stop: Option<StopStrings>,
    /// The same seed gives the same answer. Negative ones count from above.
    pub(crate) seed: Option<i64>,
    /// Choices: answers of their own, with seeds of their own. 1 to 16. At temperature 0 they are alike.
    #[schema(minimum = 1, maximum = 16)]
    pub(crate) n: Option<u32>,
    #[schema(minimum = -2, maximum = 2)]
    pub(crate) presence_penalty: Option<f32>,
    #[schema(minimum = -2, maximum = 2)]
    pub(crate) frequency_penalty: Option<f32>,
    pub(crate) logprobs: Option<bool>,
    /// With logprobs.
    #[schema(minimum = 0, maximum = 20)]
    pub(crate) top_logprobs: Option<u32>,
    pub(crate) stream: Option<bool>,
    /// With stream.
    pub(crate) stream_options: Option<StreamOptions>,
    pub(crate) specfuse: Option<Asked>,
    /// Taken, and without effect: it names your user, for abuse reports that nobody makes here.
    #[serde(rename = "user")]
    _user: Option<String>,
    #[serde(rename = "metadata")]
    _metadata: Option<BTreeMap<String, String>>,
    #[serde(rename = "safety_identifier")]
    _safety_identifier: Option<String>,
    #[serde(rename = "prompt_cache_key")]
    _prompt_cache_key: Option<String>,
    #[serde(rename = "service_tier")]
    _service_tier: Option<ServiceTier>,
    #[serde(rename = "parallel_tool_calls")]
    _parallel_tool_calls: Option<bool>,
    /// Text alone.
    #[serde(rename = "modalities")]
    _modalities: Option<Vec<Modality>>,
    /// Text alone.
    #[serde(rename = "response_format")]
    _response_format: Option<ResponseFormat>,
    #[serde(rename = "tool_choice")]
    _tool_choice: Option<ToolChoice>,
    #[serde(rename = "function_call")]
    _function_call: Option<ToolChoice>,
    #[serde(rename = "store")]
    #[schema(ignore)]
    _store: Option<No>,
    #[serde(rename = "tools")]
    #[schema(ignore)]
    _tools: Option<Nothing>,
    #[serde(rename = "functions")]
    #[schema(ignore)]
    _functions: Option<Nothing>,
    #[serde(rename = "logit_bias")]
    #[schema(ignore)]
    _logit_bias: Option<Nothing>,
    #[serde(rename = "audio")]
    #[schema(ignore)]
    _audio: Option<Nothing>,
    #[serde(rename = "prediction")]
    #[schema(ignore)]
    _prediction: Option<Nothing>,
    #[serde(rename = "reasoning_effort")]
    #[schema(ignore)]
    _reasoning_effort: Option<Nothing>,
    #[serde(rename = "verbosity")]
    #[schema(ignore)]
    _verbosity: Option<Nothing>,
    #[serde(rename = "web_search_options")]
    #[schema(ignore)]
    _web_search_options: Option<Nothing>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatMessage {
    pub(crate) role: Role,
    #[schema(value_type = Content, required = true)]
    pub(crate) content: Option<Content>,
    #[serde(rename = "name")]
    #[schema(ignore)]
    _name: Option<Nothing>,
    #[serde(rename = "refusal")]
    #[schema(ignore)]
    _refusal: Option<Nothing>,
    #[serde(rename = "tool_calls")]
    #[schema(ignore)]
    _tool_calls: Option<Nothing>,
    #[serde(rename = "function_call")]
    #[schema(ignore)]
    _function_call: Option<Nothing>,
    #[serde(rename = "tool_call_id")]
    #[schema(ignore)]
    _tool_call_id: Option<Nothing>,
    #[serde(rename = "audio")]
    #[schema(ignore)]
    _audio: Option<Nothing>,
    #[serde(rename = "annotations")]
    #[schema(ignore)]
    _annotations: Option<Nothing>,
}

/// A model whose template has no system message finds it at the beginning of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    System,
    /// The same as system.
    Developer,
    User,
    Assistant,
}

/// A text, or parts that are joined.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = ChatContent)]
#[serde(untagged)]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatContentPart)]
pub(crate) struct Part {
    #[serde(rename = "type")]
    _kind: PartKind,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartKind {
    Text,
}

/// By hand, so that an error says which part is wrong: an untagged enum's does not.
impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Content;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a text or a list of text parts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Content, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(parts)).map(Content::Parts)
            }
        }

        from.deserialize_any(Either)
    }
}

impl Content {
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().map(|part| part.text).collect(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ChatCompletion)]
pub(crate) struct ChatAnswer {
    pub(crate) id: String,
    /// "chat.completion"
    pub(crate) object: &'static str,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) model: String,
    pub(crate) choices: Vec<ChatChoice>,
    pub(crate) usage: Usage,
    pub(crate) specfuse: AnswerExtension,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChatChoice {
    pub(crate) index: usize,
    pub(crate) message: AssistantMessage,
    pub(crate) logprobs: Option<Logprobs>,
    pub(crate) finish_reason: Option<FinishReason>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct AssistantMessage {
    /// "assistant"
    pub(crate) role: &'static str,
    pub(crate) content: String,
    /// Always null.
    #[schema(value_type = Option<String>)]
    pub(crate) refusal: Option<()>,
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ChatCompletionChunk)]
pub(crate) struct ChatChunk {
    pub(crate) id: String,
    /// "chat.completion.chunk"
    pub(crate) object: &'static str,
    pub(crate) created: i64,
    pub(crate) model: String,
    pub(crate) choices: Vec<ChatChunkChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) specfuse: Option<ChunkExtension>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ChatChunkChoice {
    pub(crate) index: usize,
    pub(crate) delta: Delta,
    pub(crate) logprobs: Option<Logprobs>,
    pub(crate) finish_reason: Option<FinishReason>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = ChatDelta)]
pub(crate) struct Delta {
    /// In the first chunk of a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<String>,
}
