//! Where a tokenizer's encoding of any text provably falls apart: at a seam, the encoding of the whole is that of what stands before
//! it and then that of what follows it, whatever both are. Told from the tokenizer's own parts when it is loaded.
//!
//! A seam stands between a letter or digit of [`LETTERS`] and one of [`MARKS`]. It is one if (1) no added token reaches over it, and
//! none that ends there changes what follows, as it may begin before what is looked at;
//! (2) normalising does not move it; (3) no pre-tokenizer's match reaches over it or depends on text beyond it, so that splits on
//! either side do not know of each other; (4) it is itself a split, or no merge can bridge it: no token holds its two characters in
//! a row. A part that is not known to be so makes it none: the text is then encoded as a whole.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
use serde_json::Value;
use tokenizers::{AddedToken, ModelWrapper, NormalizedString, Normalizer, Tokenizer};

use super::pattern::Pattern;

/// Letters that normalising to NFC leaves alone, whatever stands before them, and digits. None is a mark that belongs to a letter
/// before it: patterns know letters from those.
const LETTERS: [(char, char); 24] = [
    ('0', '9'),
    ('A', 'Z'),
    ('a', 'z'),
    ('\u{c0}', '\u{d6}'),
    ('\u{d8}', '\u{f6}'),
    ('\u{f8}', '\u{17f}'),
    // Greek and Cyrillic.
    ('\u{386}', '\u{386}'),
    ('\u{388}', '\u{38a}'),
    ('\u{38c}', '\u{38c}'),
    ('\u{38e}', '\u{3a1}'),
    ('\u{3a3}', '\u{3ce}'),
    ('\u{400}', '\u{481}'),
    // Hebrew, Arabic, Devanagari and Thai.
    ('\u{5d0}', '\u{5ea}'),
    ('\u{620}', '\u{64a}'),
    ('\u{671}', '\u{6d3}'),
    ('\u{904}', '\u{939}'),
    ('\u{e01}', '\u{e30}'),
    ('\u{e32}', '\u{e33}'),
    ('\u{e40}', '\u{e45}'),
    ('\u{1ea0}', '\u{1ef9}'),
    ('ぁ', 'ゖ'),
    ('ァ', 'ヺ'),
    ('\u{4e00}', '\u{9fff}'),
    ('가', '힣'),
];
/// Starters that compose with nothing before them.
const MARKS: [char; 5] = [' ', '\n', '，', '。', '、'];

/// The marks before which there is a seam.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seams(Vec<char>);

/// The mark on its way through the parts of a tokenizer.
struct Passage {
    /// What stands for it; once texts are bytes, for its first one.
    image: char,
    in_bytes: bool,
    is_split: bool,
    /// What follows an added token is changed where it begins.
    starts_count: bool,
}

impl Seams {
    pub(super) fn of(tokenizer: &Tokenizer) -> Self {
        Self(MARKS.into_iter().filter(|mark| is_seam(tokenizer, *mark) == Some(true)).collect())
    }

    /// The first seam beyond `from`, a byte within the text.
    pub(super) fn beyond(&self, text: &str, from: usize) -> Option<usize> {
        let from = text.ceil_char_boundary(from);
        let rest = text.get(from..).filter(|_| !self.0.is_empty())?;
        let mut after_letter = false;
        for (at, character) in rest.char_indices() {
            if after_letter && self.0.contains(&character) {
                return Some(from + at);
            }
            after_letter = is_letter(character);
        }
        None
    }
}

