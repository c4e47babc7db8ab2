//! What is refused, as OpenAI's clients expect it: `{"error": {message, type, param, code}}`. One match from our codes to HTTP's.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use specfuse_runtime::message::clipped;
use tonic::Code;
use utoipa::ToSchema;

use super::wanted::Naming;
use crate::{
    api::error::{ApiError, CONTEXT_FULL},
    auth::Stranger,
    limits::{Standing, Standings},
};

/// Bytes: what is wrong may be quoted in it, and may be as long as a request.
const LONGEST_MESSAGE: usize = 3072;
const LONGEST_PARAM: usize = 256;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HttpError {
    status: StatusCode,
    body: Box<ErrorDetail>,
    retry_after: Option<Duration>,
    /// Where the key's limits stand.
    limits: Box<HeaderMap>,
    /// What had been told of each choice.
    texts: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorDetail,
    /// Of an answer that broke off and was not streamed: what had been written of each choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) specfuse: Option<BrokenOff>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = SpecFuseBrokenOff)]
pub(crate) struct BrokenOff {
    pub(crate) texts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// What is wrong and what is allowed.
    pub(crate) message: String,
    /// "invalid_request_error", "authentication_error", "rate_limit_error", "server_error".
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The field that is wrong.
    pub(crate) param: Option<String>,
    pub(crate) code: Option<String>,
}

impl HttpError {
    /// The request itself is wrong.
    pub(super) fn invalid(param: Option<String>, message: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, "invalid_request_error", message).about(param, None)
    }

    pub(super) fn of(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        let message = clipped(message.into(), LONGEST_MESSAGE);
        let body = ErrorDetail { message, kind, param: None, code: None };
        Self { status, body: Box::new(body), retry_after: None, limits: Box::default(), texts: None }
    }

    pub(super) fn about(mut self, param: Option<String>, code: Option<&str>) -> Self {
        self.body.param = param.map(|param| clipped(param, LONGEST_PARAM));
        self.body.code = code.map(str::to_owned);
        self
    }

    /// About a request to ask: fields are called as they were given.
    pub(super) fn from_api(error: &ApiError, naming: Naming) -> Self {
        Self::naming(error, |field| naming.of(field))
    }

    fn naming(error: &ApiError, as_given: impl Fn(&str) -> String) -> Self {
        let (code, field) = (error.code(), error.field());
        let (status, kind) = status(code);
        let told = error.message();
        let renamed = field.as_deref().and_then(|field| Some(as_given(field) + told.strip_prefix(field)?));
        let message = renamed.unwrap_or(told);
        let known = match error.reason() {
            "UNKNOWN_ENSEMBLE" => "model_not_found".to_owned(),
            "API_KEY_MISSING" | "API_KEY_MALFORMED" | "API_KEY_UNKNOWN" => "invalid_api_key".to_owned(),
            "PROMPT_TOO_LONG" | CONTEXT_FULL => "context_length_exceeded".to_owned(),
            _ if code == Code::ResourceExhausted => "rate_limit_exceeded".to_owned(),
            reason => reason.to_lowercase(),
        };
        let limits = match error {
            ApiError::OverLimit { standings, .. } => Box::new(limits(*standings)),
            ApiError::Stranger(_)
            | ApiError::Invalid(_)
            | ApiError::Denied(_)
            | ApiError::Generate(_)
            | ApiError::NoRecording(_) => Box::default(),
        };
        let error = Self { retry_after: error.retry_after(), limits, ..Self::of(status, kind, message) };
        error.about(field.as_deref().map(as_given), Some(&known))
    }

    /// Of an answer that was admitted.
    pub(super) fn under(self, limits: HeaderMap) -> Self {
        Self { limits: Box::new(limits), ..self }
    }

    pub(super) fn after(self, texts: Vec<String>) -> Self {
        let has_any = texts.iter().any(|text| !text.is_empty());
        Self { texts: has_any.then_some(texts), ..self }
    }

    pub(super) fn body(&self) -> ErrorBody {
        let specfuse = self.texts.clone().map(|texts| BrokenOff { texts });
        ErrorBody { error: (*self.body).clone(), specfuse }
    }
}

impl From<ApiError> for HttpError {
    fn from(error: ApiError) -> Self {
        Self::naming(&error, str::to_owned)
    }
}

impl From<Stranger> for HttpError {
    fn from(stranger: Stranger) -> Self {
        ApiError::from(stranger).into()
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        response.headers_mut().extend(*self.limits);
        if let Some(after) = self.retry_after {
            // Whole seconds in the one, rounded up; what OpenAI's clients look at first in the other.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            response.headers_mut().insert("retry-after-ms", HeaderValue::from(millis));
        }
        response
    }
}

fn status(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => {
            (StatusCode::BAD_REQUEST, "invalid_request_error")
        }
        Code::NotFound => (StatusCode::NOT_FOUND, "invalid_request_error"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "authentication_error"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "authentication_error"),
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "server_error"),
        Code::DeadlineExceeded | Code::Aborted | Code::Cancelled => (StatusCode::GATEWAY_TIMEOUT, "server_error"),
        Code::Ok | Code::Unknown | Code::AlreadyExists | Code::Unimplemented | Code::Internal | Code::DataLoss => {
            (StatusCode::INTERNAL_SERVER_ERROR, "server_error")
        }
    }
}

/// The usual names: limit, what is left of it, and when all of it is there again.
pub(super) fn limits(standings: Standings) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (what, standing) in [("requests", standings.requests), ("tokens", standings.tokens)] {
        let Some(Standing { allowed, left, refilled }) = standing else { continue };
        let values = [
            ("limit", allowed.to_string()),
            ("remaining", left.to_string()),
            ("reset", format!("{}ms", refilled.as_millis())),
        ];
        for (which, value) in values {
            let name = HeaderName::try_from(format!("x-ratelimit-{which}-{what}"));
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
    }
    headers
}
