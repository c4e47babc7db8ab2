//! A GGUF file's keys, read one by one as the types they should have. A key of another type is refused by its name.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::header::{scalars, texts};
use super::value::{Kind, Scalar, Value};

/// The keys, and the file that their arrays lie in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metadata<'a> {
    pub(super) values: &'a BTreeMap<String, Value>,
    pub(super) file: &'a [u8],
}

impl<'a> Metadata<'a> {
    pub(super) fn text(self, key: &str) -> Result<Option<&'a str>, Fault> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other @ (Value::Scalar(_) | Value::Array { .. })) => Err(refused(key, other, "a text")),
        }
    }

    pub(super) fn required_text(self, key: &str) -> Result<&'a str, Fault> {
        self.text(key)?.ok_or_else(|| Fault::Missing { key: key.to_owned() })
    }

    /// A whole number from 0 on.
    pub(super) fn count(self, key: &str) -> Result<Option<u64>, Fault> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        value.count().map(Some).ok_or_else(|| refused(key, value, "one whole number from 0 on"))
    }

    pub(super) fn required_count(self, key: &str) -> Result<u64, Fault> {
        self.count(key)?.ok_or_else(|| Fault::Missing { key: key.to_owned() })
    }

    pub(super) fn number(self, key: &str) -> Result<Option<f64>, Fault> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        let number = match value {
            Value::Scalar(scalar) => scalar.number().filter(|number| number.is_finite()),
            Value::Text(_) | Value::Array { .. } => None,
        };
        number.map(Some).ok_or_else(|| refused(key, value, "a finite number"))
    }

    pub(super) fn flag(self, key: &str) -> Result<Option<bool>, Fault> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Scalar(Scalar::Flag(flag))) => Ok(Some(*flag)),
            Some(other @ (Value::Scalar(_) | Value::Text(_) | Value::Array { .. })) => {
                Err(refused(key, other, "true or false"))
            }
        }
    }

    pub(super) fn texts(self, key: &str) -> Result<Option<Vec<&'a str>>, Fault> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Array { kind: Kind::Text, bytes }) => {
                texts(self.file.get(bytes.clone()).unwrap_or_default()).map(Some)
            }
            Some(other @ (Value::Scalar(_) | Value::Text(_) | Value::Array { .. })) => {
                Err(refused(key, other, "an array of texts"))
            }
        }
    }

    pub(super) fn numbers(self, key: &str) -> Result<Option<Vec<f64>>, Fault> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Array { kind: Kind::Number(kind), bytes }) => {
                let scalars = scalars(*kind, self.file.get(bytes.clone()).unwrap_or_default());
                Ok(Some(scalars.into_iter().filter_map(Scalar::number).collect()))
            }
            Some(other @ (Value::Scalar(_) | Value::Text(_) | Value::Array { .. })) => {
                Err(refused(key, other, "an array of numbers"))
            }
        }
    }
}

fn refused(key: &str, found: &Value, expected: &str) -> Fault {
    Fault::Value { key: key.to_owned(), found: found.described(), expected: expected.to_owned() }
}
