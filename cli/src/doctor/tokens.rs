//! Whether a tokenizer gives texts back, whether a text's ids depend on where it was cut, and what text becomes a special token.

use specfuse_worker::{
    chat_template::Role,
    context::{Context, ContextError, Language, Prompt},
};

use super::{
    finding::{Finding, Subject},
    template::messages,
};
use crate::text;

/// What every model reads and writes.
const PLAIN: &str = "Hello, world. It is 3 o'clock; 47 apples and 38 more are 85.";
const LETTERS: usize = 10 << 10;
/// Names that are told one by one.
const TOLD: usize = 6;
/// Special tokens that are tried in a message.
const TRIED: usize = 48;
/// Places where a text is cut.
const CUTS: usize = 12;

/// Texts that tokenizers stumble over, by name.
fn hard_texts() -> Vec<(&'static str, String)> {
    let texts = [
        ("Latin with marks", "Ünïcödé naïve façade Łódź ß ẞ"),
        ("Cyrillic and Greek", "Привет мир, Ελληνικά γράμματα"),
        ("Han, kana and hangul", "床前明月光 ひらがな カタカナ 한국어 문장"),
        ("Arabic and Hebrew", "مرحبا بالعالم שלום עולם"),
        ("Indic and Thai", "हिन्दी भाषा தமிழ் ภาษาไทย မြန်မာ"),
        ("emoji with joiners", "👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇪🇺 end"),
        ("combining marks", "e\u{301} a\u{308} o\u{302}\u{323} \u{1112}\u{1161}\u{11ab}"),
        ("composed and not", "é e\u{301} Å \u{212b} A\u{30a}"),
        ("runs of spaces", "a  b    c                d"),
        ("spaces at both ends", "  a b  "),
        ("tabs and line ends", "a\tb\t\tc\r\nd\n\n\ne\r\n"),
        ("control characters", "a\u{0}b\u{1}c\u{7f}d\u{85}e\u{200b}f\u{feff}g"),
        ("digits", "0 00 007 1234567890 3.14159 1,000,000 ½ ²"),
        ("code", "fn main() {\n    let x = vec![1, 2];\n    if x[0] != 2 { println!(\"{x:?}\"); }\n}\n"),
        ("spaces before marks", "a , b . c ! d ? n't 's [ x ] ( y )"),
    ];
    let named = texts.map(|(name, text)| (name, text.to_owned()));
    named.into_iter().chain([("10 kB of one letter", "a".repeat(LETTERS))]).collect()
}

pub(crate) fn examine(language: &Language) -> Vec<Finding> {
    let mut findings = vec![plain(language)];
    findings.extend(round_trips(language));
    findings.push(cuts(language));
    findings.push(written_out(language));
    findings
}

/// None: it comes back as it was. Else where it differs first.
fn difference(language: &Language, text: &str) -> Option<String> {
    let back = language.tokenizer.read(text, false).and_then(|read| language.tokenizer.decode(&read.ids, true));
    match back {
        Ok(back) => first_difference(text, &back),
        Err(error) => Some(specfuse_runtime::message::chain(&error)),
    }
}

