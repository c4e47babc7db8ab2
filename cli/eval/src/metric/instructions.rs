//! Whether an answer follows instructions that a program can check, by the rules of IFEval (Zhou et al. 2023). Where a rule there
//! rests on a library of another language (sentences, languages), the file of that rule says what stands in for it.

mod arguments;
mod case;
mod combination;
mod content;
mod ends;
mod format;
mod keywords;
mod language;
mod length;
mod pattern;

use std::collections::BTreeMap;

use arguments::Arguments;

use super::overall::COUNT;
use crate::question::{Grade, Instruction};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InstructionError {
    #[error("there is no instruction {name:?}; those that can be checked are: {}", NAMES.join(", "))]
    Unknown { name: String },
    #[error("the argument `{argument}` of {name:?} must be {expected}")]
    Argument { name: String, argument: String, expected: &'static str },
}

/// The instructions that can be checked.
pub const NAMES: [&str; 25] = [
    "change_case:capital_word_frequency",
    "change_case:english_capital",
    "change_case:english_lowercase",
    "combination:repeat_prompt",
    "combination:two_responses",
    "detectable_content:number_placeholders",
    "detectable_content:postscript",
    "detectable_format:constrained_response",
    "detectable_format:json_format",
    "detectable_format:multiple_sections",
    "detectable_format:number_bullet_lists",
    "detectable_format:number_highlighted_sections",
    "detectable_format:title",
    "keywords:existence",
    "keywords:forbidden_words",
    "keywords:frequency",
    "keywords:letter_frequency",
    "language:response_language",
    "length_constraints:nth_paragraph_first_word",
    "length_constraints:number_paragraphs",
    "length_constraints:number_sentences",
    "length_constraints:number_words",
    "punctuation:no_comma",
    "startend:end_checker",
    "startend:quotation",
];

/// Whether an answer follows an instruction; None: it cannot be told.
type Check = Box<dyn Fn(&str) -> Option<bool>>;

/// Whether the instruction is known and has the arguments it needs.
pub fn validate(instruction: &Instruction) -> Result<(), InstructionError> {
    check(instruction).map(drop)
}

/// "prompt_strict" and "prompt_loose" are 1 where all instructions are followed, among those that can be checked, else 0; the first is
/// the quality. The counts of instructions, and of those followed, give the accuracies over instructions of all answers: see
/// [`super::overall`]. Nothing where not one can be checked.
pub(super) fn grade(instructions: &[Instruction], answer: &str) -> Grade {
    let checks: Vec<Check> = instructions.iter().filter_map(|instruction| check(instruction).ok()).collect();
    let (mut quality, mut measures) = (None, BTreeMap::new());
    for (manner, variants) in [("strict", vec![answer.to_owned()]), ("loose", loosened(answer))] {
        let (followed, checked) = followed(&checks, &variants);
        if checked == 0 {
            continue;
        }
        let all = f64::from(u8::from(followed == checked));
        if manner == "strict" {
            quality = Some(all);
        }
        measures.insert(format!("prompt_{manner}"), all);
        measures.insert(format!("{COUNT}instructions_{manner}"), f64::from(checked));
        measures.insert(format!("{COUNT}followed_{manner}"), f64::from(followed));
    }
    Grade { quality, measures }
}

/// The answer; without its first line, its last, or both; each also without asterisks.
fn loosened(answer: &str) -> Vec<String> {
    let without_first = answer.split_once('\n').map_or("", |(_, rest)| rest);
    let without_last = answer.rsplit_once('\n').map_or("", |(rest, _)| rest);
    let without_both = without_first.rsplit_once('\n').map_or("", |(rest, _)| rest);
    let variants = [answer, without_first.trim(), without_last.trim(), without_both.trim()];
    let plain = variants.map(|variant| variant.replace('*', ""));
    variants.map(str::to_owned).into_iter().chain(plain).collect()
}

/// How many are followed, of how many that can be checked. An instruction is followed where one of the variants follows it. An empty
/// text follows none.
fn followed(checks: &[Check], variants: &[String]) -> (u32, u32) {
    let (mut followed, mut checked) = (0_u32, 0_u32);
    for check in checks {
        let verdicts =
            || variants.iter().map(|variant| if variant.trim().is_empty() { Some(false) } else { check(variant) });
        if verdicts().any(|verdict| verdict.is_none()) {
            continue;
        }
        checked += 1;
        followed += u32::from(verdicts().any(|verdict| verdict == Some(true)));
    }
    (followed, checked)
}

fn check(instruction: &Instruction) -> Result<Check, InstructionError> {
    let arguments = Arguments { name: &instruction.name, values: &instruction.arguments };
    let (group, kind) = instruction.name.split_once(':').unwrap_or(("", &instruction.name));
    let known = match group {
        "change_case" => case::check(kind, &arguments)?,
        "combination" => combination::check(kind, &arguments)?,
        "detectable_content" => content::check(kind, &arguments)?,
        "detectable_format" => format::check(kind, &arguments)?,
        "keywords" => keywords::check(kind, &arguments)?,
        "language" => language::check(kind, &arguments)?,
        "length_constraints" => length::check(kind, &arguments)?,
        "startend" | "punctuation" => ends::check(kind, &arguments)?,
        _ => None,
    };
    known.ok_or_else(|| InstructionError::Unknown { name: instruction.name.clone() })
}

/// A check that can always tell.
fn always(follows: impl Fn(&str) -> bool + 'static) -> Option<Check> {
    Some(Box::new(move |text| Some(follows(text))))
}

#[cfg(test)]
mod tests;
