//! Letters that a text calls right ("B is correct") or chooses ("I'd go with C").

use super::{head, is_mark, option};

/// Words that choose what comes after them.
const CHOOSING: [&str; 14] = [
    "go with ",
    "going with ",
    "it's ",
    "it’s ",
    "it is ",
    "i choose ",
    "choosing ",
    "i pick ",
    "picking ",
    "i select ",
    "would choose ",
    "would pick ",
    "must be ",
    "should be ",
];
/// After a letter: it is the one.
const RIGHT: [&str; 5] = ["correct", "right", "true", "best", "the answer"];
/// After a letter and a verb: it is not the one.
const WRONG: [&str; 9] =
    ["incorrect", "wrong", "not ", "false", "untrue", "ruled out", "eliminated", "clearly wrong", "clearly incorrect"];
/// Words that an option comes after.
const LEADING: [&str; 15] = [
    "and", "or", "so", "but", "option", "choice", "answer", "letter", "that", "then", "thus", "hence", "think", "only",
    "while",
];
/// What can stand between a verb and its judgement.
const BETWEEN: [&str; 9] =
    ["the ", "clearly ", "definitely ", "probably ", "most likely ", "therefore ", "thus ", "also ", "obviously "];
/// Words that go on from a letter that is an answer.
const CONJUNCTIONS: [&str; 7] = ["because", "since", "as ", "due to", "based on", "for ", "which "];

/// The letter that is called right or chosen, where it is one only.
pub(super) fn letter(text: &str, options: usize) -> Option<char> {
    let mut letters = called_right(text, options);
    letters.extend(chosen(text, options));
    let first = *letters.first()?;
    letters.iter().all(|letter| *letter == first).then_some(first)
}

/// What comes after a letter says that it is wrong.
pub(super) fn is_denied(rest: &str) -> bool {
    let after = past_marks(rest);
    let after = after.strip_prefix("isn't ").or_else(|| after.strip_prefix("isn’t ")).map_or(after, |_| "is not ");
    judgement(after).is_some_and(|judged| WRONG.iter().any(|word| judged.starts_with(word)))
}

/// What comes after a letter goes on from it as an answer.
pub(super) fn continues(after: &str) -> bool {
    is_affirmed(after) || CONJUNCTIONS.iter().any(|word| after.starts_with(word))
}

fn is_affirmed(after: &str) -> bool {
    judgement(after).is_some_and(|judged| {
        let judged = BETWEEN.iter().fold(judged, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
        RIGHT.iter().any(|word| judged.starts_with(word)) || judged.starts_with("answer")
    })
}

/// What "is" says.
fn judgement(after: &str) -> Option<&str> {
    after.strip_prefix("is ").or_else(|| after.strip_prefix("must be "))
}

/// Past the bracket and the full stop of a letter.
fn past_marks(rest: &str) -> &str {
    rest.trim_start_matches(|c: char| is_mark(c) || matches!(c, ')' | ']' | '.' | '）'))
}

fn called_right(text: &str, options: usize) -> Vec<char> {
    let mut letters = Vec::new();
    for (at, c) in text.char_indices() {
        let Some(letter) = option(c, options).filter(|_| !c.is_ascii_lowercase()) else { continue };
        let rest = text.get(at + c.len_utf8()..).map(near).unwrap_or_default();
        let after = past_marks(rest);
        let called = after.len() < rest.len() && is_affirmed(after);
        letters.extend((called && stands_alone(text.get(..at).unwrap_or_default())).then_some(letter));
    }
    letters
}

/// Whether a letter after this is an option and no name: "Vitamin C is right".
fn stands_alone(before: &str) -> bool {
    if before.ends_with(['(', '[', '*', '（']) {
        return true;
    }
    let before = before.trim_end_matches([' ', '"', '“']);
    let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    word.is_empty() || LEADING.iter().any(|leading| word.eq_ignore_ascii_case(leading))
}

fn chosen(text: &str, options: usize) -> Vec<char> {
    // As long as the text itself, byte by byte.
    let lower = text.to_ascii_lowercase();
    let mut letters = Vec::new();
    for words in CHOOSING {
        for (at, _) in lower.match_indices(words) {
            let before = lower.get(..at).unwrap_or_default();
            let inside = before.ends_with(char::is_alphanumeric);
            let denied = ["not ", "n't ", "n’t ", "never "].iter().any(|word| before.ends_with(word));
            let rest = text.get(at + words.len()..).unwrap_or_default();
            letters.extend(clause(rest, options).filter(|_| !inside && !denied));
        }
    }
    letters
}

/// A large letter that ends its clause, or is gone on from.
fn clause(rest: &str, options: usize) -> Option<char> {
    let rest = head(rest).trim_start_matches(is_mark);
    let rest = ["option ", "choice ", "answer ", "letter "].iter().fold(rest, |rest, word| super::without(rest, word));
    let mut rest = rest.trim_start_matches(is_mark).chars();
    let first = rest.next().filter(|first| !first.is_ascii_lowercase() && *first != 'I')?;
    let letter = option(first, options)?;
    let rest = rest.as_str();
    let ends =
        rest.chars().next().is_none_or(|c| matches!(c, '.' | ',' | ';' | ':' | '!' | ')' | ']' | '*' | '"' | '\n'));
    let goes_on = super::goes_on(rest, options);
    ((ends || rest.trim().is_empty() || continues(rest.trim_start())) && !goes_on && !is_denied(rest)).then_some(letter)
}

/// A judgement stands near its letter, so that the time is linear.
fn near(text: &str) -> &str {
    text.get(..text.floor_char_boundary(64)).unwrap_or(text)
}