fn is_letter(character: char) -> bool {
    LETTERS.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

fn is_seam(tokenizer: &Tokenizer, mark: char) -> Option<bool> {
    let normalizer = serde_json::to_value(tokenizer.get_normalizer()).ok()?;
    let pre_tokenizer = serde_json::to_value(tokenizer.get_pre_tokenizer()).ok()?;
    let mut passage = Passage { image: mark, in_bytes: false, is_split: false, starts_count: false };
    normalize(&normalizer, &mut passage)?;
    let marks = [mark, passage.image];
    split(&pre_tokenizer, &mut passage)?;
    for token in tokenizer.get_added_tokens_decoder().values() {
        if spoils(&token_texts(tokenizer, token)?, marks, token.rstrip || passage.starts_count) {
            return Some(false);
        }
    }
    let ModelWrapper::BPE(model) = tokenizer.get_model() else { return None };
    if model.dropout.is_some() {
        return None;
    }
    if passage.is_split {
        return Some(true);
    }
    let affixes = [&model.continuing_subword_prefix, &model.end_of_word_suffix];
    if passage.in_bytes || model.ignore_merges || affixes.into_iter().flatten().any(|affix| !affix.is_empty()) {
        return None;
    }
    let vocab = tokenizer.get_vocab(false);
    let bridges = |token: &String| token.chars().zip(token.chars().skip(1)).any(|(a, b)| a != b && b == passage.image);
    Some(vocab.contains_key(&passage.image.to_string()) && !vocab.keys().any(bridges))
}

/// What an added token is looked for as: its own text, or that normalised as the text around it.
fn token_texts(tokenizer: &Tokenizer, token: &AddedToken) -> Option<[String; 2]> {
    let mut normalized = NormalizedString::from(token.content.as_str());
    if let Some(normalizer) = tokenizer.get_normalizer().filter(|_| token.normalized) {
        normalizer.normalize(&mut normalized).ok()?;
    }
    Some([token.content.clone(), normalized.get().to_owned()])
}

/// Whether an added token of these texts reaches over the place before a mark; `beyond`: one that ends there has a part in what
/// follows, since it takes white space along or since another piece of text begins behind it.
fn spoils(texts: &[String], marks: [char; 2], beyond: bool) -> bool {
    texts.iter().any(|text| {
        let ends_in_letter = text.chars().next_back().is_some_and(is_letter);
        let mut pairs = text.chars().zip(text.chars().skip(1));
        (beyond && ends_in_letter) || pairs.any(|(a, b)| is_letter(a) && marks.contains(&b))
    })
}

/// None: what it does is not known.
fn normalize(normalizer: &Value, passage: &mut Passage) -> Option<()> {
    match normalizer["type"].as_str() {
        None => normalizer.is_null().then_some(()),
        Some("NFC") => Some(()),
        Some("Prepend") => {
            passage.starts_count = true;
            Some(())
        }
        Some("Replace") => {
            let (from, to) =
                (only_character(&normalizer["pattern"]["String"])?, only_character(&normalizer["content"])?);
            if is_letter(from) || is_letter(to) {
                return None;
            }
            if from == passage.image {
                passage.image = to;
            }
            Some(())
        }
        Some("Sequence") => normalizer["normalizers"].as_array()?.iter().try_for_each(|part| normalize(part, passage)),
        Some(_) => None,
    }
}

/// None: what it does is not known, or a match may reach over the seam.
fn split(pre_tokenizer: &Value, passage: &mut Passage) -> Option<()> {
    match pre_tokenizer["type"].as_str() {
        None => pre_tokenizer.is_null().then_some(()),
        // Both look at single characters.
        Some("Digits" | "Punctuation") => Some(()),
        Some("ByteLevel") if passage.in_bytes => None,
        Some("ByteLevel") => {
            // Its pattern is GPT-2's: it matches every character, and what follows a letter or digit in a match is another.
            passage.is_split |= pre_tokenizer["use_regex"].as_bool()? && !passage.image.is_alphanumeric();
            passage.starts_count |= pre_tokenizer["add_prefix_space"].as_bool()?;
            passage.image = first_byte(passage.image)?;
            passage.in_bytes = true;
            Some(())
        }
        Some("Metaspace") if !passage.in_bytes => {
            let to = only_character(&pre_tokenizer["replacement"])?;
            if passage.image == ' ' {
                passage.image = to;
            }
            // "first" is the first of the whole text alone.
            passage.starts_count |= !matches!(pre_tokenizer["prepend_scheme"].as_str(), Some("first" | "never"));
            passage.is_split |= passage.image == to && pre_tokenizer["split"].as_bool().unwrap_or(true);
            Some(())
        }
        Some("Split") => {
            let before = before(passage);
            let (regex, string) = (&pre_tokenizer["pattern"]["Regex"], &pre_tokenizer["pattern"]["String"]);
            let pattern = match regex.as_str() {
                Some(regex) => Pattern::parse(regex)?,
                None => Pattern::parse(&regex_syntax::escape(string.as_str()?))?,
            };
            if pattern.holds(&before, passage.image)? {
                return None;
            }
            let (behavior, inverted) = (pre_tokenizer["behavior"].as_str()?, pre_tokenizer["invert"].as_bool()?);
            let keeps_matches = behavior == "Isolated" || (behavior == "Removed" && inverted);
            passage.is_split |= keeps_matches && !passage.in_bytes && pattern.matches_alone(passage.image);
            Some(())
        }
        Some("Sequence") => pre_tokenizer["pretokenizers"].as_array()?.iter().try_for_each(|part| split(part, passage)),
        Some(_) => None,
    }
}

/// What may stand before the mark. Bytes of letters are not told apart: anything.
fn before(passage: &Passage) -> ClassUnicode {
    match passage.in_bytes {
        true => ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)]),
        false => ClassUnicode::new(LETTERS.map(|(first, last)| ClassUnicodeRange::new(first, last))),
    }
}

/// As GPT-2 writes bytes: those that are no visible character of Latin-1 are moved to U+0100 and on.
fn first_byte(character: char) -> Option<char> {
    let byte = *character.to_string().as_bytes().first()?;
    match byte {
        0..=b' ' => char::from_u32(0x100 + u32::from(byte)),
        b'!'..=b'~' | 0xae..=0xff => Some(char::from(byte)),
        _ => None,
    }
}

fn only_character(value: &Value) -> Option<char> {
    let mut characters = value.as_str()?.chars();
    characters.next().filter(|_| characters.next().is_none())
}

#[cfg(test)]
mod tests;