fn first_difference(text: &str, back: &str) -> Option<String> {
    if text == back {
        return None;
    }
    let same: usize = text.chars().zip(back.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    // Characters that look alike must not: each but ASCII as an escape.
    let shown = |text: &str| {
        let first: String = text.get(same..).unwrap_or_default().chars().take(8).collect();
        format!("\"{}\"", first.escape_default())
    };
    Some(format!("{} became {} at byte {same}", shown(text), shown(back)))
}

fn plain(language: &Language) -> Finding {
    match difference(language, PLAIN) {
        None => Subject::Tokenizer.ok("gives plain text back as it was"),
        Some(difference) => {
            let remedy =
                "the answers would be garbled: take tokenizer.json from the folder of the published checkpoint";
            Subject::Tokenizer.error(format!("does not give plain text back: {difference}"), remedy)
        }
    }
}

fn round_trips(language: &Language) -> Vec<Finding> {
    let texts = hard_texts();
    let failed: Vec<(&str, String)> =
        texts.iter().filter_map(|(name, text)| Some((*name, difference(language, text)?))).collect();
    let mut findings = vec![Subject::Tokenizer.ok(format!(
        "gives {} of {} hard texts back as they were",
        texts.len() - failed.len(),
        texts.len()
    ))];
    if !failed.is_empty() {
        let told: Vec<String> =
            failed.iter().take(TOLD).map(|(name, difference)| format!("{name} ({difference})")).collect();
        let more = failed.len().saturating_sub(TOLD);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let remedy =
            "this is harmless where it only composes characters; else this model reads and writes such text changed";
        findings.push(Subject::Tokenizer.warning(format!("changes {}{more}", told.join("; ")), remedy));
    }
    findings
}

/// The answer so far is read anew in each round: wherever a segment ended, the ids must be those of the whole.
fn cuts(language: &Language) -> Finding {
    let mut texts = hard_texts();
    texts.push(("plain text", PLAIN.repeat(12)));
    let torn: Vec<String> = texts
        .iter()
        .filter_map(|(name, text)| match cut_anywhere(language, text) {
            Ok(None) => None,
            Ok(Some(place)) => Some(format!("{name} at byte {place}")),
            Err(error) => Some(format!("{name}: {}", specfuse_runtime::message::chain(&error))),
        })
        .collect();
    if torn.is_empty() {
        return Subject::Tokenizer.ok("reads a text the same wherever a segment of it ended");
    }
    let what = format!("reads a text otherwise when a segment ended in it: {}", torn.join("; "));
    Subject::Tokenizer.error(what, "this is a fault of the worker: report it with the tokenizer's file")
}

/// The first place where the ids of a beginning and its rest, as a worker reads them, are not those of the whole.
fn cut_anywhere(language: &Language, text: &str) -> Result<Option<usize>, ContextError> {
    let whole = language.tokenizer.encode(text, true)?;
    let step = (text.len() / CUTS).max(1);
    for place in (step..text.len()).step_by(step).map(|place| text.floor_char_boundary(place)) {
        let (before, rest) = text.split_at(place);
        if before.is_empty() {
            continue;
        }
        let context = Context { prompt: Prompt::Raw(before.to_owned()), accepted: String::new() };
        let encoded = match language.encode(&context) {
            // A beginning that has no ids at all is refused by a worker.
            Err(ContextError::NoTokens) => continue,
            encoded => encoded?,
        };
        if language.encode_candidate(&context, &encoded, rest)?.tokens != whole {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Text in a message that becomes a special token: whoever writes the message can end a turn, or speak as another.
fn written_out(language: &Language) -> Finding {
    let unwritten = read_by_user(language, "");
    let special = language.tokenizer.added_tokens().into_iter().filter(|(_, token)| token.special);
    let accepted: Vec<String> = special
        .take(TRIED)
        .filter(|(id, token)| {
            let written = read_by_user(language, &token.content);
            occurrences(&written, *id) > occurrences(&unwritten, *id)
        })
        .map(|(_, token)| text::quoted(&token.content))
        .collect();
    if accepted.is_empty() {
        return Subject::Tokenizer.ok("no text in a message becomes a special token");
    }
    let told = accepted.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
    let more = if accepted.len() > TOLD { " and others" } else { "" };
    let what = format!("text in a message becomes a special token: {told}{more}");
    let remedy = "where messages hold text of strangers, take these out before they are asked: they can end a turn or begin another's";
    Subject::Tokenizer.warning(what, remedy)
}

/// The ids of a message in which a user writes `written`.
fn read_by_user(language: &Language, written: &str) -> Vec<u32> {
    let content = format!("a {written} b");
    let rendered = match &language.chat_template {
        Some(template) => template.render(&messages(&[(Role::User, content.as_str())])).unwrap_or(content),
        None => content,
    };
    language.tokenizer.encode(&rendered, false).unwrap_or_default()
}

fn occurrences(ids: &[u32], id: u32) -> usize {
    ids.iter().filter(|found| **found == id).count()
}

#[cfg(test)]
pub(super) mod tests {
    use specfuse_worker::{chat_template::ChatTemplate, tokenizer::Tokenizer};

    use super::super::finding::Severity;
    use super::*;

    /// Every byte is a token; "<end>" is a special one with the highest id.
    pub(crate) fn bytes(normalizer: &str) -> Language {
        let letters: Vec<char> = ('!'..='~').chain('¡'..='¬').chain('®'..='ÿ').chain('Ā'..='Ń').collect();
        let vocab: serde_json::Map<_, _> =
            letters.iter().enumerate().map(|(id, letter)| (letter.to_string(), id.into())).collect();
        let added = serde_json::json!([{"id": letters.len(), "content": "<end>", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true}]);
        let level = serde_json::json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
        let json = serde_json::json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
            "normalizer": serde_json::from_str::<serde_json::Value>(normalizer).unwrap(),
            "pre_tokenizer": level, "post_processor": null, "decoder": level,
            "model": {"type": "BPE", "vocab": vocab, "merges": []}});
        let template = "{% for m in messages %}{{ m.role }}: {{ m.content }}<end>{% endfor %}";
        let tokenizer = Tokenizer::from_json(&json.to_string()).unwrap();
        Language::new(tokenizer, Some(ChatTemplate::from_source(template).unwrap()))
    }

    #[test]
    fn bytes_are_given_back_whatever_they_are() {
        let language = bytes("null");
        assert_eq!(plain(&language).severity, Severity::Ok);
        let trips = round_trips(&language);
        assert_eq!(trips.len(), 1, "{trips:?}");
        assert_eq!(cuts(&language).severity, Severity::Ok);
    }

    #[test]
    fn a_tokenizer_that_composes_characters_is_a_warning_with_the_first_difference() {
        let trips = round_trips(&bytes(r#"{"type": "NFC"}"#));
        let warning = trips.iter().find(|finding| finding.severity == Severity::Warning).unwrap();
        assert!(
            warning.what.contains("combining marks (\"e\\u{301}") && warning.what.contains("at byte 0"),
            "{warning:?}"
        );
    }

    #[test]
    fn a_tokenizer_that_loses_plain_letters_is_an_error() {
        assert_eq!(plain(&bytes(r#"{"type": "Lowercase"}"#)).severity, Severity::Error);
    }

    #[test]
    fn a_special_token_that_a_user_can_write_is_a_warning() {
        let finding = written_out(&bytes("null"));
        assert!(finding.severity == Severity::Warning && finding.what.contains("\"<end>\""), "{finding:?}");
    }
}
