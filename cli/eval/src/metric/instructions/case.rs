//! Capitals and small letters.

use super::arguments::Arguments;
use super::language::may_be_english;
use super::{Check, InstructionError, always};

pub(super) fn check(kind: &str, arguments: &Arguments<'_>) -> Result<Option<Check>, InstructionError> {
    Ok(match kind {
        "capital_word_frequency" => {
            let bound = arguments.bound("capital_relation", "capital_frequency")?;
            always(move |text| bound.holds(capital_words(text)))
        }
        "english_capital" => always(|text| is_upper(text) && may_be_english(text)),
        "english_lowercase" => always(|text| is_lower(text) && may_be_english(text)),
        _ => None,
    })
}

fn is_upper(text: &str) -> bool {
    text.contains(char::is_uppercase) && !text.contains(char::is_lowercase)
}

fn is_lower(text: &str) -> bool {
    text.contains(char::is_lowercase) && !text.contains(char::is_uppercase)
}

/// Words in capitals. As in NLTK's word tokens a hyphen or a full stop within a word does not part it, and a contraction is two words:
/// "DON'T" counts twice.
fn capital_words(text: &str) -> usize {
    let parts = |c: char| c.is_whitespace() || ",:;@#$%&?!\"“”()[]{}<>*`".contains(c);
    let words = text.split(parts).flat_map(|word| word.split("--")).flat_map(|word| word.split("..."));
    words.flat_map(contraction).filter(|word| is_upper(word)).count()
}

fn contraction(word: &str) -> [&str; 2] {
    let word = word.trim_end_matches('\'');
    let endings = ["N'T", "'S", "'M", "'D", "'LL", "'RE", "'VE"];
    let cut =
        endings.iter().find(|ending| word.ends_with(**ending)).map_or(word.len(), |ending| word.len() - ending.len());
    word.split_at_checked(cut).map_or([word, ""], |(stem, ending)| [stem, ending])
}
