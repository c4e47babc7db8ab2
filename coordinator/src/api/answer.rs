//! One answer on its way out: items become responses, tokens are charged to the key, and content is logged where that is wanted.

use std::sync::Arc;

use specfuse_proto::v1::{self as proto, draft_report::Outcome, generate_response::Event};
use tonic::Status;

use super::error::ApiError;
use crate::{
    driver::{GenerateError, Item},
    limits::{Allowance, Meter},
    report,
    request::GenerateRequest,
};

/// Lives as long as the response stream, and with it what the key is allowed at once.
pub(super) struct Answer {
    /// None: no key was needed.
    meter: Option<Arc<Meter>>,
    _allowance: Option<Allowance>,
    /// The request's id, where content may be logged.
    logged: Option<Arc<str>>,
}

impl Answer {
    pub(super) fn new(meter: Option<Arc<Meter>>, allowance: Option<Allowance>) -> Self {
        Self { meter, _allowance: allowance, logged: None }
    }

    /// Logs the prompt, and each segment when it comes.
    pub(super) fn logged(self, request: &GenerateRequest) -> Self {
        let request_id = Arc::clone(&request.request_id);
        tracing::debug!(request_id = ?request_id, prompt = ?request.prompt, "asked");
        Self { logged: Some(request_id), ..self }
    }

    pub(super) fn told(&self, item: Result<Item, GenerateError>) -> Result<proto::GenerateResponse, Status> {
        let response = report::response(item.map_err(ApiError::from)?);
        if let Some(Event::Segment(segment)) = &response.event {
            if let Some(meter) = &self.meter {
                meter.charge(tokens(segment));
            }
            if let Some(request_id) = &self.logged {
                tracing::debug!(request_id = ?request_id, round = segment.round, text = ?segment.text, "wrote");
            }
        }
        Ok(response)
    }
}

/// As its author drafted it. Charged with each segment, so that a client that leaves early has paid for what it got.
fn tokens(segment: &proto::Segment) -> u32 {
    let winner = segment.drafts.iter().find(|draft| draft.member == segment.winner);
    match winner.and_then(|draft| draft.outcome.as_ref()) {
        Some(Outcome::Draft(draft)) => draft.drafted_tokens,
        Some(Outcome::Missed(_)) | None => 0,
    }
}
