//! How an answer can fail.

use std::sync::Arc;

use specfuse_core::generation::Failure;

use super::{READING, calls::Miss};

#[derive(Debug, thiserror::Error)]
pub(crate) enum GenerateError {
    /// `misses`: why the last call to each member failed, where it did, in their order.
    #[error("ensemble {ensemble}: {failure}")]
    Failed { ensemble: Arc<str>, failure: Failure, misses: Vec<(Arc<str>, Miss)> },
    /// The shutdown's grace is over.
    #[error("the coordinator stopped before the answer was finished")]
    Cut,
    #[error("the deadline of the call passed before the answer was finished")]
    DeadlineExceeded,
    #[error("nothing of the answer was read for {READING:?}")]
    Unread,
}

impl GenerateError {
    /// In one word, for who counts.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Failed { failure, .. } => match failure {
                Failure::Refused => "refused",
                Failure::PromptTooLong => "prompt_too_long",
                Failure::ContextFull => "context_full",
                Failure::Unavailable => "unavailable",
                Failure::NoQuorum => "no_quorum",
            },
            Self::Cut => "cut",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Unread => "unread",
        }
    }
}
