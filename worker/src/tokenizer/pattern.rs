//! What a pre-tokenizer's regular expression can match, told from its syntax alone: whether one match may reach over the place
//! between two characters. Knows nothing of tokenizers; what it cannot tell it answers with None.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind};

/// The one look-around that these patterns have. It reads a single character, and only behind white space: never behind a letter.
const BEFORE_NO_TEXT: &str = r"\s+(?!\S)";
/// Never matches.
const NOTHING: &str = r"[^\s\S]";

#[derive(Debug)]
pub(super) struct Pattern {
    /// Matches all that the pattern matches, and more: without its look-around.
    wider: Hir,
    /// Matches only what the pattern matches whatever follows: without the alternatives that look around.
    surer: Hir,
}

/// What the matches of a part can be, as far as "a character of a class directly before a mark" goes.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    may_be_empty: bool,
    starts_with_mark: bool,
    ends_in_class: bool,
    holds: bool,
}

impl Pattern {
    /// None: it looks around in another way, or is of another syntax.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let wider = regex_syntax::parse(&pattern.replace(BEFORE_NO_TEXT, r"\s+")).ok()?;
        let surer = regex_syntax::parse(&pattern.replace(BEFORE_NO_TEXT, NOTHING)).ok()?;
        wider.properties().look_set().is_empty().then_some(Self { wider, surer })
    }

    /// Whether some match has a character of `class` directly before `mark`.
    pub(super) fn holds(&self, class: &ClassUnicode, mark: char) -> Option<bool> {
        shape(&self.wider, class, mark).map(|shape| shape.holds)
    }

    /// Whether `mark` is matched wherever it stands outside of earlier matches.
    pub(super) fn matches_alone(&self, mark: char) -> bool {
        matches_alone(&self.surer, mark)
    }
}

fn shape(hir: &Hir, class: &ClassUnicode, mark: char) -> Option<Shape> {
    let part = |hir: &Hir| shape(hir, class, mark);
    match hir.kind() {
        HirKind::Empty => Some(Shape { may_be_empty: true, ..Shape::default() }),
        HirKind::Literal(literal) => {
            let mut whole = Shape { may_be_empty: true, ..Shape::default() };
            for character in std::str::from_utf8(&literal.0).ok()?.chars() {
                whole = whole.then(Shape {
                    starts_with_mark: character == mark,
                    ends_in_class: contains(class, character),
                    ..Shape::default()
                });
            }
            Some(whole)
        }
        HirKind::Class(Class::Unicode(matched)) => {
            let mut common = matched.clone();
            common.intersect(class);
            let ends_in_class = !common.ranges().is_empty();
            Some(Shape { starts_with_mark: contains(matched, mark), ends_in_class, ..Shape::default() })
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) => None,
        HirKind::Repetition(repetition) => {
            let once = part(&repetition.sub)?;
            let may_repeat = repetition.max.is_none_or(|max| max > 1);
            let holds = once.holds || (may_repeat && once.ends_in_class && once.starts_with_mark);
            Some(Shape { holds, may_be_empty: once.may_be_empty || repetition.min == 0, ..once })
        }
        HirKind::Capture(capture) => part(&capture.sub),
        HirKind::Concat(parts) => {
            let empty = Shape { may_be_empty: true, ..Shape::default() };
            parts.iter().try_fold(empty, |before, hir| Some(before.then(part(hir)?)))
        }
        HirKind::Alternation(parts) => parts.iter().try_fold(Shape::default(), |other, hir| Some(other.or(part(hir)?))),
    }
}

impl Shape {
    fn then(self, next: Self) -> Self {
        Self {
            may_be_empty: self.may_be_empty && next.may_be_empty,
            starts_with_mark: self.starts_with_mark || (self.may_be_empty && next.starts_with_mark),
            ends_in_class: next.ends_in_class || (next.may_be_empty && self.ends_in_class),
            holds: self.holds || next.holds || (self.ends_in_class && next.starts_with_mark),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            may_be_empty: self.may_be_empty || other.may_be_empty,
            starts_with_mark: self.starts_with_mark || other.starts_with_mark,
            ends_in_class: self.ends_in_class || other.ends_in_class,
            holds: self.holds || other.holds,
        }
    }
}

fn matches_alone(hir: &Hir, mark: char) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Bytes(_)) => false,
        HirKind::Literal(literal) => &*literal.0 == mark.to_string().as_bytes(),
        HirKind::Class(Class::Unicode(matched)) => contains(matched, mark),
        HirKind::Repetition(repetition) => repetition.min <= 1 && matches_alone(&repetition.sub, mark),
        HirKind::Capture(capture) => matches_alone(&capture.sub, mark),
        HirKind::Concat(parts) => (0..parts.len()).any(|alone| {
            let fits = |(place, part): (usize, &Hir)| match place == alone {
                true => matches_alone(part, mark),
                false => part.properties().minimum_len() == Some(0),
            };
            parts.iter().enumerate().all(fits)
        }),
        HirKind::Alternation(parts) => parts.iter().any(|part| matches_alone(part, mark)),
    }
}

fn contains(class: &ClassUnicode, character: char) -> bool {
    class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_syntax::hir::ClassUnicodeRange;

    fn letters() -> ClassUnicode {
        ClassUnicode::new([ClassUnicodeRange::new('0', '9'), ClassUnicodeRange::new('a', 'z')])
    }

    #[test]
    fn a_match_over_the_place_before_a_mark_is_found_wherever_it_hides() {
        for (pattern, mark, holds) in [
            (r" ?\p{L}+|\s+(?!\S)|\s+", ' ', false),
            (r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+", '\n', false),
            (r"\p{L}+[\r\n]*", '\n', true),
            (r"\w+ \w+", ' ', true),
            (r"(?:\w| )+", ' ', true),
            (r"(?:\w| )", ' ', false),
            (r"x?(?:a-*)(?: |b)", ' ', true),
            (r"a b", ' ', true),
            (r"a[\s\S]", '，', true),
            (r"(?i:'s|'t) ", ' ', true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().holds(&letters(), mark), Some(holds), "{pattern} {mark:?}");
        }
    }

    #[test]
    fn a_pattern_that_looks_around_is_not_judged() {
        for pattern in [r"\bword", r"^a", r"\s+$", r"(?<=a)b", r"(?!a)b", r"\p{L}+(?!\S)", r"(a)\1"] {
            assert!(Pattern::parse(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn a_mark_that_needs_more_than_itself_does_not_match_alone() {
        for (pattern, mark, alone) in [
            (r"\s+(?!\S)|\s+", ' ', true),
            (r"\s+(?!\S)", ' ', false),
            (r"\s*[\r\n]+", '\n', true),
            (r"\s*[\r\n]+", ' ', false),
            (r" ?[^\s\p{L}\p{N}]+[\r\n]*", '，', true),
            (r"，，|a", '，', false),
            (r"(?:，|b){2}", '，', false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches_alone(mark), alone, "{pattern} {mark:?}");
        }
    }
}
