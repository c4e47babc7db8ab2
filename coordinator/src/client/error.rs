//! What can go wrong with a call, named by what its caller can do about it.

use std::{error::Error, time::Duration};

use specfuse_runtime::message::clipped;
use tonic::{Code, Status};

/// Bytes of a worker's own words that are passed on.
const LONGEST_MESSAGE: usize = 1024;
/// How the transport begins to say that a message, here or there, is over the limit on its size.
const OVERSIZED: [&str; 2] = ["Error, decoded message length too large", "Error, encoded message length too large"];

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum CallError {
    /// Another replica may answer.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// Not answered in time: no time is left to ask another.
    #[error("no answer within {timeout:?}")]
    Late { timeout: Duration },
    /// Another replica may have room.
    #[error("busy: {0}")]
    Busy(String),
    /// The context does not fit the model, or the call never fits the worker's cache.
    #[error("context full: {0}")]
    ContextFull(String),
    /// The model's template refuses these messages: no replica takes them.
    #[error("{0}")]
    Refused(String),
    /// The worker holds the call to be wrong: repeating it is no use.
    #[error("{0}")]
    Invalid(String),
    /// The model or the worker failed; another replica may do better.
    #[error("failed: {0}")]
    Broken(String),
    /// The answer is not one; a sound replica may give one.
    #[error("nonsense: {0}")]
    Malformed(#[from] Malformed),
}

/// Why an answer cannot be one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it describes itself without a model name")]
    NoModel,
    #[error("it describes itself in a word of {0} bytes")]
    LongName(usize),
    #[error("it describes itself with {0} capabilities")]
    Capabilities(usize),
    #[error("it says its {fact} is {told:?}, it is registered as {registered:?}")]
    Unregistered { fact: &'static str, told: String, registered: String },
    #[error("{tokens} tokens drafted, 1 to {asked} were asked for")]
    DraftedTokens { tokens: u32, asked: u32 },
    #[error("{logprobs} log-probabilities for {drawn} tokens drawn")]
    TokenLogprobs { logprobs: usize, drawn: u32 },
    #[error("a drafted token's log-probability is not a finite number")]
    NotFinite,
    #[error("{bytes} bytes of text from {tokens} tokens")]
    TextLength { bytes: usize, tokens: u32 },
    #[error("{tokens} tokens told of {drafted} drafted")]
    Tokens { tokens: usize, drafted: u32 },
    #[error("the texts of its tokens are not its text")]
    TokenTexts,
    #[error("{told} alternatives to a token, {asked} were asked for")]
    Alternatives { told: usize, asked: u32 },
    #[error("a token of {0} bytes")]
    TokenLength(usize),
    #[error("{scored} candidates scored, {asked} were asked for")]
    Candidates { scored: usize, asked: usize },
    #[error("a log-probability of {0}")]
    Positive(f32),
}

impl CallError {
    /// Whether another replica of the same model may answer the same call.
    pub(crate) fn is_worth_another_replica(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Busy(_) | Self::Broken(_) | Self::Malformed(_) => true,
            Self::Late { .. } | Self::ContextFull(_) | Self::Refused(_) | Self::Invalid(_) => false,
        }
    }

    /// In one word, for who counts.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Late { .. } => "late",
            Self::Busy(_) => "busy",
            Self::ContextFull(_) => "context_full",
            Self::Refused(_) => "refused",
            Self::Invalid(_) => "invalid",
            Self::Broken(_) => "broken",
            Self::Malformed(_) => "malformed",
        }
    }

    pub(super) fn from_status(status: &Status, timeout: Duration) -> Self {
        let message = message_of(status);
        match status.code() {
            Code::DeadlineExceeded => Self::Late { timeout },
            // The transport's own report of a passed deadline, here or at the worker.
            Code::Cancelled if status.message() == "Timeout expired" => Self::Late { timeout },
            Code::Unavailable | Code::Cancelled | Code::Aborted => Self::Unreachable(message),
            Code::Unknown | Code::Internal if is_transport(status) => Self::Unreachable(message),
            Code::ResourceExhausted if never_again(status) => Self::ContextFull(message),
            Code::ResourceExhausted => Self::Busy(message),
            Code::OutOfRange if OVERSIZED.iter().any(|start| message.starts_with(start)) => Self::Broken(message),
            Code::OutOfRange => Self::ContextFull(message),
            Code::FailedPrecondition => Self::Refused(message),
            Code::InvalidArgument => Self::Invalid(message),
            Code::Ok
            | Code::Unknown
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss
            | Code::Unauthenticated => Self::Broken(message),
        }
    }
}

/// A worker whose cache can never hold a call asks not to be sent it again.
fn never_again(status: &Status) -> bool {
    status.metadata().get("grpc-retry-pushback-ms").is_some_and(|pushback| pushback.as_bytes().starts_with(b"-"))
}

/// A status that the worker sent has no source; one that the transport made up has.
fn is_transport(status: &Status) -> bool {
    status.source().is_some()
}

/// The message with the chain below it: "transport error" alone helps nobody.
fn message_of(status: &Status) -> String {
    let mut parts = vec![status.message().to_owned()];
    let mut cause = status.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !parts.contains(&text) {
            parts.push(text);
        }
        cause = error.source();
    }
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() { status.code().description().to_owned() } else { clipped(parts.join(": "), LONGEST_MESSAGE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed_back(millis: &'static str) -> Status {
        let mut status = Status::resource_exhausted("never");
        status.metadata_mut().insert("grpc-retry-pushback-ms", millis.parse().unwrap());
        status
    }

    #[test]
    fn a_status_becomes_what_the_caller_can_do() {
        let cases = [
            (Status::unavailable("a"), CallError::Unreachable("a".to_owned())),
            (Status::resource_exhausted("b"), CallError::Busy("b".to_owned())),
            (Status::out_of_range("c"), CallError::ContextFull("c".to_owned())),
            (pushed_back("-1"), CallError::ContextFull("never".to_owned())),
            (pushed_back("100"), CallError::Busy("never".to_owned())),
            (Status::failed_precondition("d"), CallError::Refused("d".to_owned())),
            (Status::invalid_argument("e"), CallError::Invalid("e".to_owned())),
            (Status::internal("f"), CallError::Broken("f".to_owned())),
            (Status::deadline_exceeded("g"), CallError::Late { timeout: Duration::from_secs(1) }),
            (Status::cancelled("Timeout expired"), CallError::Late { timeout: Duration::from_secs(1) }),
            (Status::unimplemented(""), CallError::Broken(Code::Unimplemented.description().to_owned())),
            (Status::from_error(Box::new(std::io::Error::other("reset"))), CallError::Unreachable("reset".to_owned())),
        ];
        for (status, expected) in cases {
            assert_eq!(CallError::from_status(&status, Duration::from_secs(1)), expected);
        }
    }
}
