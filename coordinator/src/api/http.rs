//! The HTTP interface: OpenAI's, what is ours beside it, and the console. On the same port as gRPC, with the same keys.
//!
//! - `types`: JSON; `extract`: bodies; `error`: what is refused
//! - `wanted`: what is asked for; `asking`, `told`, `usage`: how it is answered
//! - `chat`, `completions`, `models`: OpenAI's paths; `cluster`: ours; `health`, `console`: for people and machines that watch;
//!   `document`: all of them, described

mod asking;
mod chat;
mod cluster;
mod completions;
mod console;
mod document;
mod error;
mod extract;
#[cfg(test)]
mod fuzz;
mod health;
mod models;
mod told;
mod types;
mod usage;
mod wanted;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::error::HttpError;
use super::intake::Intake;
use crate::auth::Gate;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every handler has.
#[derive(Clone, Debug)]
struct Http {
    intake: Arc<Intake>,
    /// Seconds since 1970.
    started: i64,
}

/// Of this request: the client's own, or a new one.
#[derive(Clone, Debug)]
struct RequestId(Arc<str>);

/// Who may ask, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Doors {
    pub(crate) gate: Gate,
    /// For health and metrics.
    pub(crate) health_gate: Gate,
    /// Pages of other sites that may ask in a browser.
    pub(crate) cors: Vec<HeaderValue>,
}

/// Everything but gRPC.
pub(crate) fn router(intake: Arc<Intake>, doors: Doors) -> Router {
    let http = Http { intake, started: chrono::Utc::now().timestamp() };
    let (asked, document) = OpenApiRouter::with_openapi(document::empty())
        .routes(routes!(chat::chat))
        .routes(routes!(completions::completions))
        .routes(routes!(models::models))
        .routes(routes!(models::model))
        .routes(routes!(cluster::cluster))
        .routes(routes!(cluster::recording))
        .split_for_parts();
    let (watched, health) = OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .split_for_parts();
    let document: Arc<str> = document::json(document.merge_from(health)).into();
    let asked = asked
        .route("/v1/models/{ensemble}/{*member}", get(models::member))
        .layer(middleware::from_fn_with_state(doors.gate, admitted));
    let watched = watched.layer(middleware::from_fn_with_state(doors.health_gate, admitted));
    let json = [(header::CONTENT_TYPE, "application/json")];
    Router::new()
        .merge(asked)
        .merge(watched)
        .with_state(http)
        .route("/openapi.json", get(move || std::future::ready((json, document.to_string()))))
        .route("/", get(console::page))
        .route("/console/{name}", get(console::file))
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn(named))
        .layer(cors(doors.cors))
}

/// For whatever no path is: gRPC's way where gRPC asks.
pub(crate) async fn no_such_path(request: Request) -> Response {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok());
    if media_type.is_some_and(|given| given.starts_with("application/grpc")) {
        return tonic::Status::unimplemented("").into_http();
    }
    let message = format!("there is nothing at {} {}", request.method(), request.uri().path());
    HttpError::of(StatusCode::NOT_FOUND, "invalid_request_error", message).into_response()
}

async fn no_such_method(request: Request) -> HttpError {
    let message = format!("{} has no {}", request.uri().path(), request.method());
    HttpError::of(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message)
}

async fn admitted(State(gate): State<Gate>, mut request: Request, next: Next) -> Result<Response, HttpError> {
    if let Some(caller) = gate.caller(request.headers())? {
        request.extensions_mut().insert(caller);
    }
    Ok(next.run(request).await)
}

/// Gives the request its id, and tells it.
async fn named(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID).and_then(|given| given.to_str().ok());
    let given = given.filter(|given| (1..=128).contains(&given.len()));
    let id: Arc<str> = given.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned).into();
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let mut response = next.run(request).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Nobody, unless the configuration names them.
fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let any = origins.iter().any(|origin| origin == "*");
    let origins = if any { AllowOrigin::any() } else { AllowOrigin::list(origins) };
    let exposed = [REQUEST_ID, header::RETRY_AFTER, HeaderName::from_static("retry-after-ms")];
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, REQUEST_ID])
        .expose_headers(exposed)
}
