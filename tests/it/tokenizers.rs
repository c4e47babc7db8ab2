//! Real tokenizers against what the reference implementation recorded of them, and answers built segment by segment.

mod growing;

use std::{fs, path::PathBuf, sync::Arc};

use serde_json::Value;
use specfuse_tests::golden;
use specfuse_worker::{
    context::{Context, Encoded, Language, Prompt, common_prefix},
    segment,
    tokenizer::{Encoding, Tokenizer, TokenizerLoadError},
};

/// A tokenizer and what was recorded of it.
pub(crate) struct Recorded {
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
    pub(crate) expected: Value,
}

/// Every folder with a record.
pub(crate) fn recorded() -> Vec<Recorded> {
    let Some(root) = golden::sibling("tokenizers") else { return Vec::new() };
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let recorded: Vec<_> = folders
        .into_iter()
        .filter_map(|folder| {
            let json = fs::read_to_string(folder.join("golden.json")).ok()?;
            let name = folder.file_name()?.to_string_lossy().into_owned();
            Some(Recorded { folder, name, expected: serde_json::from_str(&json).unwrap() })
        })
        .collect();
    assert!(recorded.len() >= 11, "only {} tokenizers are recorded", recorded.len());
    recorded
}

pub(crate) fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect()
}

/// The record of the padded tokenizer holds the padding that a worker must not produce: `[PAD]` is its highest id.
fn without_padding(ids: &[u32], tokenizer: &Tokenizer, name: &str) -> Vec<u32> {
    let padding = (name == "smollm2-padded").then(|| tokenizer.highest_id());
    ids.iter().copied().filter(|id| Some(*id) != padding).collect()
}

#[test]
fn ids_and_texts_are_those_of_the_reference() {
    for Recorded { folder, name, expected } in recorded() {
        let tokenizer = Tokenizer::load(&folder).unwrap();
        for case in expected["texts"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            for (field, add_special) in [("ids", false), ("ids_special", true)] {
                let wanted = without_padding(&ids(&case[field]), &tokenizer, &name);
                assert_eq!(tokenizer.encode(text, add_special).unwrap(), wanted, "{name} {field} {text:?}");
            }
            let wanted = case["decoded"].as_str().unwrap();
            let wanted = if name == "smollm2-padded" { wanted.trim_end_matches("[PAD]") } else { wanted };
            let encoded = tokenizer.encode(text, false).unwrap();
            assert_eq!(tokenizer.decode(&encoded, false).unwrap(), wanted, "{name} {text:?}");
        }
    }
}

#[test]
fn a_text_longer_than_the_stored_truncation_is_not_cut() {
    for Recorded { folder, name, .. } in recorded() {
        let tokenizer = Tokenizer::load(&folder).unwrap();
        let tokens = tokenizer.encode(&"one two three ".repeat(400), false).unwrap().len();
        assert!(tokens >= 1200, "{name}: {tokens}");
    }
}

#[test]
fn a_tokenizer_with_broken_merges_is_refused_with_its_file_and_place() {
    let Some(root) = golden::sibling("tokenizers") else { return };
    let error = anyhow::Error::new(Tokenizer::load(&root.join("_invalid-llama-2-ort")).unwrap_err());
    assert!(matches!(error.downcast_ref(), Some(TokenizerLoadError::Invalid { .. })));
    let message = format!("{error:#}");
    assert!(message.contains("tokenizer.json is not a valid tokenizer"), "{message}");
    assert!(message.contains("Merges text file invalid at line 18918"), "{message}");
}

pub(crate) const MIXED: &str = "Let's see: 12 apples + 7 pears = 19, isn't it?  Two spaces, a\ttab.\n\n\
    def f(x):\n    return {k: v**2 for k, v in x.items() if v >= 0.5}\n\n\
    床前明月光，疑是地上霜。举头望明月，低头思故乡。Mixed 中文 and English words，以及 numbers 2024。\n\
    😀👩\u{200d}👩\u{200d}👧\u{200d}👦🏳️\u{200d}🌈 emoji 🎉🎉 done; Привет, мир! naïve café — “quotes” … 한국어 日本語です\n\
    <html><b>&amp;</b></html>    four spaces\n\n\n- item one\n- item two\n```rust\nfn main() { println!(\"{}\", 1); }\n```\nThe end.";

/// Tokens at the end of the previous encoding that the next segment may change, as measured over all tokenizers and segment lengths.
const MOST_TOKENS_CHANGED: usize = 1;

