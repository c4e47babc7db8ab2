//! Reads single fields of a config.json, naming the field in every refusal. Knows no family and no default but those it is given.

use serde_json::{Map, Value};

use crate::model::LoadError;

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

    /// A count that null switches off; `default` where the file does not name the field.
    pub(super) fn nullable_count(
        self,
        field: &'static str,
        most: usize,
        default: Option<usize>,
    ) -> Result<Option<usize>, LoadError> {
        if self.names(field) { self.count(field, most) } else { Ok(default) }
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

    /// A number above 0 that null switches off; `default` where the file does not name the field.
    pub(super) fn nullable_positive(self, field: &'static str, default: Option<f64>) -> Result<Option<f64>, LoadError> {
        if self.names(field) { self.positive(field) } else { Ok(default) }
    }

    /// A list of `count` finite numbers above 0.
    pub(super) fn required_positives(self, field: &'static str, count: usize) -> Result<Vec<f64>, LoadError> {
        let value = self.value(field).ok_or(LoadError::ConfigFieldMissing { field })?;
        let numbers = value.as_array().map(|list| list.iter().filter_map(serde_json::Value::as_f64));
        let numbers: Vec<f64> = numbers.into_iter().flatten().filter(|x| x.is_finite() && *x > 0.0).collect();
        let listed = value.as_array().map_or(0, Vec::len);
        match numbers.len() == count && listed == count {
            true => Ok(numbers),
            false => Err(refused(field, value, &format!("a list of {count} numbers above 0"))),
        }
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
