//! A call under way, for who counts and who traces: from its arrival until its answer is told, or it is dropped.

use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::{Code, Response, Status};
use tracing::Span;

use super::spans;
use crate::{
    metrics::{Counting, Metrics},
    status::CallError,
};

pub(super) struct Answering {
    _counted: TaskTrackerToken,
    counting: Counting,
    span: Span,
    /// Cancelled until it is told.
    code: Code,
    logs_content: bool,
}

impl Answering {
    /// A call that makes no sense has no span.
    pub(super) fn begin(counted: TaskTrackerToken, metrics: &Metrics, call: &'static str, logs_content: bool) -> Self {
        let counting = metrics.begin(call);
        Self { _counted: counted, counting, span: Span::none(), code: Code::Cancelled, logs_content }
    }

    pub(super) fn within(&mut self, span: &Span) {
        self.span = span.clone();
    }

    pub(super) fn end<T>(mut self, answered: Result<T, CallError>) -> Result<Response<T>, Status> {
        let told = self.span.in_scope(|| answer(answered, self.logs_content));
        self.code = told.as_ref().map_or_else(Status::code, |_| Code::Ok);
        self.counting.ends(self.code);
        told
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        spans::ended(&self.span, self.code);
    }
}

/// A call's answer or its status; what is the worker's own fault is logged.
pub(super) fn answer<T>(answered: Result<T, CallError>, logs_content: bool) -> Result<Response<T>, Status> {
    answered.map(Response::new).map_err(|error| {
        let what = error.to_string();
        let status = Status::from(error);
        // A template's own words, and what a library says of a text, may quote it.
        let why = logs_content.then(|| status.message());
        if status.code() == Code::Internal {
            tracing::error!(what, why, "call failed");
        } else {
            tracing::debug!(code = ?status.code(), why, "call refused");
        }
        status
    })
}
