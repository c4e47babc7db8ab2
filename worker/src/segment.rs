//! Where a drafted segment may end, so that members hand each other whole words and whole characters.
//!
//! Pure: text in, text out. It never looks at tokens and never adds a character.

use unicode_script::{Script, UnicodeScript as _};

/// The part of `drafted` that may be committed (section 2 of the algorithm). `finished`: the model ended its turn after it.
pub fn cut(drafted: &str, finished: bool) -> &str {
    let whole = drafted.trim_end_matches(char::REPLACEMENT_CHARACTER);
    if finished {
        return whole;
    }
    let text = whole.trim_end();
    if text.is_empty() {
        return whole;
    }
    if !text.chars().next_back().is_some_and(may_continue_a_word) {
        return text;
    }
    let last_space = text.rfind(char::is_whitespace).unwrap_or(0);
    let words = text[..last_space].trim_end();
    if words.is_empty() { text } else { words }
}

/// A letter or digit of a script that writes spaces between words: the next token may belong to the same word.
fn may_continue_a_word(last: char) -> bool {
    let spaceless = matches!(
        last.script(),
        Script::Han
            | Script::Hiragana
            | Script::Katakana
            | Script::Bopomofo
            | Script::Thai
            | Script::Lao
            | Script::Khmer
            | Script::Myanmar
    );
    last.is_alphanumeric() && !spaceless
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::cut;

    const UNFINISHED: &[(&str, &str)] = &[
        // the last word may be half a word
        ("The total number of ap", "The total number of"),
        ("is 3 x 2", "is 3 x"),
        ("one  two", "one"),
        ("line\n\nnext", "line"),
        (" The", " The"),
        ("word", "word"),
        ("\n word", "\n word"),
        // not a letter or digit: nothing to wait for
        ("so, ", "so,"),
        ("done.", "done."),
        ("a = b +", "a = b +"),
        ("x \u{1F600}", "x \u{1F600}"),
        // trailing white space goes, unless it is everything
        ("a b \n\t ", "a"),
        (" \n\n", " \n\n"),
        (" ", " "),
        ("", ""),
        // half a character
        ("caf\u{FFFD}", "caf"),
        ("good \u{FFFD}\u{FFFD}", "good"),
        ("\u{FFFD}", ""),
        ("day one \u{FFFD}", "day"),
        // scripts without spaces between words
        ("see 床前明月光", "see 床前明月光"),
        ("見る ひらがな", "見る ひらがな"),
        ("これ カタカナ", "これ カタカナ"),
        ("ㄅ ㄆㄇ", "ㄅ ㄆㄇ"),
        ("ก ภาษาไทย", "ก ภาษาไทย"),
        ("ກ ພາສາລາວ", "ກ ພາສາລາວ"),
        ("ក ភាសាខ្មែរ", "ក ភាសាខ្មែរ"),
        ("က မြန်မာ", "က မြန်မာ"),
        ("床前 moon", "床前"),
        ("床前 2024", "床前"),
        // scripts with them
        ("한국어 문장", "한국어"),
        ("Привет мир", "Привет"),
        ("हिन्दी भाषा", "हिन्दी"),
        ("שלום עולם", "שלום"),
        ("مرحبا عالم", "مرحبا"),
        // other white space: no-break and ideographic
        ("a\u{A0}b", "a"),
        ("語\u{3000}word", "語"),
    ];

    const FINISHED: &[(&str, &str)] =
        &[("the last word", "the last word"), ("end \n", "end \n"), ("", ""), ("half \u{FFFD}", "half "), (" ", " ")];

    #[test]
    fn an_unfinished_segment_ends_where_a_word_ends() {
        for (drafted, kept) in UNFINISHED {
            assert_eq!(cut(drafted, false), *kept, "{drafted:?}");
        }
    }

    #[test]
    fn a_finished_segment_keeps_its_last_word() {
        for (drafted, kept) in FINISHED {
            assert_eq!(cut(drafted, true), *kept, "{drafted:?}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_segment_is_a_prefix_and_never_loses_everything(drafted in "[a-z \n\u{FFFD}床.]{0,24}", finished: bool) {
            let kept = cut(&drafted, finished);
            prop_assert!(drafted.starts_with(kept));
            prop_assert_eq!(kept.is_empty(), drafted.trim_end_matches('\u{FFFD}').is_empty());
        }
    }
}
