//! Question sets: from the text of a file to questions that can be asked and graded. Each line is recognised by its fields, so the
//! published files are read as they are, and a file may mix forms:
//!
//! | fields | asked | judged |
//! |---|---|---|
//! | `question`, `answer` with "#### N" (GSM8K) | the question, and to end with "The answer is N." | exact |
//! | `question`, `choices` (a list, or `text` and `label`), `answer` or `answerKey` (MMLU, ARC) | with lettered options | choice |
//! | `prompt`, `instruction_id_list`, `kwargs` (IFEval) | the prompt, as a message | instructions |
//! | `turns`, maybe `reference` (MT-bench, Vicuna) | the first turn, and no other | open: the reference is for a judge |
//! | `instruction`, maybe `input`, `output` (Alpaca) | instruction and input | reference |
//! | `instruction`, `dataset` or `generator` (AlpacaEval) | the instruction | open: its `output` is a model's |
//! | `title` or `author`, `content` (poems) | the first half of the sentences, as a raw prompt | the rest as a reference |
//! | `messages`, `prompt` (raw) or `question`; maybe `answer`, `choices`, `metric` | as it is | by `metric`, else by what there is |
//!
//! The last row holds the bundled set (`id`, `kind`, `question`, `answer`). Its `metric` is "exact", "choice", "reference" or "open";
//! without one, `choices` mean choice, a list of answers references, one answer exact, none open.

mod choice;
mod fields;
mod form;
mod plain;
mod published;

use std::collections::HashMap;
use std::fmt;

pub use form::InvalidQuestion;
use serde_json::Value;

use crate::question::Question;

/// Bytes of a line, and of the texts of an item of an array.
pub const LONGEST: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("{name} holds no question")]
    Empty { name: String },
    #[error("{name}, {place}: longer than {LONGEST} bytes")]
    TooLong { name: String, place: Place },
    #[error("{name}, {place}: not JSON; allowed are JSON Lines, an object a line, and one array of objects")]
    NotJson { name: String, place: Place, source: serde_json::Error },
    #[error("{name}, {place}: not a question")]
    Invalid { name: String, place: Place, source: InvalidQuestion },
    #[error("{name}, {place}: the id {id:?} is that of {first} too; ids must differ, or be left out")]
    DuplicateId { name: String, place: Place, id: String, first: Place },
}

/// Where in a file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Line(usize),
    /// Of the array that the file is.
    Item(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Item(item) => write!(f, "item {item}"),
        }
    }
}

/// Reads a set: JSON Lines or one JSON array. `name` is what errors call the file; a question without an id is called `name:3` after
/// its line or item, so files that are read together need names that differ. At least one question, in the order of the file, with ids that differ.
pub fn read(name: &str, text: &str) -> Result<Vec<Question>, DatasetError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let records = if text.trim_start().starts_with('[') { array(name, text)? } else { lines(name, text)? };
    let mut places: HashMap<String, Place> = HashMap::new();
    let mut questions = Vec::new();
    for (place, record) in records {
        let invalid = |source| DatasetError::Invalid { name: name.to_owned(), place, source };
        let form::Item { id, kind, prompt, measure, reference } = form::item(&record).map_err(invalid)?;
        let (Place::Line(number) | Place::Item(number)) = place;
        let id = id.unwrap_or_else(|| format!("{name}:{number}"));
        if let Some(first) = places.insert(id.clone(), place) {
            return Err(DatasetError::DuplicateId { name: name.to_owned(), place, id, first });
        }
        questions.push(Question { id, kind, prompt, measure, reference });
    }
    if questions.is_empty() {
        return Err(DatasetError::Empty { name: name.to_owned() });
    }
    Ok(questions)
}

fn lines(name: &str, text: &str) -> Result<Vec<(Place, Value)>, DatasetError> {
    let mut records = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let (name, place) = (|| name.to_owned(), Place::Line(number));
        if line.len() > LONGEST {
            return Err(DatasetError::TooLong { name: name(), place });
        }
        if !line.trim().is_empty() {
            let not_json = |source| DatasetError::NotJson { name: name(), place, source };
            records.push((place, serde_json::from_str(line).map_err(not_json)?));
        }
    }
    Ok(records)
}

fn array(name: &str, text: &str) -> Result<Vec<(Place, Value)>, DatasetError> {
    let not_json = |source: serde_json::Error| DatasetError::NotJson {
        name: name.to_owned(),
        place: Place::Line(source.line()),
        source,
    };
    let items: Vec<Value> = serde_json::from_str(text).map_err(not_json)?;
    let records: Vec<(Place, Value)> = (1..).map(Place::Item).zip(items).collect();
    match records.iter().find(|(_, item)| bytes(item) > LONGEST) {
        Some((place, _)) => Err(DatasetError::TooLong { name: name.to_owned(), place: *place }),
        None => Ok(records),
    }
}

/// Of all texts within.
fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + bytes(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
