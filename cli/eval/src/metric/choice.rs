//! The letter that an answer to a multiple-choice question settles on. The texts of the options are not known here: an answer that names
//! its option by its words alone has no letter.

mod settled;

use crate::final_answer;

/// What may come before a letter, in this order.
const WORDS: [&str; 12] = [
    "\\(",
    "\\text{",
    "\\textbf{",
    "the letter ",
    "the option ",
    "the choice ",
    "option ",
    "choice ",
    "letter ",
    "选项",
    "选择",
    "选",
];

/// The letter of the last statement that names one ("The answer is B"); else the letter that the text begins with ("(B) because ..");
/// else the only one that it calls right or chooses ("I'd go with C"); else the only one that it names as an option. None where it names several and settles on none.
pub(super) fn letter(text: &str, options: usize) -> Option<char> {
    let of = |statement: &&str| opening(statement, options, true);
    if let Some(letter) = final_answer::stated(text).iter().rev().find_map(of) {
        return Some(letter);
    }
    opening(text, options, false).or_else(|| settled::letter(text, options)).or_else(|| named(text, options))
}

/// The letter that a text opens with. "A" and "I" can be words, small letters too, and others names ("B cells"): before a word such a
/// letter counts only if the word goes on from it ("because", "is right"), and after "the answer is" a large one but "A" and "I" counts
/// too.
fn opening(text: &str, options: usize, stated: bool) -> Option<char> {
    let text = WORDS
        .iter()
        .fold(text, |text, word| without(text.trim_start_matches(is_mark), word))
        .trim_start_matches(is_mark);
    let mut rest = text.chars();
    let first = rest.next()?;
    let letter = option(first, options)?;
    let rest = rest.as_str();
    let Some(next) = rest.chars().next() else { return Some(letter) };
    if goes_on(rest, options) || settled::is_denied(rest) {
        return None;
    }
    if next.is_ascii_alphanumeric() || matches!(next, '\'' | '’') {
        return None;
    }
    if !next.is_whitespace() || next == '\n' || rest.trim().is_empty() {
        return (next != '-').then_some(letter);
    }
    let after = rest.trim_start();
    let next = after.chars().next();
    let word = match first {
        'I' => true,
        _ if first.is_ascii_lowercase() => true,
        'A' => next.is_some_and(char::is_alphabetic),
        _ if stated => false,
        _ => next.is_some_and(char::is_lowercase),
    };
    (!word || (settled::continues(after) && first != 'I' && !first.is_ascii_lowercase())).then_some(letter)
}

/// Whether another letter is named in the same breath: "and (B)".
fn goes_on(rest: &str, options: usize) -> bool {
    let rest = rest.trim_start_matches([')', ']', '*', '.', ' ', '）']);
    let joint = ["and ", "or ", ",", "/", "&", "、", "和", "或"].iter().find_map(|joint| rest.strip_prefix(joint));
    let mut after = joint.unwrap_or_default().trim_start_matches(is_mark).chars();
    let named = after.next().is_some_and(|c| c.is_uppercase() && option(c, options).is_some());
    named && after.next().is_none_or(|next| !next.is_alphanumeric())
}

/// The letter of every "(B)", "option B" and 选B, where that is one letter.
fn named(text: &str, options: usize) -> Option<char> {
    let lower = text.to_ascii_lowercase();
    let mut letters = Vec::new();
    for word in ["(", "（", "option ", "choice ", "选项", "选择", "选"] {
        for (at, found) in lower.match_indices(word) {
            let mut rest = head(text.get(at + found.len()..)?).trim_start_matches(is_mark).chars();
            let letter = rest.next().and_then(|c| option(c, options));
            let next = rest.next();
            let ends = match found {
                "(" | "（" => matches!(next, Some(')' | '）')),
                _ => next.is_none_or(|next| !next.is_ascii_alphanumeric() && !matches!(next, '\'' | '’')),
            };
            letters.extend(letter.filter(|_| ends));
        }
    }
    let first = *letters.first()?;
    letters.iter().all(|letter| *letter == first).then_some(first)
}

fn option(c: char, options: usize) -> Option<char> {
    let c = match c {
        'Ａ'..='Ｚ' => char::from_u32(u32::from(c) - 0xfee0)?,
        _ => c.to_ascii_uppercase(),
    };
    let place = u32::from(c).checked_sub(u32::from('A'))?;
    (c.is_ascii_uppercase() && (place as usize) < options).then_some(c)
}

/// Without the word at its beginning.
fn without<'a>(text: &'a str, word: &str) -> &'a str {
    match text.split_at_checked(word.len()) {
        Some((head, rest)) if head.eq_ignore_ascii_case(word) => rest,
        _ => text,
    }
}

/// A letter stands near its word, so that the time is linear.
fn head(text: &str) -> &str {
    text.get(..text.floor_char_boundary(16)).unwrap_or(text)
}

fn is_mark(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '*' | '_' | '`' | '"' | '\'' | '(' | '[' | '（' | '【' | '$' | '：' | ':' | '“' | '{')
}

#[cfg(test)]
mod tests;
