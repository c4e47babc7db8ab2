//! Which words and letters stand in an answer. Words are taken literally and in any case; they may be parts of longer words but where
//! they are forbidden.

use regex::Regex;

use super::arguments::Arguments;
use super::{Check, InstructionError, always, pattern};

pub(super) fn check(kind: &str, arguments: &Arguments<'_>) -> Result<Option<Check>, InstructionError> {
    Ok(match kind {
        "existence" => {
            let words = patterns(arguments, "keywords", false)?;
            always(move |text| words.iter().all(|word| word.is_match(text)))
        }
        "forbidden_words" => {
            let words = patterns(arguments, "forbidden_words", true)?;
            always(move |text| !words.iter().any(|word| word.is_match(text)))
        }
        "frequency" => {
            let word = compiled(arguments, "keyword", &arguments.text("keyword")?, false)?;
            let bound = arguments.bound("relation", "frequency")?;
            always(move |text| bound.holds(word.find_iter(text).count()))
        }
        "letter_frequency" => {
            let letter = arguments.text("letter")?.to_lowercase();
            let bound = arguments.bound("let_relation", "let_frequency")?;
            if letter.chars().count() != 1 {
                return Err(arguments.wrong("letter", "one letter"));
            }
            always(move |text| bound.holds(text.to_lowercase().matches(letter.as_str()).count()))
        }
        _ => None,
    })
}

fn patterns(arguments: &Arguments<'_>, argument: &str, whole: bool) -> Result<Vec<Regex>, InstructionError> {
    arguments.texts(argument)?.iter().map(|words| compiled(arguments, argument, words, whole)).collect()
}

fn compiled(arguments: &Arguments<'_>, argument: &str, words: &str, whole: bool) -> Result<Regex, InstructionError> {
    pattern::words(words, whole).ok_or_else(|| arguments.wrong(argument, "of a few words at most"))
}
