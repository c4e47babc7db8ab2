//! Tokenizer files that no trainer wrote: each loads or is refused, and what loads reads any text, or says that it cannot. A text's ids
//! are those of its whole encoding here too.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use specfuse_malformed as malformed;

use super::*;

/// Texts that tokenizers are known to trip over, one of them longer than a stretch.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let short = [
        "",
        " ",
        "\n\n \t",
        "ab ab",
        "a\0b",
        "\u{feff}\u{2581}\u{2581}a \u{2581}",
        "e\u{301}\u{301} ﷽ ß İ",
        "👩‍👩‍👧🏽\u{10ffff}\u{fffd}",
        "<s>ab</s><s ></s",
        "日本語、テスト。한국어 ไทย हिन्दी العربية",
        "don't I'LL 12345 1,000.5e-3",
    ];
    let mut texts: Vec<String> = short.map(str::to_owned).to_vec();
    texts.push("ab cab é, ba\n".repeat(25));
    texts.push("a".repeat(300));
    texts
});

/// Every kind of part that a file can have, in a few tokens.
fn valid() -> Vec<Value> {
    let added = json!([
        {"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
        {"id": 30, "content": " mark", "single_word": true, "lstrip": true, "rstrip": true, "normalized": true, "special": false},
    ]);
    let file = |parts: Value| {
        let mut file = json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
            "pre_tokenizer": null, "post_processor": null, "decoder": null});
        if let (Some(file), Value::Object(parts)) = (file.as_object_mut(), parts) {
            file.extend(parts);
        }
        file
    };
    vec![file(byte_fallback()), file(byte_level()), file(word_piece()), file(unigram()), file(words())]
}

/// As Llama 2 and Mistral have it.
fn byte_fallback() -> Value {
    json!({
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": null, "unk_token": "<s>", "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": {"<s>": 0, "▁": 1, "a": 2, "b": 3, "ab": 4, "c": 5, "▁ab": 6, "<0x0A>": 7, "<0xE2>": 8, ",": 9},
            "merges": ["a b", "▁ ab"]},
    })
}

/// As Llama 3 and Qwen have it.
fn byte_level() -> Value {
    json!({
        "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 4}, "direction": "Right", "pad_to_multiple_of": 8, "pad_id": 9, "pad_type_id": 0, "pad_token": "[PAD]"},
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": r"(?i:'s|'t|'re|'ll)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"},
                "behavior": "Isolated", "invert": false},
            {"type": "Digits", "individual_digits": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
        "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
            {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": true, "add_prefix_space": true}]},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": {"<s>": 0, "Ġ": 1, "</s>": 2, "a": 3, "b": 4, "ab": 5, "Ġa": 6, "Ċ": 7, "Ã": 8, "©": 9, "Ġab": 10},
            "merges": [["a", "b"], ["Ġ", "a"], ["Ġ", "ab"]]},
    })
}

fn word_piece() -> Value {
    json!({
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "<s>", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": {"<s>": 0, "a": 1, "</s>": 2, "##b": 3, "##a": 4, "ab": 5}},
    })
}

fn unigram() -> Value {
    json!({
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": charsmap()},
            {"type": "Strip", "strip_left": true, "strip_right": false}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Nmt"}, {"type": "NFKD"},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"},
            {"type": "UnicodeScripts"}, {"type": "CharDelimiterSplit", "delimiter": ","},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}]},
        "decoder": {"type": "Sequence", "decoders": [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
            {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": true}, {"type": "BPEDecoder", "suffix": "</w>"}]},
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false,
            "vocab": [["<s>", 0.0], ["▁", -1.0], ["a", -2.0], ["▁ab", -0.5], ["b", -3.0]]},
    })
}

/// A trie of one leaf, that of "a", which stands for "b".
fn charsmap() -> String {
    ["AAQ", &"A".repeat(519), "BhgQE", &"A".repeat(843), "BiAA=="].concat()
}

fn words() -> Value {
    json!({
        "pre_tokenizer": {"type": "FixedLength", "length": 3},
        "model": {"type": "WordLevel", "vocab": {"<s>": 0, "ab ": 1, "a": 2}, "unk_token": "<s>"},
    })
}

/// Reads and writes whatever a tokenizer should; a failure is an error, never a panic.
pub(crate) fn use_up(tokenizer: &Tokenizer) {
    for text in TEXTS.iter() {
        for add_special in [false, true] {
            let Ok(whole) = tokenizer.encode(text, add_special) else { continue };
            if let Ok(read) = tokenizer.read(text, add_special) {
                assert_eq!(read.ids, whole, "{text:?}");
                if let Some(tail) = read.tail {
                    let _ = tokenizer.decode_after(&tail, &[1, 2]);
                }
            }
            let _ = tokenizer.decode(&whole, !add_special);
        }
    }
    let highest = tokenizer.highest_id();
    let _ = tokenizer.decode(&[0, 1, highest, highest.wrapping_add(1), u32::MAX, 7, 8], true);
}

fn load(json: &str) -> Result<Tokenizer, TokenizerLoadError> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(FILE), json).unwrap();
    Tokenizer::load(dir.path())
}

#[test]
fn the_files_that_are_changed_are_valid() {
    for file in valid() {
        let tokenizer = load(&file.to_string()).unwrap_or_else(|error| panic!("{error:?}: {file}"));
        use_up(&tokenizer);
    }
}

#[test]
fn parts_that_nest_deeply_are_read_soon_or_refused() {
    let nested = |kind: Option<&str>, list: &str, levels: usize| {
        (0..levels).fold(json!({"type": "NFC"}), |inner, _| match kind {
            Some(kind) => json!({"type": kind, list: [inner]}),
            None => json!({list: [inner]}),
        })
    };
    let sections = [
        ("normalizer", "normalizers"),
        ("pre_tokenizer", "pretokenizers"),
        ("post_processor", "processors"),
        ("decoder", "decoders"),
    ];
    for (section, list) in sections {
        for kind in [Some("Sequence"), None] {
            let mut file = words();
            file["added_tokens"] = json!([]);
            file[section] = nested(kind, list, 58);
            malformed::soon(&file, |file| drop(load(&file.to_string())));
        }
    }
}

proptest! {
    #![proptest_config(malformed::config())]

    #[test]
    fn fuzz_a_changed_tokenizer_reads_any_text_or_is_refused(
        file in prop::sample::select(valid()).prop_flat_map(malformed::json),
    ) {
        malformed::soon(&file, |file| if let Ok(tokenizer) = load(&file) {
            use_up(&tokenizer);
        });
    }
}
