//! `/healthz`, `/readyz`, `/metrics`: for whoever runs this coordinator.

use axum::{
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use super::{Http, error::HttpError};
use crate::metrics::Now;

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, description = "ok", body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// New requests are taken: not once it has been told to stop.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "ready", body = String),
    (status = 503, description = "stopping", body = String),
))]
pub(super) async fn readyz(State(http): State<Http>) -> (StatusCode, &'static str) {
    if http.intake.admission.is_open() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    }
}

/// In the text format of OpenMetrics.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, description = "What is counted", body = String, content_type = "application/openmetrics-text"),
))]
pub(super) async fn metrics(State(http): State<Http>) -> Result<Response, HttpError> {
    let intake = &http.intake;
    let now = Now {
        generations: intake.admission.counts(),
        cluster: intake.pool.cluster(),
        last_sync: intake.directory.last_sync(),
    };
    let failed = |_| HttpError::of(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the metrics cannot be written");
    let text = intake.metrics.told(&now).map_err(failed)?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, media_type)], text).into_response())
}
