//! Why a call was not answered, and the one place where that becomes a gRPC status (the contract's "Errors").

use specfuse_runtime::message::{chain, clipped};
use tonic::{Code, Status, metadata::MetadataValue};

use crate::{
    chat_template::RenderError, contained::Panicked, context::ContextError, engine::EngineError, service::RequestError,
    tokenizer::TokenizerError,
};

/// Milliseconds after which a full queue is worth another try. gRPC's own word for it; -1: never here.
const RETRY_PUSHBACK: &str = "grpc-retry-pushback-ms";
const RETRY_AFTER_MILLIS: i64 = 100;
const NEVER: i64 = -1;

/// Bytes of a status message. It travels in a header, percent-encoded; peers refuse headers beyond some 8 or 16 KiB.
const MAX_MESSAGE: usize = 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Context(#[from] ContextError),
    #[error(
        "the context has {context} tokens and max_tokens is {max_new}, the model's context length is {context_length}"
    )]
    DraftTooLong { context: usize, max_new: usize, context_length: usize },
    #[error("the context has {context} tokens, the model's context length is {context_length}")]
    ContextTooLong { context: usize, context_length: usize },
    #[error("context and candidate {index} have {tokens} tokens, the model's context length is {context_length}")]
    CandidateTooLong { index: usize, tokens: usize, context_length: usize },
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("reading the call's text failed")]
    Reading(#[source] Panicked),
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        let (code, pushback) = code_of(&error);
        // Templates and callers choose some of the words: as far as a header has room.
        let mut status = Self::new(code, clipped(chain(&error), MAX_MESSAGE));
        if let Some(millis) = pushback {
            status.metadata_mut().insert(RETRY_PUSHBACK, MetadataValue::from(millis));
        }
        status
    }
}

fn code_of(error: &CallError) -> (Code, Option<i64>) {
    match error {
        CallError::Request(_) | CallError::Context(ContextError::NoTemplate | ContextError::NoTokens) => {
            (Code::InvalidArgument, None)
        }
        // Also a text with a token that the tokenizer knows and the model does not.
        CallError::Context(ContextError::Render(
            RenderError::Refused(_) | RenderError::Failed(_) | RenderError::TooSlow,
        ))
        | CallError::Engine(EngineError::UnknownToken { .. }) => (Code::FailedPrecondition, None),
        CallError::Context(ContextError::Render(RenderError::TooLong))
        | CallError::DraftTooLong { .. }
        | CallError::ContextTooLong { .. }
        | CallError::CandidateTooLong { .. } => (Code::OutOfRange, None),
        CallError::Engine(EngineError::QueueFull { .. }) => (Code::ResourceExhausted, Some(RETRY_AFTER_MILLIS)),
        CallError::Engine(EngineError::TooLarge { .. }) => (Code::ResourceExhausted, Some(NEVER)),
        CallError::Engine(EngineError::Malformed(_)) => (Code::InvalidArgument, None),
        CallError::Engine(EngineError::Stopped) | CallError::Context(ContextError::Render(RenderError::Abandoned)) => {
            (Code::Unavailable, None)
        }
        CallError::Engine(EngineError::NotFinite | EngineError::Model(_))
        | CallError::Context(
            ContextError::Render(RenderError::NoThread(_) | RenderError::Panicked(_)) | ContextError::Tokenizer(_),
        )
        | CallError::Tokenizer(_)
        | CallError::Reading(_) => (Code::Internal, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_the_contracts_code() {
        let refused = ContextError::Render(RenderError::Refused("Only user roles".to_owned()));
        let cases: Vec<(CallError, Code, Option<&str>)> = vec![
            (RequestError::NoContext.into(), Code::InvalidArgument, None),
            (ContextError::NoTemplate.into(), Code::InvalidArgument, None),
            (ContextError::NoTokens.into(), Code::InvalidArgument, None),
            (refused.into(), Code::FailedPrecondition, None),
            (CallError::DraftTooLong { context: 9, max_new: 2, context_length: 10 }, Code::OutOfRange, None),
            (EngineError::QueueFull { limit: 4 }.into(), Code::ResourceExhausted, Some("100")),
            (EngineError::TooLarge { needed: 9, capacity: 4 }.into(), Code::ResourceExhausted, Some("-1")),
            (EngineError::UnknownToken { token: 9, vocab_size: 9 }.into(), Code::FailedPrecondition, None),
            (EngineError::NotFinite.into(), Code::Internal, None),
            (EngineError::Model("out of memory".to_owned()).into(), Code::Internal, None),
            (EngineError::Stopped.into(), Code::Unavailable, None),
        ];
        for (error, code, pushback) in cases {
            let text = error.to_string();
            let status = Status::from(error);
            assert_eq!(status.code(), code, "{text}");
            assert_eq!(status.message(), text);
            let sent = status.metadata().get(RETRY_PUSHBACK).map(|value| value.to_str().unwrap());
            assert_eq!(sent, pushback, "{text}");
        }
    }

    #[test]
    fn a_message_fits_a_header_whatever_the_caller_or_the_template_says() {
        let role = RequestError::Role { index: 0, role: "é".repeat(1 << 20) };
        let message = Status::from(CallError::Request(role)).message().to_owned();
        assert!(message.starts_with("message 0 has the role \"éé") && message.ends_with("é…"), "{message}");
        assert!(message.len() <= MAX_MESSAGE + '…'.len_utf8());
    }

    #[test]
    fn a_refusal_says_who_refused_and_why() {
        let refused = ContextError::Render(RenderError::Refused("Only user roles".to_owned()));
        let status = Status::from(CallError::Context(refused));
        assert_eq!(status.message(), "the model's chat template refuses these messages: Only user roles");
    }

    #[test]
    fn a_cause_is_told_once() {
        let failed = RenderError::Failed(minijinja::Error::new(minijinja::ErrorKind::UndefinedError, "x is undefined"));
        let message = Status::from(CallError::Context(failed.into())).message().to_owned();
        assert!(
            message.starts_with("the model's chat template failed on these messages: undefined value: x is"),
            "{message}"
        );
        assert_eq!(message.matches("chat template failed").count(), 1);
    }
}
