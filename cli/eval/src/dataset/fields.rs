//! Typed access to the fields of a record. Null is absent.

use serde_json::{Map, Value};

use super::form::InvalidQuestion;

/// Of an id or a kind, in bytes.
const LONGEST_LABEL: usize = 200;

#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn get(self, field: &str) -> Option<&'a Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn has(self, field: &str) -> bool {
        self.get(field).is_some()
    }

    /// Not blank.
    pub(super) fn text(self, field: &'static str) -> Result<&'a str, InvalidQuestion> {
        self.get(field).and_then(written).ok_or(InvalidQuestion::Field { field, expected: "a text" })
    }

    /// At least one, none of them blank.
    pub(super) fn texts(self, field: &'static str) -> Result<Vec<&'a str>, InvalidQuestion> {
        let list = self.get(field).and_then(Value::as_array).filter(|list| !list.is_empty());
        list.and_then(|list| list.iter().map(written).collect())
            .ok_or(InvalidQuestion::Field { field, expected: "a list of texts, at least one" })
    }

    /// A short text or a number, such as an id; None where the field is absent.
    pub(super) fn label(self, field: &'static str) -> Result<Option<String>, InvalidQuestion> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let label = word(value).filter(|label| label.len() <= LONGEST_LABEL);
        label.map(Some).ok_or(InvalidQuestion::Field { field, expected: "a number or a text of at most 200 bytes" })
    }

    /// What reports group by; empty where the field is absent.
    pub(super) fn kind(self, field: &'static str) -> Result<String, InvalidQuestion> {
        Ok(self.label(field)?.unwrap_or_default())
    }
}

/// A text that is not blank, as it is.
pub(super) fn written(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.trim().is_empty())
}

/// A number as it is written, or a text that is not blank, trimmed.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) => written(value).map(|text| text.trim().to_owned()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
