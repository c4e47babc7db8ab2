//! Reads single fields of a config.json, naming the field in every refusal. Knows no family and no default but those it is given.

use serde_json::{Map, Value};

use super::LoadError;

/// A JSON object whose fields are read one by one. A field that is null counts as absent.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(object: &'a Map<String, Value>) -> Self {
        Self { object }
    }

    pub(super) fn names(self, field: &str) -> bool {
        self.object.contains_key(field)
    }

    fn value(self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// A count from 1 to `most`.
    pub(super) fn count(self, field: &'static str, most: usize) -> Result<Option<usize>, LoadError> {
        self.bounded(field, 1, most)
    }

    pub(super) fn count_from_zero(self, field: &'static str, most: usize) -> Result<Option<usize>, LoadError> {
        self.bounded(field, 0, most)
    }

    fn bounded(self, field: &'static str, least: usize, most: usize) -> Result<Option<usize>, LoadError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        match count.filter(|count| (least..=most).contains(count)) {
            Some(count) => Ok(Some(count)),
            None => Err(refused(field, value, &format!("a count from {least} to {most}"))),
        }
    }

    pub(super) fn required_count(self, field: &'static str, most: usize) -> Result<usize, LoadError> {
        self.count(field, most)?.ok_or(LoadError::ConfigFieldMissing { field })
    }

    /// A finite number above 0.
    pub(super) fn positive(self, field: &'static str) -> Result<Option<f64>, LoadError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if number.is_finite() && number > 0.0 => Ok(Some(number)),
            Some(_) | None => Err(refused(field, value, "a number above 0")),
        }
    }

    pub(super) fn required_positive(self, field: &'static str) -> Result<f64, LoadError> {
        self.positive(field)?.ok_or(LoadError::ConfigFieldMissing { field })
    }

    pub(super) fn flag(self, field: &'static str) -> Result<Option<bool>, LoadError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| refused(field, value, "true or false"))
    }

    pub(super) fn text(self, field: &'static str) -> Result<Option<&'a str>, LoadError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| refused(field, value, "a string"))
    }

    pub(super) fn texts(self, field: &'static str) -> Result<Option<Vec<&'a str>>, LoadError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let wrong = || refused(field, value, "a list of strings");
        value
            .as_array()
            .ok_or_else(wrong)?
            .iter()
            .map(|text| text.as_str().ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub(super) fn object(self, field: &'static str) -> Result<Option<Self>, LoadError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        value.as_object().map(|object| Some(Self { object })).ok_or_else(|| refused(field, value, "an object"))
    }
}

fn refused(field: &'static str, found: &Value, expected: &str) -> LoadError {
    LoadError::ConfigField { field, found: found.to_string(), expected: expected.to_owned() }
}
