//! How long an answer is: paragraphs, sentences, words.

mod sentences;

use std::sync::LazyLock;

use regex::Regex;

use super::arguments::Arguments;
use super::{Check, InstructionError, always, pattern};

static DIVIDER: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"\s?\*\*\*\s?"));
/// As Unicode and NLTK have it: letters with their marks, digits and connectors.
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"\w+"));

pub(super) fn check(kind: &str, arguments: &Arguments<'_>) -> Result<Option<Check>, InstructionError> {
    Ok(match kind {
        "number_paragraphs" => {
            let wanted = arguments.number("num_paragraphs")?;
            always(move |text| divided(text) == Some(wanted))
        }
        "number_sentences" => {
            let bound = arguments.bound("relation", "num_sentences")?;
            always(move |text| bound.holds(sentences::count(text)))
        }
        "number_words" => {
            let bound = arguments.bound("relation", "num_words")?;
            always(move |text| bound.holds(WORD.find_iter(text).count()))
        }
        "nth_paragraph_first_word" => {
            let paragraphs = arguments.number("num_paragraphs")?;
            let word = arguments.text("first_word")?.to_lowercase();
            let Some(nth) = arguments.number("nth_paragraph")?.checked_sub(1).filter(|nth| *nth < paragraphs) else {
                return Err(arguments.wrong("nth_paragraph", "from 1 to `num_paragraphs`"));
            };
            always(move |text| first_word(text, paragraphs, nth).is_some_and(|first| first == word))
        }
        _ => None,
    })
}

/// The number of paragraphs between dividers of three asterisks. None where one in the middle is blank.
fn divided(text: &str) -> Option<usize> {
    let blank: Vec<bool> = DIVIDER.split(text).map(|paragraph| paragraph.trim().is_empty()).collect();
    let middle = blank.get(1..blank.len().saturating_sub(1)).unwrap_or_default();
    (!middle.contains(&true)).then(|| blank.iter().filter(|blank| !**blank).count())
}

/// The first word of a paragraph, up to its first punctuation mark, where the text has so many paragraphs that are not blank. Blank ones
/// count when the paragraph is looked up, as in IFEval.
fn first_word(text: &str, wanted: usize, nth: usize) -> Option<String> {
    let paragraphs: Vec<&str> = text.split("\n\n").map(str::trim).collect();
    let written = paragraphs.iter().filter(|paragraph| !paragraph.is_empty()).count();
    let word = paragraphs.get(nth)?.split_whitespace().next()?;
    let word = word.trim_start_matches('\'').trim_start_matches('"');
    let word = word.split(['.', ',', '?', '!', '\'', '"']).next()?;
    (written == wanted).then(|| word.to_lowercase())
}
