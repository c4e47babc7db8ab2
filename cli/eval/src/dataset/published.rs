//! The forms of published sets: GSM8K, IFEval, MT-bench and Vicuna, Alpaca and AlpacaEval, and collections of poems.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{Fields, written};
use super::form::{InvalidQuestion, Item, user};
use crate::metric::instructions::validate;
use crate::question::{Instruction, Measure, Prompt};

/// Where the set's own solutions give the answer.
const SOLVED: &str = "####";
/// So that the answer is stated where it can be found, whatever numbers the solution ends with.
const STATE_THE_ANSWER: &str = "Think step by step and end with \"The answer is N.\", where N is the number.";

/// A question whose answer is a worked solution that ends in "#### N"; None where it is not of this form.
pub(super) fn gsm8k(fields: Fields<'_>) -> Option<Item> {
    let question = fields.get("question").and_then(written)?;
    let (_, answer) = fields.get("answer")?.as_str()?.rsplit_once(SOLVED)?;
    let answer = answer.trim().to_owned();
    let id = fields.label("id").ok()?;
    let kind = fields.kind("kind").ok()?;
    let prompt = user(format!("{question}\n\n{STATE_THE_ANSWER}"));
    (!answer.is_empty()).then_some(Item { id, kind, prompt, measure: Measure::Exact { answer }, reference: None })
}

pub(super) fn ifeval(fields: Fields<'_>) -> Result<Item, InvalidQuestion> {
    let names = fields.texts("instruction_id_list")?;
    let expected = "a list of objects, one for each name in `instruction_id_list`";
    let arguments: Option<Vec<_>> =
        fields.get("kwargs").and_then(Value::as_array).and_then(|list| list.iter().map(Value::as_object).collect());
    let arguments = arguments
        .filter(|arguments| arguments.len() == names.len())
        .ok_or(InvalidQuestion::Field { field: "kwargs", expected })?;
    let mut instructions = Vec::with_capacity(names.len());
    for (name, arguments) in names.into_iter().zip(arguments) {
        let given = arguments.iter().filter(|(_, value)| !value.is_null());
        let arguments: BTreeMap<String, Value> = given.map(|(name, value)| (name.clone(), value.clone())).collect();
        let instruction = Instruction { name: name.to_owned(), arguments };
        validate(&instruction)?;
        instructions.push(instruction);
    }
    let prompt = user(fields.text("prompt")?);
    Ok(Item {
        id: fields.label("key")?,
        kind: fields.kind("kind")?,
        prompt,
        measure: Measure::Instructions(instructions),
        reference: None,
    })
}

/// The first of several turns. Where it has a reference, that is one of many good answers: for a judge, not to be compared with.
pub(super) fn turns(fields: Fields<'_>) -> Result<Item, InvalidQuestion> {
    let turns = fields.texts("turns")?;
    let reference = fields.get("reference").and_then(|list| list.get(0)).and_then(written).map(str::to_owned);
    Ok(Item {
        id: fields.label("question_id")?,
        kind: fields.kind("category")?,
        prompt: user(turns.first().copied().unwrap_or_default()),
        measure: Measure::Open,
        reference,
    })
}

/// An instruction, with its reference answer unless it is blank or a model's.
pub(super) fn alpaca(fields: Fields<'_>) -> Result<Item, InvalidQuestion> {
    let instruction = fields.text("instruction")?;
    let prompt = match fields.get("input").and_then(written) {
        Some(input) => user(format!("{instruction}\n\n{input}")),
        None => user(instruction),
    };
    let by_a_model = fields.has("dataset") || fields.has("generator");
    let reference = fields.get("output").and_then(written).filter(|_| !by_a_model);
    Ok(Item {
        id: fields.label("id")?,
        kind: fields.kind("dataset")?,
        prompt,
        measure: reference.map_or(Measure::Open, |text| Measure::Reference { texts: vec![text.to_owned()] }),
        reference: None,
    })
}

/// A poem to be continued after the first half of its sentences.
pub(super) fn poem(fields: Fields<'_>) -> Result<Item, InvalidQuestion> {
    let sentences: Vec<&str> =
        fields.text("content")?.trim().split_inclusive(['。', '？', '！', '.', '?', '!']).collect();
    let (given, rest) = sentences.split_at(sentences.len() / 2);
    let (given, rest) = (given.concat(), rest.concat());
    if given.trim().is_empty() || rest.trim().is_empty() {
        return Err(InvalidQuestion::Field { field: "content", expected: "a text of two sentences at least" });
    }
    let measure = Measure::Reference { texts: vec![rest] };
    Ok(Item {
        id: fields.label("id")?,
        kind: fields.kind("kind")?,
        prompt: Prompt::Raw(given),
        measure,
        reference: None,
    })
}
