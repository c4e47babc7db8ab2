//! Text that came from a model, made safe for a terminal: it must never move the cursor, change colours or reorder what is shown.

/// Keeps line feeds and tabs; writes every other control character as an escape.
pub(crate) fn harmless(text: &str) -> String {
    escape(text, |c| c == '\n' || c == '\t')
}

/// One line, which cannot pass for several: a name, for instance, that somebody else chose.
pub(crate) fn one_line(text: &str) -> String {
    escape(text, |_| false)
}

/// One line between quotes, with every control character as an escape.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", one_line(text).replace('"', "\\\""))
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() || reorders(c)) && !keep(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Bidirectional controls: they can make a terminal show another text than the one that was written.
fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_is_shown_instead_of_obeyed() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\u{9b}1m\n\tc\u{7f}"), "a\\u{1b}[2Jb\\r\\u{9b}1m\n\tc\\u{7f}");
    }

    #[test]
    fn letters_of_every_script_stay() {
        assert_eq!(harmless("naïve 日本語 👍"), "naïve 日本語 👍");
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(one_line("a\nall 9 rounds follow\r\u{2028}"), "a\\nall 9 rounds follow\\r\\u{2028}");
    }

    #[test]
    fn a_quoted_text_is_one_line() {
        assert_eq!(quoted("a\n\"b\""), "\"a\\n\\\"b\\\"\"");
    }
}
