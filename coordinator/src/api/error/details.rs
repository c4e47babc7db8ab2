//! What a client's program can use of an error, as google.rpc details: the reason, the field that is wrong, when to come back, and
//! which limit of whose key is reached. Nothing of what was sent is repeated but by the message.

use std::{collections::HashMap, time::Duration};

use specfuse_runtime::message::clipped;
use tonic_types::ErrorDetails;

use super::ApiError;
use crate::{
    admission::{Bounds, Denied},
    driver::GenerateError,
    limits::OverLimit,
};

const DOMAIN: &str = "specfuse";
/// Bytes: what is longer stands in the message.
const LONGEST_DESCRIPTION: usize = 256;
/// Bytes of a name that an administrator chose.
const LONGEST_NAME: usize = 128;

pub(super) fn of(error: &ApiError, message: &str, after: Option<Duration>) -> ErrorDetails {
    let mut details = ErrorDetails::with_error_info(error.reason(), DOMAIN, metadata(error));
    if let Some(field) = error.field() {
        let description = message.strip_prefix(field.as_str()).and_then(|rest| rest.strip_prefix(": "));
        let description = clipped(description.unwrap_or(message).to_owned(), LONGEST_DESCRIPTION);
        details.add_bad_request_violation(field, description);
    }
    if let ApiError::OverLimit { key, limit, .. } = error {
        let (name, allowed) = reached(limit);
        details.add_quota_failure_violation(clipped(key.to_string(), LONGEST_NAME), format!("{name}: {allowed}"));
    }
    if after.is_some() {
        details.set_retry_info(after);
    }
    details
}

/// The numbers and names in the message, for programs.
fn metadata(error: &ApiError) -> HashMap<String, String> {
    let pairs = match error {
        ApiError::OverLimit { limit, .. } => {
            let (name, allowed) = reached(limit);
            vec![("limit", name.to_owned()), ("allowed", allowed.to_string())]
        }
        ApiError::Denied(Denied::Full(bounds) | Denied::Late(bounds)) => {
            let Bounds { running, waiting, .. } = bounds;
            vec![("max_generations", running.to_string()), ("max_waiting", waiting.to_string())]
        }
        ApiError::Generate(GenerateError::Failed { ensemble, .. }) => {
            vec![("ensemble", clipped(ensemble.to_string(), LONGEST_NAME))]
        }
        ApiError::Denied(_)
        | ApiError::Generate(_)
        | ApiError::Stranger(_)
        | ApiError::Invalid(_)
        | ApiError::NoRecording(_) => Vec::new(),
    };
    pairs.into_iter().map(|(name, told)| (name.to_owned(), told)).collect()
}

/// A limit as the file of keys calls it, and its value.
fn reached(limit: &OverLimit) -> (&'static str, u32) {
    match limit {
        OverLimit::Requests { allowed, .. } => ("requests_per_minute", allowed.get()),
        OverLimit::Generations { allowed } | OverLimit::TooMany { allowed, .. } => ("max_generations", allowed.get()),
        OverLimit::Tokens { allowed, .. } => ("tokens_per_minute", allowed.get()),
    }
}
