//! A request's body → its type, within a bound of bytes and of time. An error names the field.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{
        StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
        request::Parts,
    },
};
use serde::de::DeserializeOwned;
use specfuse_runtime::propagation::Origin;

use super::{Http, error::HttpError};
use crate::api::intake::Asker;

/// Bytes.
const LONGEST: usize = 4 << 20;
/// Bytes. Of larger bodies only so many are read at a time as [`LARGE_BODIES`] says.
const SMALL: usize = 64 << 10;
pub(super) const LARGE_BODIES: usize = 32;
/// What a body may take to come in whole.
const READING: Duration = Duration::from_secs(30);

pub(super) struct Body<T>(pub(super) T);

/// What stands in a path's places.
pub(super) struct Place<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Place<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(place)| Self(place)).map_err(|rejected| HttpError::invalid(None, rejected.body_text()))
    }
}

/// HTTP has no deadlines: who does not wait any longer goes.
impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { caller: parts.extensions.get().cloned(), deadline: None, origin: Origin::of(&parts.headers) })
    }
}

impl<T: DeserializeOwned> FromRequest<Http> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, http: &Http) -> Result<Self, HttpError> {
        // Also what keeps a page of another site from asking in a browser's name: this type it may send only where it is let.
        if !is_json(&request) {
            let (status, message) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type: application/json is expected");
            return Err(HttpError::of(status, "invalid_request_error", message));
        }
        let read = async {
            let _place = if is_small(&request) { None } else { http.large_bodies.acquire().await.ok() };
            to_bytes(request.into_body(), LONGEST).await
        };
        let read = tokio::time::timeout(READING, read).await;
        let late = || format!("the request did not come in whole within {READING:?}");
        let late = |_| HttpError::of(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", late());
        let bytes = read.map_err(late)?.map_err(|error| unread(&error))?;
        parse(&bytes).map(Self)
    }
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HttpError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| wrong(&error))?;
    json.end().map_err(|error| HttpError::invalid(None, format!("the body is not JSON: {error}")))?;
    Ok(parsed)
}

/// A request that says so. One that has more is cut there by the server.
fn is_small(request: &Request) -> bool {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|given| given.to_str().ok()?.parse::<usize>().ok());
    length.is_some_and(|length| length <= SMALL)
}

fn is_json(request: &Request) -> bool {
    let given = request.headers().get(CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    let media_type = given.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

fn unread(error: &axum::Error) -> HttpError {
    let mut source = Some(error as &dyn std::error::Error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            let message = format!("the request has more than {LONGEST} bytes");
            return HttpError::of(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message);
        }
        source = error.source();
    }
    HttpError::invalid(None, "the request's body could not be read")
}

fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> HttpError {
    let path = error.path().to_string();
    let inner = error.inner();
    if inner.is_syntax() || inner.is_eof() {
        return HttpError::invalid(None, format!("the body is not JSON: {inner}"));
    }
    match path.as_str() {
        "." | "" => HttpError::invalid(named(&inner.to_string()), inner.to_string()),
        path => HttpError::invalid(Some(path.to_owned()), format!("{path}: {inner}")),
    }
}

/// The field that an error of a whole object is about: "missing field `model` at line 1 column 2".
fn named(message: &str) -> Option<String> {
    message.split('`').nth(1).map(str::to_owned)
}
