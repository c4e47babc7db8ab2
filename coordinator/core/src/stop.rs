//! Stop strings in a stream: what may be shown, what must wait, and where the answer is cut.
//!
//! Only the text held back is ever looked at again, so the work of a segment does not grow with the answer.

/// Watches an answer for its stop strings.
#[derive(Clone, Debug)]
pub struct StopWatch {
    stops: Vec<String>,
    /// The longest suffix of the text so far that could still become a stop string.
    held: String,
}

/// What became of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Text that no stop string can take back.
    pub released: String,
    /// A stop string is complete; the answer ends with `released`.
    pub stopped: bool,
}

impl StopWatch {
    pub fn new(stops: Vec<String>) -> Self {
        Self { stops: stops.into_iter().filter(|stop| !stop.is_empty()).collect(), held: String::new() }
    }

    /// The next text of the answer. Once a stop string was met nothing more is expected.
    pub fn pass(&mut self, text: &str) -> Passed {
        let mut pending = std::mem::take(&mut self.held);
        pending.push_str(text);
        if let Some(start) = self.stops.iter().filter_map(|stop| pending.find(stop.as_str())).min() {
            pending.truncate(start);
            return Passed { released: pending, stopped: true };
        }
        let start = self.undecided(&pending);
        if let Some((released, held)) = pending.split_at_checked(start) {
            self.held = held.to_owned();
            return Passed { released: released.to_owned(), stopped: false };
        }
        Passed { released: pending, stopped: false }
    }

    /// The text held back, when the answer ends without a stop string.
    pub fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the longest suffix begins that some stop string begins with; the end if there is none.
    fn undecided(&self, text: &str) -> usize {
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let from = text.len().saturating_sub(longest);
        text.char_indices()
            .map(|(start, _)| start)
            .skip_while(|start| *start < from)
            .find(|start| text.get(*start..).is_some_and(|tail| self.stops.iter().any(|stop| stop.starts_with(tail))))
            .unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn watch(stops: &[&str]) -> StopWatch {
        StopWatch::new(stops.iter().map(|stop| (*stop).to_owned()).collect())
    }

    fn passed(released: &str, stopped: bool) -> Passed {
        Passed { released: released.to_owned(), stopped }
    }

    #[test]
    fn text_is_cut_before_a_stop_string_that_spans_segments() {
        let mut watch = watch(&["\n\nQ:"]);
        assert_eq!(watch.pass("It is 4.\n"), passed("It is 4.", false));
        assert_eq!(watch.pass("\nQ"), passed("", false));
        assert_eq!(watch.pass(": next"), passed("", true));
        assert_eq!(watch.rest(), "");
    }

    #[test]
    fn text_that_turns_out_harmless_is_released() {
        let mut watch = watch(&["aab"]);
        assert_eq!(watch.pass("xa"), passed("x", false));
        assert_eq!(watch.pass("a"), passed("", false));
        assert_eq!(watch.pass("a"), passed("a", false));
        assert_eq!(watch.rest(), "aa");
    }

    #[test]
    fn the_earliest_of_several_stop_strings_wins() {
        assert_eq!(watch(&["d", "bc"]).pass("abcd"), passed("a", true));
        assert_eq!(watch(&["abcx", "c"]).pass("abc"), passed("ab", true));
    }

    #[test]
    fn characters_are_never_split() {
        let mut watch = watch(&["é…"]);
        assert_eq!(watch.pass("caf\u{e9}"), passed("caf", false));
        assert_eq!(watch.pass("\u{e8}"), passed("\u{e9}\u{e8}", false));
        assert_eq!(watch.pass("\u{e9}\u{2026}"), passed("", true));
    }

    #[test]
    fn without_stop_strings_all_is_released_at_once() {
        assert_eq!(watch(&[""]).pass("abc"), passed("abc", false));
    }

    proptest! {
        #[test]
        fn a_stream_ends_where_its_text_would(
            segments in prop::collection::vec("[abé]{0,4}", 0..12),
            stops in prop::collection::vec("[abé]{1,4}", 0..3),
        ) {
            let mut watch = StopWatch::new(stops.clone());
            let (mut whole, mut shown, mut stopped) = (String::new(), String::new(), false);
            for segment in &segments {
                whole.push_str(segment);
                let passed = watch.pass(segment);
                shown.push_str(&passed.released);
                stopped = passed.stopped;
                let cut = stops.iter().filter_map(|stop| whole.find(stop.as_str())).min();
                prop_assert_eq!(stopped, cut.is_some());
                if stopped {
                    prop_assert_eq!(Some(shown.as_str()), whole.get(..cut.unwrap_or(0)));
                    break;
                }
            }
            if !stopped {
                shown.push_str(&watch.rest());
                prop_assert_eq!(shown, whole);
            }
        }
    }
}
