//! Multiple choice: one message with the question, the options by letter, and the request for a letter.

use serde_json::Value;

use super::fields::{Fields, written};
use super::form::{InvalidQuestion, Item};
use super::plain;
use crate::question::{Measure, Prompt};

const REQUEST: &str = "Answer with the letter of the right option.";

pub(super) fn item(fields: Fields<'_>) -> Result<Item, InvalidQuestion> {
    let options = options(fields)?;
    let letter = letter(fields, &options)?;
    let mut listed = String::new();
    for (letter, option) in letters().zip(&options.texts) {
        listed.push_str(&format!("\n{letter}. {option}"));
    }
    let prompt = match plain::prompt(fields)? {
        Prompt::Raw(text) => Prompt::Raw(format!("{text}\n{listed}\n\n{REQUEST}\n")),
        Prompt::Conversation(mut messages) => {
            if let Some(last) = messages.last_mut() {
                last.content = format!("{}\n{listed}\n\n{REQUEST}", last.content);
            }
            Prompt::Conversation(messages)
        }
    };
    let kind = fields.label("kind")?.map_or_else(|| fields.kind("subject"), Ok)?;
    let measure = Measure::Choice { letter, options: options.texts.len() };
    Ok(Item { id: fields.label("id")?, kind, prompt, measure, reference: None })
}

struct Options {
    /// From 2 to 26.
    texts: Vec<String>,
    /// The set's own names of the options, as many, or none.
    labels: Vec<String>,
}

fn options(fields: Fields<'_>) -> Result<Options, InvalidQuestion> {
    let list = |value: Option<&Value>| -> Option<Vec<String>> {
        value?.as_array()?.iter().map(|text| written(text).map(|text| text.trim().to_owned())).collect()
    };
    let choices = fields.get("choices");
    let options = match choices {
        Some(Value::Object(columns)) => list(columns.get("text")).zip(list(columns.get("label"))),
        _ => list(choices).map(|texts| (texts, Vec::new())),
    };
    let expected = "a list of 2 to 26 texts, or an object with as many in `text` as in `label`";
    options
        .filter(|(texts, labels)| (2..=26).contains(&texts.len()) && (labels.is_empty() || labels.len() == texts.len()))
        .map(|(texts, labels)| Options { texts, labels })
        .ok_or(InvalidQuestion::Field { field: "choices", expected })
}

/// The right option: by its place from 0, its label, or its letter.
fn letter(fields: Fields<'_>, options: &Options) -> Result<char, InvalidQuestion> {
    let field = if fields.has("answerKey") { "answerKey" } else { "answer" };
    let place = match fields.get(field) {
        Some(Value::Number(place)) => place.as_u64().and_then(|place| usize::try_from(place).ok()),
        Some(Value::String(name)) => {
            let name = name.trim();
            let labelled = options.labels.iter().position(|label| label.eq_ignore_ascii_case(name));
            labelled.or_else(|| letters().position(|letter| name.eq_ignore_ascii_case(letter.encode_utf8(&mut [0; 4]))))
        }
        _ => None,
    };
    let letter = place.filter(|place| *place < options.texts.len()).and_then(|place| letters().nth(place));
    letter.ok_or(InvalidQuestion::Field {
        field,
        expected: "the letter or label of one of the options, or its place from 0",
    })
}

fn letters() -> impl Iterator<Item = char> {
    'A'..='Z'
}
