//! Whether a text says that a number is not the answer, or only bounds it.

/// What comes right before such a number, in lower case.
const WORDS: [&str; 8] =
    ["not", "less than", "fewer than", "smaller than", "more than", "greater than", "larger than", "never"];
const SIGNS: [char; 5] = ['<', '>', '≤', '≥', '≠'];
/// No word is longer, in bytes.
const LONGEST: usize = 24;

/// `before`: the text up to the number.
pub(super) fn is_denied(before: &str) -> bool {
    let near = before.get(before.floor_char_boundary(before.len().saturating_sub(LONGEST))..).unwrap_or_default();
    let near = near.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '$' | '(' | '='));
    let lower = near.to_ascii_lowercase();
    let ends = |word: &str| lower.strip_suffix(word).is_some_and(|rest| !rest.ends_with(char::is_alphanumeric));
    near.ends_with(SIGNS)
        || ["n't", "n’t"].iter().any(|word| lower.ends_with(word))
        || WORDS.iter().any(|word| ends(word))
}
