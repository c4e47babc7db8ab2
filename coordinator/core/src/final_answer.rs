//! The final answer of a text, and when two answers are the same. Owns nothing but this rule and depends on the standard library
//! alone, so that whoever counts votes and whoever grades agree on what was answered.
//!
//! An answer is stated by `#### X`, `\boxed{X}`, "answer is X", "answer: X", "answer = X", 答案是, 答案为 or 答案：; the last
//! statement counts. A text that states none answers with its last number.

mod canonical;
mod denial;
mod fraction;
mod number;
mod statement;

pub use canonical::{canonical, same};

/// The last answer that the text states, as written but for markup and the full stop; else its last number; else None.
pub fn extract(text: &str) -> Option<String> {
    match stated(text).last() {
        Some(answer) => Some((*answer).to_owned()),
        None => last_number(text),
    }
}

/// What a text votes for: what it states or, once it is finished, its last number or all that it says. None: it has not come to an
/// answer.
pub fn vote(text: &str, finished: bool) -> Option<String> {
    if let Some(answer) = stated(text).last() {
        return Some((*answer).to_owned());
    }
    let whole = || Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    if finished { last_number(text).or_else(whole) } else { None }
}

/// Every answer that the text states, in order. None of them is empty or longer than 500 bytes.
pub fn stated(text: &str) -> Vec<&str> {
    statement::all(text)
}

/// Whether the final answer of the text is this one. A text that states no answer may be the answer and nothing else.
pub fn is_answered(text: &str, expected: &str) -> bool {
    if let Some(answer) = stated(text).last() {
        return same(answer, expected);
    }
    let whole = canonical(text);
    let expected = canonical(expected);
    if whole == expected || fraction::are_equal(&whole, &expected) {
        return true;
    }
    let last = last_number(text).map(|last| canonical(&last));
    last.is_some_and(|last| last == expected || fraction::are_equal(&last, &expected))
}

/// With what it is the denominator of; None where the text says that it is not that number.
fn last_number(text: &str) -> Option<String> {
    let text = canonical::plain(text);
    let last = number::numbers(&text).pop()?;
    let start = fraction::start(&text, last.range.start);
    let denied = denial::is_denied(text.get(..start)?);
    text.get(start..last.range.end).filter(|_| !denied).map(str::to_owned)
}

#[cfg(test)]
mod tests;
