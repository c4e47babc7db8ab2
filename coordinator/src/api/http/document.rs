//! The description of the interface in OpenAPI 3.1, generated from the handlers and their types.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, RefOr,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::types::ChatChunk;

const EVENTS: &str = "text/event-stream";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "SpecFuse",
        description = "One answer from several language models. OpenAI's interface, with `specfuse` beside it."
    ),
    components(schemas(ChatChunk)),
    modifiers(&Bearer),
    security(("api_key" = []), ()),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// What all paths have in common.
pub(super) fn empty() -> openapi::OpenApi {
    Document::openapi()
}

pub(super) fn json(mut document: openapi::OpenApi) -> String {
    without_stream_schemas(&mut document);
    document.to_pretty_json().unwrap_or_default()
}

/// A schema describes a body that is one value, and a stream is none: what its events are is said in words.
fn without_stream_schemas(document: &mut openapi::OpenApi) {
    let operations = document.paths.paths.values_mut().filter_map(|path| path.post.as_mut());
    for response in operations.flat_map(|operation| operation.responses.responses.values_mut()) {
        if let RefOr::T(response) = response
            && let Some(RefOr::T(stream)) = response.content.get_mut(EVENTS)
        {
            stream.schema = None;
        }
    }
}
