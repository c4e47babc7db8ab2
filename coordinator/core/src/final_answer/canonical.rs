//! The one spelling of an answer that stands for all its spellings.

use super::number::{is_number, numbers};

/// Lower case, one space between words, none around commas, numbers without separators; markup, currency signs, enclosing
/// quotation marks and the final full stop are gone. Units stay. Answers with equal canonical forms are the same.
pub fn canonical(answer: &str) -> String {
    let text = without_markup(&plain(answer)).to_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = trimmed(&text);
    let mut canonical = String::with_capacity(text.len());
    let mut written = 0;
    for number in numbers(text) {
        canonical.push_str(text.get(written..number.range.start).unwrap_or_default());
        canonical.push_str(&number.value);
        written = number.range.end;
    }
    canonical.push_str(text.get(written..).unwrap_or_default());
    canonical.replace(" ,", ",").replace(", ", ",")
}

/// Whether two answers are the same: canonically equal, or one is a mere number and the other that number with words around it.
pub fn same(a: &str, b: &str) -> bool {
    let (a, b) = (canonical(a), canonical(b));
    let says = |text: &str, value: &str| is_number(value) && value_in(text).as_deref() == Some(value);
    a == b || says(&a, &b) || says(&b, &a)
}

/// The number that a text gives, after its last "=": the only one, or the first where words part it from the next ("18 of 20").
/// None for "27,56", "2:30", "5-7" or "3 hours and 20 minutes".
fn value_in(text: &str) -> Option<String> {
    let text = text.rsplit('=').next().unwrap_or(text);
    let mut found = numbers(text).into_iter();
    let first = found.next()?;
    if let Some(second) = found.next() {
        let between = text.get(first.range.end..second.range.start).unwrap_or_default();
        let joined = between.split_whitespace().any(|word| matches!(word, "and" | "or"));
        if joined || !between.chars().any(char::is_alphabetic) {
            return None;
        }
    }
    Some(first.value)
}

/// Full-width forms and the minus sign as ASCII.
pub(super) fn plain(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{2212}' => '-',
        '\u{3000}' => ' ',
        _ => c,
    };
    text.chars().map(narrow).collect()
}

/// Without Markdown's emphasis, currency signs, and the LaTeX that surrounds answers.
fn without_markup(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' | '`' | '$' | '€' | '£' | '¥' => {}
            '\\' => match rest.peek() {
                Some('(' | ')' | '[' | ']' | ',' | ';' | '!' | ' ') => drop(rest.next()),
                Some('%' | '$' | '{' | '}') => {}
                _ => kept.push(c),
            },
            _ => kept.push(c),
        }
    }
    for wrapper in ["\\text{", "\\mathrm{", "\\textbf{"] {
        if kept.contains(wrapper) {
            kept = kept.replace(wrapper, "").replace('}', "");
        }
    }
    kept
}

fn trimmed(text: &str) -> &str {
    let ends = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’' | ';' | ':' | '!' | '?' | '。' | ',')
    };
    text.trim_start_matches(ends).trim_end_matches(|c| ends(c) || c == '.')
}
