//! The answer alone: plain text to a pipe, each segment in its winner's colour on a terminal.

use specfuse_proto::v1::{Finished, Segment};

use crate::{palette::Palette, text};

#[derive(Debug)]
pub(crate) struct Plain {
    palette: Palette,
    /// A pipe gets the text as it is; a terminal gets no control character of it.
    terminal: bool,
    winner: String,
    /// Something was written, and it did not end its line.
    open_line: bool,
}

impl Plain {
    pub(crate) fn new(palette: Palette, terminal: bool) -> Self {
        Self { palette, terminal, winner: String::new(), open_line: false }
    }

    pub(crate) fn segment(&mut self, segment: &Segment) -> String {
        self.palette.meet(&segment.active);
        // What a round without a winner shows was held back: it is the last winner's.
        if !segment.winner.is_empty() {
            self.winner.clone_from(&segment.winner);
        }
        self.show(&segment.text)
    }

    pub(crate) fn finished(&mut self, finished: &Finished) -> String {
        self.show(&finished.text) + if self.open_line { "\n" } else { "" }
    }

    pub(crate) fn broken_off(&mut self) -> String {
        if std::mem::take(&mut self.open_line) { "\n".to_owned() } else { String::new() }
    }

    fn show(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        self.open_line = !text.ends_with('\n');
        if self.terminal { self.palette.paint(&self.winner, &text::harmless(text)) } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(winner: &str, text: &str) -> Segment {
        let active = vec!["a".to_owned(), "b".to_owned()];
        Segment { winner: winner.to_owned(), text: text.to_owned(), active, ..Segment::default() }
    }

    #[test]
    fn a_pipe_gets_the_text_and_a_final_line_feed() {
        let mut plain = Plain::new(Palette::new(false), false);
        assert_eq!(plain.segment(&segment("a", "one\u{1b}")), "one\u{1b}");
        assert_eq!(plain.finished(&Finished { text: " two".to_owned(), ..Finished::default() }), " two\n");
    }

    #[test]
    fn a_text_that_ends_its_line_gets_no_second_line_feed() {
        let mut plain = Plain::new(Palette::new(false), false);
        plain.segment(&segment("a", "one\n"));
        assert_eq!(plain.finished(&Finished::default()), "");
    }

    #[test]
    fn a_terminal_sees_who_wrote_and_no_escape_of_theirs() {
        let mut plain = Plain::new(Palette::new(true), true);
        let first = plain.segment(&segment("a", "x\u{1b}"));
        assert!(first.contains("x\\u{1b}") && first.starts_with('\u{1b}'), "{first:?}");
        assert_ne!(first.replace("x\\u{1b}", ""), plain.segment(&segment("b", "y")).replace('y', ""));
    }
}
