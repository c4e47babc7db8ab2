//! What an answer is worth. Never fails: whatever a model writes gets a grade, in time that is linear in its length but for ROUGE-L
//! (see [`rouge`]).
//!
//! ROUGE-L and BLEU are written here because no maintained crate agrees with the implementations that published numbers come from.

pub mod bleu;
mod choice;
pub mod instructions;
pub mod overall;
pub mod rouge;
mod script;

use std::collections::BTreeMap;

use crate::final_answer;
use crate::question::{Grade, Measure};

/// Grades one answer.
pub fn grade(measure: &Measure, answer: &str) -> Grade {
    match measure {
        Measure::Exact { answer: expected } => right("exact", final_answer::is_answered(answer, expected)),
        Measure::Choice { letter, options } => right("choice", choice::letter(answer, *options) == Some(*letter)),
        Measure::Reference { texts } => near(texts, answer),
        Measure::Instructions(instructions) => instructions::grade(instructions, answer),
        Measure::Open => Grade::default(),
    }
}

fn right(measure: &str, right: bool) -> Grade {
    let value = f64::from(u8::from(right));
    Grade { quality: Some(value), measures: BTreeMap::from([(measure.to_owned(), value)]) }
}

/// References that are mostly in a script without spaces between words are compared character by character.
fn near(references: &[String], answer: &str) -> Grade {
    let characters = script::is_unspaced(references);
    let rouge_l = rouge::rouge_l(answer, references, characters);
    let mut counts = bleu::Counts::default();
    counts.add(answer, references, characters);
    let mut measures = BTreeMap::from([("rouge_l".to_owned(), rouge_l), ("bleu".to_owned(), counts.bleu(true))]);
    measures.extend(counts.named().map(|(name, count)| (format!("{}{name}", overall::COUNT), count)));
    Grade { quality: Some(rouge_l), measures }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
