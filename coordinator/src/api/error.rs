//! Typed errors to gRPC status: the code and the reason in one match, what else a client's program can use in [`details`].

mod details;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use specfuse_core::generation::Failure;
use specfuse_runtime::message::clipped;
use tonic::{Code, Status, metadata::MetadataValue};
use tonic_types::StatusExt;

use super::validate::Invalid;
use crate::{
    admission::Denied,
    auth::Stranger,
    client::CallError,
    driver::{GenerateError, Miss},
    limits::{OverLimit, Standings},
    recordings::Missing,
};

#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error(transparent)]
    Stranger(#[from] Stranger),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("{limit}")]
    OverLimit { key: Arc<str>, limit: OverLimit, standings: Standings },
    #[error(transparent)]
    Generate(#[from] GenerateError),
    #[error(transparent)]
    NoRecording(#[from] NoRecording),
}

#[derive(Debug, thiserror::Error)]
#[error("request_id: there is no recording of {request_id:?}: {}", why_missing(*why))]
pub(super) struct NoRecording {
    pub(super) request_id: String,
    pub(super) why: Missing,
}

fn why_missing(why: Missing) -> String {
    match why {
        Missing::Unknown => "it was not asked for, or not with this API key, or it had to make room".to_owned(),
        Missing::TooLarge(most) => format!("it came to more than the {most} bytes that one may have here"),
    }
}

/// Bytes. A message travels twice, percent-encoded to three times its length at most and in the details in base64, and many clients
/// take 16 KiB of headers.
const LONGEST_MESSAGE: usize = 3072;
/// When to come back where nothing says it better: after this, and up to as much again, so that not all come at once.
const COME_BACK: Duration = Duration::from_secs(1);

/// The reason of an answer that its members can read no further.
pub(super) const CONTEXT_FULL: &str = "CONTEXT_FULL";

type Misses = [(Arc<str>, Miss)];

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let (message, after) = (error.message(), error.retry_after());
        let details = details::of(&error, &message, after);
        let mut status = Self::with_error_details(error.code(), message, details);
        if let Some(after) = after {
            // The trailer that gRPC clients with a retry policy obey, in milliseconds.
            let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from(millis));
        }
        status
    }
}

impl From<Stranger> for Status {
    fn from(stranger: Stranger) -> Self {
        ApiError::from(stranger).into()
    }
}

impl ApiError {
    /// What the protocol calls it, and the word by which programs tell it from others.
    fn kind(&self) -> (Code, &'static str) {
        match self {
            Self::Stranger(Stranger::NoKey) => (Code::Unauthenticated, "API_KEY_MISSING"),
            Self::Stranger(Stranger::Malformed) => (Code::Unauthenticated, "API_KEY_MALFORMED"),
            Self::Stranger(Stranger::Unknown) => (Code::Unauthenticated, "API_KEY_UNKNOWN"),
            Self::Invalid(Invalid::UnknownEnsemble { .. }) => (Code::NotFound, "UNKNOWN_ENSEMBLE"),
            Self::Invalid(Invalid::UnknownStrategy { .. }) => (Code::NotFound, "UNKNOWN_STRATEGY"),
            Self::Invalid(Invalid::Unsupported(_)) => (Code::InvalidArgument, "UNSUPPORTED_BY_STRATEGY"),
            Self::Invalid(_) => (Code::InvalidArgument, "INVALID_FIELD"),
            Self::NoRecording(_) => (Code::NotFound, "NO_RECORDING"),
            Self::OverLimit { limit: OverLimit::Requests { .. }, .. } => {
                (Code::ResourceExhausted, "KEY_REQUESTS_PER_MINUTE")
            }
            Self::OverLimit { limit: OverLimit::Generations { .. }, .. } => {
                (Code::ResourceExhausted, "KEY_MAX_GENERATIONS")
            }
            Self::OverLimit { limit: OverLimit::TooMany { .. }, .. } => (Code::InvalidArgument, "TOO_MANY_CHOICES"),
            Self::OverLimit { limit: OverLimit::Tokens { .. }, .. } => {
                (Code::ResourceExhausted, "KEY_TOKENS_PER_MINUTE")
            }
            Self::Denied(Denied::Full(_)) => (Code::ResourceExhausted, "COORDINATOR_FULL"),
            Self::Denied(Denied::Late(_)) => (Code::ResourceExhausted, "NO_PLACE_IN_TIME"),
            Self::Denied(Denied::Expired) | Self::Generate(GenerateError::DeadlineExceeded) => {
                (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
            }
            Self::Denied(Denied::Stopping) | Self::Generate(GenerateError::Cut) => {
                (Code::Unavailable, "COORDINATOR_STOPPING")
            }
            Self::Generate(GenerateError::Unread) => (Code::Aborted, "ANSWER_UNREAD"),
            Self::Generate(GenerateError::Failed { failure, misses, .. }) => match failure {
                Failure::Refused => (Code::InvalidArgument, "PROMPT_REFUSED"),
                Failure::PromptTooLong => (Code::InvalidArgument, "PROMPT_TOO_LONG"),
                Failure::ContextFull => (Code::OutOfRange, CONTEXT_FULL),
                Failure::Unavailable | Failure::NoQuorum if all_busy(misses) => {
                    (Code::ResourceExhausted, "MEMBERS_BUSY")
                }
                Failure::Unavailable => (Code::Unavailable, "MEMBERS_UNAVAILABLE"),
                Failure::NoQuorum => (Code::Unavailable, "NO_QUORUM"),
            },
        }
    }

    pub(super) fn code(&self) -> Code {
        self.kind().0
    }

    /// In upper snake case, the same for all errors that a program would treat alike.
    pub(super) fn reason(&self) -> &'static str {
        self.kind().1
    }

