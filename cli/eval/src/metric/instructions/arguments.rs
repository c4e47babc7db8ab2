//! What an instruction is told: its arguments, read once and typed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::InstructionError;

pub(super) struct Arguments<'a> {
    /// Of the instruction.
    pub(super) name: &'a str,
    pub(super) values: &'a BTreeMap<String, Value>,
}

/// A bound on a number of things.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    AtLeast(usize),
    LessThan(usize),
}

impl Bound {
    pub(super) fn holds(self, number: usize) -> bool {
        match self {
            Self::AtLeast(least) => number >= least,
            Self::LessThan(limit) => number < limit,
        }
    }
}

impl Arguments<'_> {
    pub(super) fn number(&self, argument: &str) -> Result<usize, InstructionError> {
        let value = self.values.get(argument);
        // Published files write some whole numbers as 3.0.
        let whole = value.and_then(|value| value.as_u64().or_else(|| value.as_f64().and_then(whole)));
        whole
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| self.wrong(argument, "a whole number of at least 0"))
    }

    /// Not blank; trimmed.
    pub(super) fn text(&self, argument: &str) -> Result<String, InstructionError> {
        let text = self.values.get(argument).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| self.wrong(argument, "a text"))
    }

    /// At least one, none of them blank.
    pub(super) fn texts(&self, argument: &str) -> Result<Vec<String>, InstructionError> {
        let wrong = || self.wrong(argument, "a list of texts, at least one");
        let list =
            self.values.get(argument).and_then(Value::as_array).filter(|list| !list.is_empty()).ok_or_else(wrong)?;
        let text = |value: &Value| value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
        list.iter().map(|value| text(value).ok_or_else(wrong)).collect()
    }

    pub(super) fn bound(&self, relation: &str, number: &str) -> Result<Bound, InstructionError> {
        let count = self.number(number)?;
        match self.values.get(relation).and_then(Value::as_str) {
            Some("at least") => Ok(Bound::AtLeast(count)),
            Some("less than") => Ok(Bound::LessThan(count)),
            _ => Err(self.wrong(relation, "\"at least\" or \"less than\"")),
        }
    }

    pub(super) fn wrong(&self, argument: &str, expected: &'static str) -> InstructionError {
        InstructionError::Argument { name: self.name.to_owned(), argument: argument.to_owned(), expected }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within the bounds")]
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..1e9).contains(&number)).then_some(number as u64)
}
