//! Texts, changed in place or put together: words replaced, numbers made extreme, lines moved, brackets nested deeply.

use proptest::{prelude::*, sample::Index};

/// What is hard to read, or means something to somebody.
const HARD: [&str; 28] = [
    "",
    " ",
    "\n",
    "\t",
    "\0",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ":",
    ",",
    "=",
    "#",
    "%",
    "null",
    "true",
    "nan",
    "\u{feff}",
    "\u{2581}",
    "\u{fffd}",
    "e\u{301}",
    "👩‍👩‍👧",
    "\u{10ffff}",
];
const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "0.0",
    "-0.0",
    "1e400",
    "1e-400",
    "65536",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "00",
];
const NESTING: [&str; 6] = ["[", "{\"a\":", "(", "[[", "{", "not "];
/// Levels: below and above what readers allow.
const LEVELS: [usize; 4] = [3, 60, 130, 3000];

#[derive(Clone, Debug)]
enum Edit {
    Insert(Index, &'static str),
    /// A word or a number gives way.
    Replace(Index, &'static str),
    Remove(Index, usize),
    /// A line again at another place.
    Repeat(Index, Index),
    RemoveLine(Index),
    Nest(Index, &'static str, usize),
    Cut(Index),
}

/// `valid`, changed in one to five places; now and then a text that has nothing to do with it.
pub fn text(valid: &str) -> impl Strategy<Value = String> + use<> {
    let valid = valid.to_owned();
    let changed = prop::collection::vec(edit(), 1..=5).prop_map(move |edits| edited(valid.clone(), edits));
    prop_oneof![20 => changed, 1 => any::<String>()]
}

/// Up to `most` pieces, one after the other.
pub fn fragments(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..=most).prop_map(|pieces| pieces.concat())
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    let hard = || prop_oneof![prop::sample::select(HARD.as_slice()), prop::sample::select(NUMBERS.as_slice())];
    let nest = (at(), prop::sample::select(NESTING.as_slice()), prop::sample::select(LEVELS.as_slice()));
    prop_oneof![
        3 => (at(), hard()).prop_map(|(at, new)| Edit::Insert(at, new)),
        5 => (at(), hard()).prop_map(|(at, new)| Edit::Replace(at, new)),
        2 => (at(), 1usize..40).prop_map(|(at, length)| Edit::Remove(at, length)),
        2 => (at(), at()).prop_map(|(from, to)| Edit::Repeat(from, to)),
        1 => at().prop_map(Edit::RemoveLine),
        1 => nest.prop_map(|(at, open, levels)| Edit::Nest(at, open, levels)),
        1 => at().prop_map(Edit::Cut),
    ]
}

fn edited(mut text: String, edits: Vec<Edit>) -> String {
    for edit in edits {
        let place = |at: Index| text.floor_char_boundary(at.index(text.len() + 1));
        match edit {
            Edit::Insert(at, new) => text.insert_str(place(at), new),
            Edit::Replace(at, new) => {
                let word = word(&text, place(at));
                text.replace_range(word, new);
            }
            Edit::Remove(at, length) => {
                let from = place(at);
                text.replace_range(from..text.ceil_char_boundary(from + length), "");
            }
            Edit::Repeat(from, to) => {
                let again = text.get(line(&text, place(from))).unwrap_or_default().to_owned();
                let to = line(&text, place(to)).start;
                text.insert_str(to, &again);
            }
            Edit::RemoveLine(at) => text.replace_range(line(&text, place(at)), ""),
            Edit::Nest(at, open, levels) => text.insert_str(place(at), &open.repeat(levels)),
            Edit::Cut(at) => text.truncate(place(at)),
        }
    }
    text
}

/// The letters and digits around a place.
fn word(text: &str, at: usize) -> std::ops::Range<usize> {
    let (before, after) = text.split_at(at);
    let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let start = before.rfind(ends).map_or(0, |at| before.ceil_char_boundary(at + 1));
    start..after.find(ends).map_or(text.len(), |length| at + length)
}

/// The line around a place, with its end.
fn line(text: &str, at: usize) -> std::ops::Range<usize> {
    let (before, after) = text.split_at(at);
    before.rfind('\n').map_or(0, |at| at + 1)..after.find('\n').map_or(text.len(), |length| at + length + 1)
}
