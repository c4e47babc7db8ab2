//! Which field of a request is wrong: its path, as the contract spells it.

use super::Invalid;
use crate::strategy::Unsupported;

impl Invalid {
    pub(in crate::api) fn field(&self) -> String {
        let field = match self {
            Self::UnknownEnsemble { .. } | Self::NoDefaultEnsemble { .. } => "ensemble",
            Self::NoPrompt => "prompt",
            Self::NoMessages | Self::Messages { .. } | Self::NoContent => "conversation.messages",
            Self::Role { place, .. } => return format!("conversation.messages[{place}].role"),
            Self::EmptyRaw => "raw",
            Self::MaxTokens { .. } => "max_tokens",
            Self::Sampling { name, .. } => return format!("sampling.{name}"),
            Self::StopStrings { .. } => "stop",
            Self::StopString { place, .. } => return format!("stop[{place}]"),
            Self::RequestId { .. } | Self::ControlCharacters => "request_id",
            Self::TopLogprobs { .. } => "top_logprobs",
            Self::UnknownStrategy { .. } => "strategy",
            Self::Unsupported(unsupported) => match unsupported {
                Unsupported::Raw(_) => "raw",
                Unsupported::NoQuestion(_) => "conversation.messages",
                Unsupported::Stop(_) => "stop",
                Unsupported::MaxTokens { .. } => "max_tokens",
                Unsupported::Adjustment { field, .. } => return format!("adjustment.{field}"),
                Unsupported::Score(_) => "adjustment.score",
            },
            Self::Adjustment(misfit) => return format!("adjustment.{}", misfit.key),
            Self::NotAdjustable { field, .. } => return format!("adjustment.{field}"),
            Self::NoRecordings => "record",
            Self::Timeout => "grpc-timeout",
        };
        field.to_owned()
    }
}
