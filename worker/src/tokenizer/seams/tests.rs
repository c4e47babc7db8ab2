use super::*;
use serde_json::json;

/// Byte-level with a pattern of its own: a seam before every mark.
fn byte_level() -> Value {
    let pattern = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": { "type": "NFC" },
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false },
        ] },
        "post_processor": null, "decoder": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
        "model": model(json!({ "a": 0, "b": 1, "Ġ": 2, "ab": 3 }), json!(["a b"])),
    })
}

/// No pre-tokenizer: spaces are tokens' first characters.
fn sentence_piece() -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "Prepend", "prepend": "▁" },
            { "type": "Replace", "pattern": { "String": " " }, "content": "▁" },
        ] },
        "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": model(json!({ "a": 0, "▁": 1, "▁a": 2, "▁▁": 3, "，": 4 }), json!(["▁ a", "▁ ▁"])),
    })
}

fn model(vocab: Value, merges: Value) -> Value {
    json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
        "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": merges,
    })
}

fn seams(tokenizer: &Value) -> Vec<char> {
    Seams::of(&Tokenizer::from_bytes(tokenizer.to_string()).unwrap()).0
}

fn with(mut tokenizer: Value, pointer: &str, value: Value) -> Value {
    *tokenizer.pointer_mut(pointer).unwrap() = value;
    tokenizer
}

fn added_token(content: &str, rstrip: bool) -> Value {
    json!([{ "id": 9, "content": content, "single_word": false, "lstrip": true, "rstrip": rstrip, "normalized": false, "special": true }])
}

#[test]
fn known_kinds_have_seams() {
    assert_eq!(seams(&byte_level()), MARKS);
    assert_eq!(seams(&sentence_piece()), [' ', '，']);
    let metaspace = json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false });
    let metaspace = with(with(sentence_piece(), "/normalizer", json!(null)), "/pre_tokenizer", metaspace);
    assert_eq!(seams(&metaspace), [' ', '，']);
}

#[test]
fn the_bundled_models_have_seams_between_words() {
    for model in ["abacus-llama", "calendar-qwen2", "speller-mistral"] {
        let file = format!("{}/../models/{model}/tokenizer.json", env!("CARGO_MANIFEST_DIR"));
        assert!(Seams::of(&Tokenizer::from_file(file).unwrap()).0.contains(&' '), "{model}");
    }
}

#[test]
fn a_pattern_that_may_reach_over_a_place_leaves_no_seam_there() {
    let pattern = |regex: &str| with(byte_level(), "/pre_tokenizer/pretokenizers/0/pattern/Regex", json!(regex));
    assert_eq!(seams(&pattern(r"\w+ \w+|[\s\S]")), MARKS[1..]);
    assert_eq!(seams(&pattern(r"\p{L}+[\r\n]*|[\s\S]")), [' ', '，', '。', '、']);
    assert_eq!(seams(&pattern(r"\b\w+|[\s\S]")), []);
    // What is not matched is not split, and bytes may be merged.
    assert_eq!(seams(&pattern(r"\d")), []);
}

#[test]
fn a_token_that_bridges_a_place_leaves_no_seam_there() {
    let model = model(json!({ "a": 0, "▁": 1, "a▁": 2, "，": 3 }), json!(["a ▁"]));
    assert_eq!(seams(&with(sentence_piece(), "/model", model)), ['，']);
    assert_eq!(seams(&with(byte_level(), "/added_tokens", added_token("<a b>", false))), MARKS[1..]);
    assert_eq!(seams(&with(byte_level(), "/added_tokens", added_token("<end>", true))), MARKS);
    assert_eq!(seams(&with(byte_level(), "/added_tokens", added_token("END", true))), []);
    assert_eq!(seams(&with(byte_level(), "/added_tokens", added_token("END", false))), MARKS);
    let mut normalized = added_token("a▁b>", false);
    normalized[0]["normalized"] = json!(true);
    assert_eq!(seams(&with(sentence_piece(), "/added_tokens", normalized)), ['，']);
}

#[test]
fn where_a_piece_of_text_begins_otherwise_no_added_token_may_end_at_a_seam() {
    let spaced = with(byte_level(), "/pre_tokenizer/pretokenizers/1/add_prefix_space", json!(true));
    let metaspace = |scheme: &str| {
        let part = json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false });
        with(with(sentence_piece(), "/normalizer", json!(null)), "/pre_tokenizer", part)
    };
    for (tokenizer, all) in
        [(sentence_piece(), vec![' ', '，']), (spaced, MARKS.to_vec()), (metaspace("always"), vec![' ', '，'])]
    {
        assert_eq!(seams(&with(tokenizer.clone(), "/added_tokens", added_token("<END>", false))), all);
        assert_eq!(seams(&with(tokenizer, "/added_tokens", added_token("<END", false))), []);
    }
    assert_eq!(seams(&with(metaspace("first"), "/added_tokens", added_token("<END", false))), [' ', '，']);
}

#[test]
fn letters_stay_what_they_are_whatever_stands_before_them() {
    let nfc = |text: &str| {
        let mut text = NormalizedString::from(text);
        tokenizers::normalizers::NFC.normalize(&mut text).unwrap();
        text.get().to_owned()
    };
    for letter in LETTERS.iter().flat_map(|(first, last)| *first..=*last) {
        assert!(letter.is_alphanumeric(), "{letter:?}");
        // Of every kind of script that composes.
        for before in ["", "a", "ά", "ع", "א", "न", "ก", "が", "가", "ᄀ"] {
            assert_eq!(nfc(&format!("{before}{letter}")), format!("{before}{letter}"));
        }
    }
}

#[test]
fn what_is_not_known_has_no_seams() {
    assert_eq!(seams(&with(byte_level(), "/normalizer", json!({ "type": "Lowercase" }))), []);
    assert_eq!(seams(&with(byte_level(), "/normalizer", json!({ "type": "NFKC" }))), []);
    assert_eq!(seams(&with(byte_level(), "/pre_tokenizer", json!({ "type": "BertPreTokenizer" }))), []);
    assert_eq!(seams(&with(byte_level(), "/model/dropout", json!(0.1))), []);
    let whole_words = with(sentence_piece(), "/model/byte_fallback", json!(true));
    let mut ignoring = whole_words.clone();
    ignoring["model"]["ignore_merges"] = json!(true);
    assert_eq!((seams(&whole_words), seams(&ignoring)), (vec![' ', '，'], vec![]));
    let words = json!({ "type": "WordLevel", "vocab": { "a": 0 }, "unk_token": "a" });
    assert_eq!(seams(&with(byte_level(), "/model", words)), []);
}

#[test]
fn a_seam_stands_between_a_letter_and_a_mark() {
    let seams = Seams(vec![' ', '，']);
    for (text, from, seam) in [
        ("one two", 0, Some(3)),
        ("one two", 3, None),
        ("one two three", 3, Some(7)),
        ("a. b", 0, None),
        ("είναι η ζωή που", 16, Some(20)),
        ("שלום עולם", 0, Some(8)),
        ("سلام دنیا", 0, Some(8)),
        ("घर में", 0, Some(6)),
        ("สวัสดี ครับ ผม", 0, Some(31)),
        ("你好，世界", 0, Some(6)),
        ("你好，世界", 1, Some(6)),
        ("a", 9, None),
    ] {
        assert_eq!(seams.beyond(text, from), seam, "{text:?} {from}");
    }
    assert_eq!(Seams(vec![]).beyond("one two", 0), None);
}
