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

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::sync::Semaphore;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::error::HttpError;
use super::{intake::Intake, validate::LONGEST_REQUEST_ID};
use crate::auth::Gate;

/// How long a browser need not ask again whether it may ask.
const PREFLIGHT: Duration = Duration::from_secs(600);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every handler has.
#[derive(Clone, Debug)]
struct Http {
    intake: Arc<Intake>,
    /// Seconds since 1970.
    started: i64,
    large_bodies: Arc<Semaphore>,
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
    /// Only who asks this machine by its own name is answered.
    pub(crate) only_local: bool,
}

fn router(intake: Arc<Intake>, doors: Doors) -> Router {
    let large_bodies = Arc::new(Semaphore::new(extract::LARGE_BODIES));
    let http = Http { intake, started: chrono::Utc::now().timestamp(), large_bodies };
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
}

/// Everything but gRPC, and what answers where there is nothing at all.
pub(crate) fn routers(intake: &Arc<Intake>, doors: Doors) -> (Router, Router) {
    let at_home = Arc::new(AtHome { intake: Arc::clone(intake), only_local: doors.only_local });
    let cors = cors(doors.cors.clone());
    let dressed = |router: Router| {
        let named = middleware::from_fn_with_state(Arc::clone(&at_home), named);
        router.layer(named).layer(cors.clone())
    };
    (dressed(router(Arc::clone(intake), doors)), dressed(Router::new().fallback(no_such_path)))
}

/// gRPC's way where gRPC asks.
async fn no_such_path(request: Request) -> Response {
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

/// What the outermost layer knows.
struct AtHome {
    intake: Arc<Intake>,
    only_local: bool,
}

/// Gives the request its id, and tells it. A connection of HTTP/1.1 ends once the stop has begun: another coordinator can be asked.
async fn named(State(home): State<Arc<AtHome>>, mut request: Request, next: Next) -> Response {
    let version = request.version();
    let (id, refused) = match id(&request) {
        Ok(id) => (id, None),
        Err(refused) => (new_id(), Some(refused)),
    };
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let mut response = match refused {
        Some(refused) => refused.into_response(),
        None if home.only_local && !is_local(&request) => {
            let message =
                "host: this coordinator has no API keys and listens on this machine alone: ask it as localhost";
            HttpError::of(StatusCode::FORBIDDEN, "invalid_request_error", message).into_response()
        }
        None => next.run(request).await,
    };
    home.intake.metrics.responded(response.status().as_u16());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    if version <= Version::HTTP_11 && !home.intake.admission.is_open() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn id(request: &Request) -> Result<Arc<str>, HttpError> {
    let Some(given) = request.headers().get(&REQUEST_ID) else { return Ok(new_id()) };
    let fits = given.to_str().ok().filter(|given| (1..=LONGEST_REQUEST_ID).contains(&given.len()));
    fits.map(Arc::from).ok_or_else(|| {
        let message = format!("x-request-id: 1 to {LONGEST_REQUEST_ID} visible ASCII characters are allowed");
        HttpError::invalid(Some("x-request-id".to_owned()), message)
    })
}

fn new_id() -> Arc<str> {
    uuid::Uuid::new_v4().to_string().into()
}

/// Whether the request is for this machine by its name: a page of another site whose name has been made to lead here is not.
fn is_local(request: &Request) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = request.uri().host().or(host) else { return true };
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// Nobody, unless the configuration names them.
fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let any = origins.iter().any(|origin| origin == "*");
    let origins = if any { AllowOrigin::any() } else { AllowOrigin::list(origins) };
    let limits = ["limit", "remaining", "reset"].into_iter().flat_map(|which| {
        ["requests", "tokens"].into_iter().filter_map(move |what| format!("x-ratelimit-{which}-{what}").parse().ok())
    });
    let exposed = [REQUEST_ID, header::RETRY_AFTER, HeaderName::from_static("retry-after-ms")];
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        // Clients send headers of their own with every call.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed.into_iter().chain(limits).collect::<Vec<_>>())
        .max_age(PREFLIGHT)
}
