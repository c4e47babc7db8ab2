//! The console: a page, its script and its style, in the binary. What the page may do is said in a header: nothing but talk to us.

use axum::{
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    response::{IntoResponse, Response},
};

use super::{error::HttpError, extract::Place};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Name, media type, content.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("index.html", "text/html; charset=utf-8", include_bytes!("../../../console/index.html")),
    ("console.js", "text/javascript; charset=utf-8", include_bytes!("../../../console/dist/console.js")),
    ("console.css", "text/css; charset=utf-8", include_bytes!("../../../console/console.css")),
    ("icon.svg", "image/svg+xml", include_bytes!("../../../console/icon.svg")),
];

pub(super) async fn page() -> Result<Response, HttpError> {
    file(Place("index.html".to_owned())).await
}

pub(super) async fn file(Place(name): Place<String>) -> Result<Response, HttpError> {
    let Some((_, media_type, content)) = FILES.iter().find(|(known, ..)| *known == name) else {
        let message = format!("the console has no file {name:?}");
        return Err(HttpError::of(StatusCode::NOT_FOUND, "invalid_request_error", message));
    };
    let headers = [
        (CONTENT_TYPE, *media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // Another build has other files by the same names.
        (CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, *content).into_response())
}
