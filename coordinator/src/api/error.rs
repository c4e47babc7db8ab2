//! Typed errors to gRPC status, in one match.

use std::{sync::Arc, time::Duration};

use specfuse_core::generation::Failure;
use specfuse_runtime::message::clipped;
use tonic::{Code, Status, metadata::MetadataValue};

use super::validate::Invalid;
use crate::{
    admission::Denied,
    client::CallError,
    driver::{GenerateError, Miss},
    limits::OverLimit,
};

#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    #[error(transparent)]
    Generate(#[from] GenerateError),
    #[error(transparent)]
    NoRecording(#[from] NoRecording),
}

#[derive(Debug, thiserror::Error)]
#[error(
    "request_id: there is no recording of {0:?}: it was not asked for, or not with this API key, or it had to make room"
)]
pub(super) struct NoRecording(pub(super) String);

/// Bytes. Percent-encoded they are up to three times as many, and many clients take 16 KiB of headers.
const LONGEST_MESSAGE: usize = 4096;
/// When to come back where nothing says it better: after this, and up to as much again, so that not all come at once.
const COME_BACK: Duration = Duration::from_secs(1);

type Misses = [(Arc<str>, Miss)];

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let told = error.to_string();
        let after = error.come_back();
        let (code, told) = match error {
            ApiError::Invalid(Invalid::UnknownEnsemble { .. } | Invalid::UnknownStrategy { .. }) => {
                (Code::NotFound, told)
            }
            ApiError::NoRecording(_) => (Code::NotFound, told),
            ApiError::Invalid(_) => (Code::InvalidArgument, told),
            ApiError::OverLimit(_) | ApiError::Denied(Denied::Full(_) | Denied::Late(_)) => {
                (Code::ResourceExhausted, told)
            }
            ApiError::Denied(Denied::Expired) | ApiError::Generate(GenerateError::DeadlineExceeded) => {
                (Code::DeadlineExceeded, told)
            }
            ApiError::Generate(GenerateError::Unread) => (Code::Aborted, told),
            ApiError::Denied(Denied::Stopping) | ApiError::Generate(GenerateError::Cut) => (Code::Unavailable, told),
            ApiError::Generate(GenerateError::Failed { ensemble, failure, misses }) => match failure {
                Failure::Refused => (Code::InvalidArgument, refusal(failure, &misses)),
                Failure::PromptTooLong => (Code::InvalidArgument, with_reasons(failure.to_string(), &misses)),
                Failure::ContextFull => (Code::OutOfRange, with_reasons(failure.to_string(), &misses)),
                Failure::Unavailable | Failure::NoQuorum => {
                    let code = if all_busy(&misses) { Code::ResourceExhausted } else { Code::Unavailable };
                    (code, with_reasons(format!("ensemble {ensemble}: {failure}"), &misses))
                }
            },
        };
        let mut status = Self::new(code, clipped(told, LONGEST_MESSAGE));
        if code == Code::ResourceExhausted {
            // The trailer that gRPC clients with a retry policy obey, in milliseconds.
            let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from(millis));
        }
        status
    }
}

impl ApiError {
    fn come_back(&self) -> Duration {
        let Self::OverLimit(OverLimit::Requests { after, .. } | OverLimit::Tokens { after, .. }) = self else {
            return COME_BACK.mul_f64(rand::random_range(1.0..2.0));
        };
        *after
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
