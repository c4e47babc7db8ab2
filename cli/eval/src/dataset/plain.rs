//! The form of one's own files and of the bundled set: a prompt, and an answer or none. Nothing is added to the prompt: the bundled models
//! know no instructions.

use serde_json::Value;

use super::fields::{Fields, word, written};
use super::form::{InvalidQuestion, Item, user};
use crate::question::{Measure, Message, Prompt};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Exact,
    Choice,
    Reference,
    Open,
}

/// What the record says of how it is judged.
pub(super) fn metric(fields: Fields<'_>) -> Result<Option<Metric>, InvalidQuestion> {
    let Some(value) = fields.get("metric") else { return Ok(None) };
    match value.as_str() {
        Some("exact") => Ok(Some(Metric::Exact)),
        Some("choice") => Ok(Some(Metric::Choice)),
        Some("reference") => Ok(Some(Metric::Reference)),
        Some("open") => Ok(Some(Metric::Open)),
        _ => Err(field("metric", "\"exact\", \"choice\", \"reference\" or \"open\"")),
    }
}

pub(super) fn item(fields: Fields<'_>, metric: Option<Metric>) -> Result<Item, InvalidQuestion> {
    let listed = fields.get("answer").is_some_and(Value::is_array);
    let measure = match metric {
        Some(Metric::Open) => Measure::Open,
        None if !fields.has("answer") => Measure::Open,
        Some(Metric::Reference) => Measure::Reference { texts: answers(fields)? },
        None if listed => Measure::Reference { texts: answers(fields)? },
        Some(Metric::Exact | Metric::Choice) | None => Measure::Exact { answer: only(answers(fields)?)? },
    };
    let reference = fields.get("answer").and_then(word).filter(|_| measure == Measure::Open);
    Ok(Item { id: fields.label("id")?, kind: fields.kind("kind")?, prompt: prompt(fields)?, measure, reference })
}

/// `messages`, else `prompt`, raw, else `question`, a user's message.
pub(super) fn prompt(fields: Fields<'_>) -> Result<Prompt, InvalidQuestion> {
    if let Some(messages) = fields.get("messages") {
        return conversation(messages).ok_or(field(
            "messages",
            "a list of objects with a `role` (\"system\", \"user\" or \"assistant\") and a text as `content`, the last one the user's",
        ));
    }
    if fields.has("prompt") {
        return Ok(Prompt::Raw(fields.text("prompt")?.to_owned()));
    }
    Ok(user(fields.text("question")?))
}

fn conversation(messages: &Value) -> Option<Prompt> {
    let messages: Vec<Message> = messages.as_array()?.iter().map(message).collect::<Option<_>>()?;
    (messages.last()?.role == "user").then_some(Prompt::Conversation(messages))
}

fn message(message: &Value) -> Option<Message> {
    let role = message.get("role")?.as_str().filter(|role| matches!(*role, "system" | "user" | "assistant"))?;
    let content = message.get("content").and_then(written)?;
    Some(Message { role: role.to_owned(), content: content.to_owned() })
}

/// At least one.
fn answers(fields: Fields<'_>) -> Result<Vec<String>, InvalidQuestion> {
    let answer = fields.get("answer");
    let answers: Option<Vec<String>> = match answer {
        Some(Value::Array(list)) => list.iter().map(word).collect(),
        _ => answer.and_then(word).map(|answer| vec![answer]),
    };
    let expected = "a text, a number or a list of these, at least one";
    answers.filter(|answers| !answers.is_empty()).ok_or(field("answer", expected))
}

fn only(mut answers: Vec<String>) -> Result<String, InvalidQuestion> {
    match (answers.pop(), answers.is_empty()) {
        (Some(answer), true) => Ok(answer),
        _ => Err(field("answer", "one text or number where the metric is \"exact\"")),
    }
}

fn field(field: &'static str, expected: &'static str) -> InvalidQuestion {
    InvalidQuestion::Field { field, expected }
}
