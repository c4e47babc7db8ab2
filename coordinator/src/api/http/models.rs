//! `/v1/models`: what a request may name as its model.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    Http,
    error::{ErrorBody, HttpError},
    extract::Place,
    types::{Model, ModelList},
};

/// The ensembles, and each of their members alone.
#[utoipa::path(get, path = "/v1/models", tag = "openai", responses(
    (status = 200, description = "All there are", body = ModelList),
    (status = "4XX", description = "No API key, or an unknown one", body = ErrorBody),
))]
pub(super) async fn models(State(http): State<Http>) -> Json<ModelList> {
    Json(ModelList { object: "list", data: known(&http).collect() })
}

/// One of them.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "openai", params(("id" = String, Path)), responses(
    (status = 200, description = "It is there", body = Model),
    (status = "4XX", description = "There is none of this name, or no API key", body = ErrorBody),
))]
pub(super) async fn model(State(http): State<Http>, Place(id): Place<String>) -> Result<Json<Model>, HttpError> {
    check(&http, &id)?;
    Ok(Json(named(&http, id)))
}

/// `id` is one of an ensemble's members, whose name may have slashes.
pub(super) async fn member(
    http: State<Http>,
    Place((ensemble, member)): Place<(String, String)>,
) -> Result<Json<Model>, HttpError> {
    model(http, Place(format!("{ensemble}/{member}"))).await
}

fn known(http: &Http) -> impl Iterator<Item = Model> {
    let model = |id| named(http, id);
    http.intake.ensembles.values().flat_map(move |ensemble| {
        let alone = ensemble.members.iter().map(|member| model(format!("{}/{member}", ensemble.name)));
        std::iter::once(model(ensemble.name.to_string())).chain(alone).collect::<Vec<_>>()
    })
}

fn named(http: &Http, id: String) -> Model {
    Model { id, object: "model", created: http.started, owned_by: "specfuse" }
}

/// Refuses a name that no request may give as its model.
pub(super) fn check(http: &Http, id: &str) -> Result<(), HttpError> {
    let (ensemble, member) = id.split_once('/').map_or((id, None), |(ensemble, member)| (ensemble, Some(member)));
    let is_known = http.intake.ensembles.get(ensemble).is_some_and(|ensemble| {
        member.is_none_or(|member| ensemble.members.iter().any(|known| known.as_ref() == member))
    });
    if is_known { Ok(()) } else { Err(unknown(http, id)) }
}

fn unknown(http: &Http, id: &str) -> HttpError {
    let known = http.intake.ensembles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let message =
        format!("there is no model {id:?}; there are the ensembles {known}, and ENSEMBLE/MEMBER for each member");
    HttpError::of(StatusCode::NOT_FOUND, "invalid_request_error", message)
        .about(Some("model".to_owned()), Some("model_not_found"))
}