/// The tokenizers that give [`MIXED`] back, which are all that record a lossless decoding of Chinese, emoji and code.
fn is_lossless(expected: &Value) -> bool {
    let cases = expected["texts"].as_array().unwrap();
    let gives_back = |case: &&Value| {
        let (text, decoded) = (case["text"].as_str().unwrap(), case["decoded"].as_str().unwrap());
        text.starts_with(' ') || text == decoded.trim_end_matches("[PAD]")
    };
    cases.iter().filter(gives_back).count() == cases.len()
}

/// An answer as one member would draft it: ids that go on from the canonical encoding of what was accepted.
struct Drafter<'a> {
    language: &'a Language,
    whole: &'a str,
    whole_ids: Vec<u32>,
}

impl Drafter<'_> {
    /// At most `length` ids that continue `answer` (the encoding of `accepted`) towards the whole text.
    fn draft(&self, accepted: &str, answer: &[u32], length: usize) -> Vec<u32> {
        let rest = self.language.tokenizer.encode(&self.whole[accepted.len()..], false).unwrap();
        let unprefixed = rest.get(1..).unwrap_or_default().to_vec();
        let aligned = self.whole_ids.strip_prefix(answer).map(<[u32]>::to_vec);
        let mut drafts = aligned.into_iter().chain([rest, unprefixed]).map(|mut ids| {
            ids.truncate(length);
            ids
        });
        let continues = |draft: &Vec<u32>| {
            let decoded = self.language.tokenizer.decode(&[answer, draft].concat(), true).unwrap();
            let text = decoded.trim_end_matches(char::REPLACEMENT_CHARACTER);
            // Half a character takes the bytes before it along: a byte-fallback decoder gives up on the whole run.
            self.whole.starts_with(text) && (text.starts_with(accepted) || text.len() < decoded.len())
        };
        drafts.find(continues).unwrap_or_else(|| panic!("no ids continue {accepted:?}"))
    }
}

/// Builds the whole text in segments of `length` tokens; returns the most tokens that one segment changed before it.
fn build_by_segments(language: &Language, whole: &str, length: usize) -> usize {
    let tokenizer = &language.tokenizer;
    let drafter = Drafter { language, whole, whole_ids: tokenizer.encode(whole, false).unwrap() };
    let mut accepted = String::new();
    let mut answer = Vec::new();
    let mut most_changed = 0;
    while accepted != whole {
        let context = Context { prompt: Prompt::Conversation(Vec::new()), accepted: accepted.clone() };
        let read = tokenizer.read(&accepted, false).unwrap();
        assert_eq!(read.ids, answer);
        let encoded = Encoded { prompt: Arc::new([]), answer: read };
        let forgetful = Encoded { answer: Encoding { ids: answer.clone(), tail: None }, ..encoded.clone() };
        let segment = (length..length + 40)
            .find_map(|length| {
                let drawn = drafter.draft(&accepted, &answer, length);
                let text = language.segment_text(&context, &encoded, &drawn).unwrap();
                assert_eq!(text, language.segment_text(&context, &forgetful, &drawn).unwrap());
                let finished = accepted.len() + text.len() == whole.len();
                let segment = segment::cut(&text, finished).to_owned();
                (!segment.is_empty()).then_some(segment)
            })
            .unwrap();
        accepted.push_str(&segment);
        assert!(whole.starts_with(&accepted), "{accepted:?}");

        let longer = tokenizer.encode(&accepted, false).unwrap();
        assert_eq!(tokenizer.decode(&longer, true).unwrap(), accepted);
        let kept = common_prefix(&answer, &longer);
        let continuation = language.encode_candidate(&context, &encoded, &segment).unwrap();
        assert_eq!([&answer[..kept], &continuation.tokens[kept..]].concat(), longer);
        assert_eq!(continuation.from, kept.max(1));
        most_changed = most_changed.max(answer.len() - kept);
        answer = longer;
    }
    assert_eq!(answer, drafter.whole_ids);
    most_changed
}

#[test]
fn an_answer_built_by_segments_decodes_to_itself_and_keeps_its_encoding() {
    let mut lossless = Vec::new();
    for Recorded { folder, name, expected } in recorded() {
        if !is_lossless(&expected) {
            continue;
        }
        let language = Language::new(Tokenizer::load(&folder).unwrap(), None);
        for length in [1, 2, 3, 5, 10, 25] {
            let changed = build_by_segments(&language, MIXED, length);
            assert!(changed <= MOST_TOKENS_CHANGED, "{name}: a segment of {length} tokens changed {changed} before it");
        }
        lossless.push(name);
    }
    assert!(lossless.is_empty() || lossless.len() >= 10, "{lossless:?}");
}
