//! Fields of a request that both ways to ask have.

use serde::Deserialize;
use utoipa::ToSchema;

/// The answer ends before the first of these.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(untagged, expecting = "a string or a list of strings is expected")]
pub(crate) enum StopStrings {
    One(String),
    /// At most 16.
    Many(Vec<String>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamOptions {
    /// One more chunk before the end, with the usage.
    pub(crate) include_usage: Option<bool>,
    /// Chunks are never padded.
    #[serde(rename = "include_obfuscation")]
    pub(crate) _include_obfuscation: Option<bool>,
}

impl StopStrings {
    pub(crate) fn into_list(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}
