//! `/healthz`, `/readyz`, `/metrics`: for whoever runs this coordinator.

use axum::{
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use specfuse_runtime::admin::{OPEN_METRICS, Standing as _};

use super::{Http, error::HttpError};
use crate::standing::Standing;

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, description = "ok", body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// New requests are taken: not before the workers of the first list have been tried, and not once it has been told to stop.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "ready", body = String),
    (status = 503, description = "why not", body = String),
))]
pub(super) async fn readyz(State(http): State<Http>) -> (StatusCode, String) {
    match Standing(http.intake).ready() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// In the text format of OpenMetrics.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, description = "What is counted", body = String, content_type = "application/openmetrics-text"),
))]
pub(super) async fn metrics(State(http): State<Http>) -> Result<Response, HttpError> {
    let failed = |_| HttpError::of(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the metrics cannot be written");
    let text = Standing(http.intake).metrics().map_err(failed)?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
