//! The one spelling of an answer that stands for all its spellings.

use super::number::{is_number, numbers};
use super::{denial, fraction};

/// Lower case, one space between words, none around commas, numbers without separators; markup, currency signs, enclosing
/// quotation marks and the final full stop are gone. Units stay, one space after their number, the percent sign without.
/// Answers with equal canonical forms are the same.
pub fn canonical(answer: &str) -> String {
    let text = without_markup(&fraction::flattened(&plain(answer))).to_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = trimmed(&text);
    let mut canonical = String::with_capacity(text.len());
    let mut written = 0;
    for number in numbers(text) {
        canonical.push_str(text.get(written..number.range.start).unwrap_or_default());
        canonical.push_str(&number.value);
        written = number.range.end;
        let rest = text.get(written..).unwrap_or_default();
        if rest.starts_with(" %") || rest.starts_with(" \\%") {
            written += 1;
        } else if rest.starts_with(char::is_alphabetic) {
            canonical.push(' ');
        }
    }
    canonical.push_str(text.get(written..).unwrap_or_default());
    canonical.replace(" ,", ",").replace(", ", ",")
}

/// Whether two answers are the same: canonically equal, or one is a mere number and the other that number with words around it, or the
/// fraction that equals it.
pub fn same(a: &str, b: &str) -> bool {
    let (a, b) = (canonical(a), canonical(b));
    let says = |text: &str, value: &str| is_number(value) && value_in(text).as_deref() == Some(value);
    a == b || says(&a, &b) || says(&b, &a) || fraction::are_equal(&a, &b)
}

/// The number that a text gives, after its last "=": the only one, or the first where words part it from the next ("18 of 20").
/// Numbers that the text denies or only bounds ("not 18", "less than 18") do not count.
/// None for "27,56", "2:30", "5-7", "x = 3,y = 4" or "3 hours and 20 minutes".
fn value_in(text: &str) -> Option<String> {
    if assigns_several(text) {
        return None;
    }
    let text = text.get(text.rfind('=').map_or(0, |at| equality(text, at))..).unwrap_or(text);
    let mut found =
        numbers(text).into_iter().filter(|number| !text.get(..number.range.start).is_some_and(denial::is_denied));
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

/// Where what an "=" equates begins: "<=" and the like equate nothing.
fn equality(text: &str, at: usize) -> usize {
    let bounds = text.get(..at).is_some_and(|before| before.ends_with(['<', '>', '!']));
    if bounds { 0 } else { at + 1 }
}

/// "x = 3,y = 4", not "3 + 4 = 7 = 7".
fn assigns_several(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('=').collect();
    parts.pop();
    parts.iter().skip(1).any(|part| part.contains([',', ';']) || part.split_whitespace().any(|word| word == "and"))
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