    /// One sentence, as long as headers allow.
    pub(super) fn message(&self) -> String {
        let told = match self {
            Self::Generate(GenerateError::Failed { ensemble, failure, misses }) => match failure {
                Failure::Refused => refusal(*failure, misses),
                Failure::PromptTooLong | Failure::ContextFull => with_reasons(failure.to_string(), misses),
                Failure::Unavailable | Failure::NoQuorum => {
                    with_reasons(format!("ensemble {ensemble}: {failure}"), misses)
                }
            },
            Self::Stranger(_)
            | Self::Invalid(_)
            | Self::Denied(_)
            | Self::OverLimit { .. }
            | Self::Generate(_)
            | Self::NoRecording(_) => self.to_string(),
        };
        clipped(told, LONGEST_MESSAGE)
    }

    /// The path of the field that is to blame, as in the contract. None: none is.
    pub(super) fn field(&self) -> Option<String> {
        match self {
            Self::Invalid(invalid) => Some(invalid.field()),
            Self::NoRecording(_) => Some("request_id".to_owned()),
            Self::Generate(GenerateError::Failed { failure: Failure::Refused | Failure::PromptTooLong, .. }) => {
                Some("prompt".to_owned())
            }
            Self::OverLimit { limit: OverLimit::TooMany { .. }, .. } => Some("n".to_owned()),
            Self::Stranger(_) | Self::Denied(_) | Self::OverLimit { .. } | Self::Generate(_) => None,
        }
    }

    /// When the same request may well succeed here, in whole milliseconds. None: not by waiting.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let after = match self {
            Self::OverLimit { limit: OverLimit::Requests { after, .. } | OverLimit::Tokens { after, .. }, .. } => {
                *after
            }
            Self::OverLimit { limit: OverLimit::Generations { .. }, .. }
            | Self::Denied(Denied::Full(_) | Denied::Late(_))
            | Self::Generate(GenerateError::Failed { failure: Failure::Unavailable | Failure::NoQuorum, .. }) => {
                COME_BACK.mul_f64(rand::random_range(1.0..2.0))
            }
            // A coordinator that stops does not come back: another can be asked at once.
            Self::Denied(Denied::Stopping | Denied::Expired)
            | Self::Generate(_)
            | Self::Stranger(_)
            | Self::Invalid(_)
            | Self::OverLimit { limit: OverLimit::TooMany { .. }, .. }
            | Self::NoRecording(_) => return None,
        };
        let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        Some(Duration::from_millis(millis))
    }
}

fn all_busy(misses: &Misses) -> bool {
    !misses.is_empty() && misses.iter().all(|(_, miss)| matches!(miss, Miss::Call(CallError::Busy(_))))
}

/// Where every member holds the request itself to be wrong, the first says it for all.
fn refusal(failure: Failure, misses: &Misses) -> String {
    let invalid = |(_, miss): &(Arc<str>, Miss)| matches!(miss, Miss::Call(CallError::Invalid(_)));
    match misses {
        [(_, first), ..] if misses.iter().all(invalid) => first.to_string(),
        _ => with_reasons(failure.to_string(), misses),
    }
}

fn with_reasons(told: String, misses: &Misses) -> String {
    let reasons: Vec<String> = misses.iter().map(|(member, miss)| format!("{member}: {miss}")).collect();
    if reasons.is_empty() { told } else { format!("{told}: {}", reasons.join("; ")) }
}
