//! Which form a record has, by its fields.

use serde_json::Value;

use super::fields::Fields;
use super::{choice, plain, published};
use crate::metric::instructions::InstructionError;
use crate::question::{Measure, Message, Prompt};

/// A question that may not have a name yet.
pub(super) struct Item {
    pub(super) id: Option<String>,
    pub(super) kind: String,
    pub(super) prompt: Prompt,
    pub(super) measure: Measure,
    /// [`crate::question::Question::reference`]
    pub(super) reference: Option<String>,
}

/// Why a record is no question.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidQuestion {
    #[error("not an object")]
    NotAnObject,
    #[error(
        "its fields ({fields}) are of no known form; known are `messages`, `prompt` or `question` with `answer`, `choices` or neither; \
         `prompt` with `instruction_id_list` and `kwargs`; `turns`; `instruction`; `content` with `title` or `author`"
    )]
    UnknownForm { fields: String },
    #[error("`{field}` must be {expected}")]
    Field { field: &'static str, expected: &'static str },
    #[error(transparent)]
    Instruction(#[from] InstructionError),
}

pub(super) fn item(record: &Value) -> Result<Item, InvalidQuestion> {
    let fields = Fields(record.as_object().ok_or(InvalidQuestion::NotAnObject)?);
    let has = |field| fields.has(field);
    let metric = plain::metric(fields)?;
    if has("instruction_id_list") {
        published::ifeval(fields)
    } else if has("turns") {
        published::turns(fields)
    } else if has("instruction") {
        published::alpaca(fields)
    } else if has("content") && (has("title") || has("author")) {
        published::poem(fields)
    } else if !has("messages") && !has("prompt") && !has("question") {
        Err(unknown(fields))
    } else if metric == Some(plain::Metric::Choice) || (metric.is_none() && has("choices")) {
        choice::item(fields)
    } else {
        let worked = if matches!(metric, None | Some(plain::Metric::Exact)) { published::gsm8k(fields) } else { None };
        worked.map_or_else(|| plain::item(fields, metric), Ok)
    }
}

pub(super) fn user(content: impl Into<String>) -> Prompt {
    Prompt::Conversation(vec![Message { role: "user".to_owned(), content: content.into() }])
}

fn unknown(fields: Fields<'_>) -> InvalidQuestion {
    let names: Vec<String> = fields.0.keys().take(10).map(|name| name.chars().take(40).collect()).collect();
    InvalidQuestion::UnknownForm { fields: names.join(", ") }
}
