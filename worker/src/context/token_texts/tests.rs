use proptest::prelude::*;

use super::*;
use crate::{context::Prompt, segment, tokenizer::Tokenizer};

/// Bytes are tokens 0 to 255 in the alphabet's own order, "Ġa" is 256, "ab" 257; `<s>` is 300.
fn byte_level() -> Language {
    let alphabet = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
    let mut symbols: Vec<String> = alphabet.into_iter().map(String::from).collect();
    symbols.sort();
    symbols.extend(["Ġa", "ab"].map(str::to_owned));
    let vocab: serde_json::Map<String, serde_json::Value> =
        symbols.into_iter().enumerate().map(|(id, symbol)| (symbol, id.into())).collect();
    let byte_level = r#"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#;
    language(&format!(
        r#"{{"version":"1.0","added_tokens":[{{"id":300,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}}],
        "pre_tokenizer":{byte_level},"decoder":{byte_level},
        "model":{{"type":"BPE","vocab":{vocab},"merges":["Ġ a","a b"]}}}}"#,
        vocab = serde_json::Value::Object(vocab),
    ))
}

/// As sentencepiece writes them: "▁" is 1, "▁a" 2, "b" 3, "ab" 4, "中" 5; bytes are 10 to 265; `<s>` is 0.
fn byte_fallback() -> Language {
    let mut vocab: serde_json::Map<String, serde_json::Value> = ["<s>", "▁", "▁a", "b", "ab", "中", "a"]
        .iter()
        .enumerate()
        .map(|(id, one)| ((*one).to_owned(), id.into()))
        .collect();
    vocab.extend((0..256).map(|byte| (format!("<0x{byte:02X}>"), (10 + byte).into())));
    language(&format!(
        r#"{{"version":"1.0","added_tokens":[{{"id":0,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}}],
        "normalizer":{{"type":"Sequence","normalizers":[{{"type":"Prepend","prepend":"▁"}},{{"type":"Replace","pattern":{{"String":" "}},"content":"▁"}}]}},
        "decoder":{{"type":"Sequence","decoders":[{{"type":"Replace","pattern":{{"String":"▁"}},"content":" "}},{{"type":"ByteFallback"}},
            {{"type":"Fuse"}},{{"type":"Strip","content":" ","start":1,"stop":0}}]}},
        "model":{{"type":"BPE","byte_fallback":true,"vocab":{vocab},"merges":["▁ a","a b"]}}}}"#,
        vocab = serde_json::Value::Object(vocab),
    ))
}

fn language(file: &str) -> Language {
    Language::new(Tokenizer::from_json(file).unwrap(), None)
}

fn raw(prompt: &str) -> Context {
    Context { prompt: Prompt::Raw(prompt.to_owned()), accepted: String::new() }
}

fn of_bytes(language: &Language, text: &str) -> Vec<u32> {
    let decodes_to = |id: u32| language.tokenizer.decode(&[id], true);
    let is_byte_level = decodes_to(257).is_ok_and(|text| text == "ab");
    let byte_level = |byte: u8| {
        // ASCII stands in the alphabet in its own order, from "!"; the others are found by encoding a character of theirs.
        language.tokenizer.encode(&char::from(byte).to_string(), false).unwrap()
    };
    match is_byte_level {
        true if text.is_ascii() => text.bytes().flat_map(byte_level).collect(),
        true => language.tokenizer.encode(text, false).unwrap(),
        false => text.bytes().map(|byte| 10 + u32::from(byte)).collect(),
    }
}

/// The texts of the tokens, and what `other` would have added in the place of each.
fn told(language: &Language, behind: &str, drawn: &[u32], text: &str, other: u32) -> (Vec<String>, Vec<String>) {
    let context = raw(behind);
    let encoded = language.encode(&context).unwrap();
    let mut texts = language.token_texts((&context, &encoded), drawn, text);
    let (mut own, mut others) = (Vec::new(), Vec::new());
    while !texts.is_over() {
        others.push(texts.instead(other).unwrap());
        own.push(texts.next_text().unwrap().to_owned());
    }
    (own, others)
}

#[test]
fn a_character_belongs_to_the_token_that_completes_it() {
    for language in [byte_level(), byte_fallback()] {
        let (drawn, last) = (of_bytes(&language, "x中y"), *of_bytes(&language, "z").last().unwrap());
        assert_eq!(drawn.len(), 5);
        let (own, _) = told(&language, "b", &drawn, "x中y", last);
        assert_eq!(own, ["x", "", "", "中", "y"]);
    }
}

#[test]
fn another_token_adds_what_it_would_have_added_there() {
    let language = byte_fallback();
    // "中" in three bytes, and in the place of each its last byte, which completes it only there.
    let drawn = [3, 10 + 0xE4, 10 + 0xB8, 10 + 0xAD, 2];
    assert_eq!(told(&language, "b", &drawn, "b中 a", 10 + 0xAD).1, ["", "", "", "中", ""]);
    assert_eq!(told(&language, "b", &drawn, "b中 a", 2).1[4], " a");
    assert_eq!(told(&language, "b", &drawn, "b中 a", 2).1[1], " a");
}

#[test]
fn the_space_before_the_first_word_of_an_answer_is_nobodys() {
    let language = byte_fallback();
    let context = Context { prompt: Prompt::Conversation(Vec::new()), accepted: String::new() };
    let answer = language.tokenizer.read("", false).unwrap();
    let encoded = Encoded { prompt: [0].into(), answer };
    let mut texts = language.token_texts((&context, &encoded), &[2, 2, 3], "a ab");
    assert_eq!(texts.instead(2).unwrap(), "a");
    assert_eq!([texts.next_text().unwrap(), texts.instead(2).unwrap().as_str()], ["a", " a"]);
    assert_eq!([texts.next_text().unwrap(), texts.next_text().unwrap()], [" a", "b"]);
}

#[test]
fn tokens_beyond_the_cut_are_not_told_and_one_across_it_is_clipped() {
    let language = byte_level();
    let drawn = [256, 257, 257, 256];
    assert_eq!(told(&language, "b", &drawn, " aab", 256).0, [" a", "ab"]);
    assert_eq!(told(&language, "b", &drawn, " aa", 256).0, [" a", "a"]);
    assert_eq!(told(&language, "b", &drawn, "", 256).0, [""; 0]);
    assert_eq!(told(&language, "b", &[300, 257], "ab", 256).0, ["", "ab"]);
}

proptest! {
    #[test]
    fn the_texts_of_all_tokens_are_the_text_whatever_was_drawn(
        drawn in prop::collection::vec(prop_oneof![4 => 0u32..302, 1 => 230u32..266], 0..12),
        behind in "[ab中é ]{1,9}",
        finished: bool,
    ) {
        for language in [byte_level(), byte_fallback()] {
            let context = raw(&behind);
            let encoded = language.encode(&context).unwrap();
            let whole = language.segment_text(&context, &encoded, &drawn).unwrap();
            let text = segment::cut(&whole, finished);
            let (own, others) = told(&language, &behind, &drawn, text, 257);
            prop_assert_eq!(own.concat(), text);
            prop_assert!(own.len() <= drawn.len() && others.len() == own.len());
        }
    }
}
