//! Answers in two parts: two responses, or the request and then the answer.

use super::arguments::Arguments;
use super::{Check, InstructionError, always};

pub(super) fn check(kind: &str, arguments: &Arguments<'_>) -> Result<Option<Check>, InstructionError> {
    Ok(match kind {
        "repeat_prompt" => {
            let prompt = arguments.text("prompt_to_repeat")?.to_lowercase();
            always(move |text| text.trim().to_lowercase().starts_with(&prompt))
        }
        "two_responses" => always(has_two_responses),
        _ => None,
    })
}

/// Two different texts with six asterisks between them; before the first and after the last there may be asterisks too.
fn has_two_responses(text: &str) -> bool {
    let parts: Vec<&str> = text.split("******").map(str::trim).collect();
    let middle = parts.get(1..parts.len().saturating_sub(1)).unwrap_or_default();
    let written: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    !middle.contains(&"") && matches!(written.as_slice(), [first, second] if first != second)
}
