//! Numbers in a text of ASCII digits, as decimal strings: nothing is rounded. 1,000 and 1000.0 are one number.

use std::ops::Range;

pub(super) struct Number {
    /// Bytes, with the sign.
    pub(super) range: Range<usize>,
    /// No separators, no zeros that say nothing, no "-0".
    pub(super) value: String,
}

/// All numbers, in order. Digits that follow a Latin letter ("H2O") are part of a name.
pub(super) fn numbers(text: &str) -> Vec<Number> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)) {
        let digits = at + offset;
        let start = start(bytes, digits);
        // ".500" has no groups of thousands.
        let bare = start.is_some_and(|start| bytes.get(start..digits).is_some_and(|before| before.ends_with(b".")));
        let end = if bare { digits + run(bytes, digits) } else { end(bytes, digits) };
        if let Some(start) = start {
            found.push(Number { value: value(text.get(start..end).unwrap_or_default()), range: start..end });
        }
        at = end;
    }
    found
}

/// Whether the whole text is one number.
pub(super) fn is_number(text: &str) -> bool {
    matches!(numbers(text).as_slice(), [only] if only.range == (0..text.len()))
}

/// Past the digits, their groups of three, and the decimals.
fn end(bytes: &[u8], digits: usize) -> usize {
    let run = |at: usize| run(bytes, at);
    let first = run(digits);
    let mut end = digits + first;
    while first <= 3 && bytes.get(end) == Some(&b',') && run(end + 1) == 3 {
        end += 4;
    }
    if bytes.get(end) == Some(&b'.') && run(end + 1) > 0 {
        end += 1 + run(end + 1);
    }
    end
}

fn run(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// Back over a bare decimal point and a sign; None after a Latin letter.
fn start(bytes: &[u8], digits: usize) -> Option<usize> {
    let before = |at: usize| at.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    let joins = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b')');
    if before(digits).is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        return None;
    }
    let mut start = digits;
    if before(start) == Some(b'.') && !joins(before(start - 1)) && before(start - 1) != Some(b'.') {
        start -= 1;
    }
    if before(start) == Some(b'-') && !joins(before(start - 1)) {
        start -= 1;
    }
    Some(start)
}

fn value(written: &str) -> String {
    let unsigned = written.trim_start_matches('-');
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let whole = whole.trim_start_matches('0');
    let decimals = decimals.trim_end_matches('0');
    let mut value = String::new();
    if written.starts_with('-') && !(whole.is_empty() && decimals.is_empty()) {
        value.push('-');
    }
    value.push_str(if whole.is_empty() { "0" } else { whole });
    if !decimals.is_empty() {
        value.push('.');
        value.push_str(decimals);
    }
    value
}
