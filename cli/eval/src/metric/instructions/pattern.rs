//! Regular expressions: the fixed ones, and those made from what a file says.

use regex::{Regex, RegexBuilder};

/// A fixed pattern.
#[expect(clippy::expect_used, reason = "the patterns are constants, and a test of each instruction compiles its own")]
pub(super) fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a valid pattern")
}

/// The words themselves, in any case; whole words only where `whole`. None where they are too long for a pattern.
pub(super) fn words(words: &str, whole: bool) -> Option<Regex> {
    let words = regex::escape(words);
    let pattern = if whole { format!(r"\b{words}\b") } else { words };
    RegexBuilder::new(&pattern).case_insensitive(true).build().ok()
}
