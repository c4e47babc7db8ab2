//! What can be asked: ensembles, and each of their members alone.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Model {
    /// "ENSEMBLE" or "ENSEMBLE/MEMBER".
    pub(crate) id: String,
    /// "model"
    pub(crate) object: &'static str,
    /// When this coordinator started, in seconds since 1970.
    pub(crate) created: i64,
    /// "specfuse"
    pub(crate) owned_by: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// "list"
    pub(crate) object: &'static str,
    pub(crate) data: Vec<Model>,
}
