//! Typed errors to gRPC status, in one match.

use std::sync::Arc;

use specfuse_core::generation::Failure;
use tonic::{Code, Status, metadata::MetadataValue};

use super::validate::Invalid;
use crate::{
    admission::Denied,
    client::CallError,
    driver::{GenerateError, Miss},
};

#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Generate(#[from] GenerateError),
}

type Misses = [(Arc<str>, Miss)];

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let told = error.to_string();
        match error {
            ApiError::Invalid(Invalid::UnknownEnsemble { .. }) => Self::not_found(told),
            ApiError::Invalid(_) => Self::invalid_argument(told),
            ApiError::Denied(Denied::Full { .. }) => retry_later(Self::resource_exhausted(told)),
            ApiError::Denied(Denied::Stopping) | ApiError::Generate(GenerateError::Cut) => Self::unavailable(told),
            ApiError::Generate(GenerateError::Failed { ensemble, failure, misses }) => match failure {
                Failure::Refused => Self::invalid_argument(refusal(failure, &misses)),
                Failure::PromptTooLong => Self::invalid_argument(with_reasons(failure.to_string(), &misses)),
                Failure::ContextFull => Self::new(Code::OutOfRange, with_reasons(failure.to_string(), &misses)),
                Failure::Unavailable => {
                    let told = format!("no member of ensemble {ensemble} could be reached");
                    Self::unavailable(with_reasons(told, &misses))
                }
            },
        }
    }
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

/// The trailer that gRPC clients with a retry policy obey, in milliseconds.
fn retry_later(mut status: Status) -> Status {
    status.metadata_mut().insert("grpc-retry-pushback-ms", MetadataValue::from_static("1000"));
    status
}
