//! How an answer begins and ends, and the one rule on punctuation.

use super::arguments::Arguments;
use super::{Check, InstructionError, always};

pub(super) fn check(kind: &str, arguments: &Arguments<'_>) -> Result<Option<Check>, InstructionError> {
    Ok(match (arguments.name, kind) {
        ("startend:end_checker", _) => {
            let phrase = arguments.text("end_phrase")?.to_lowercase();
            always(move |text| text.trim().trim_matches('"').to_lowercase().ends_with(&phrase))
        }
        ("startend:quotation", _) => always(|text| {
            let text = text.trim();
            text.len() > 1 && text.starts_with('"') && text.ends_with('"')
        }),
        ("punctuation:no_comma", _) => always(|text| !text.contains(',')),
        _ => None,
    })
}
