use super::*;

/// Bytes are tokens; so are " a", "ab" and "cd".
fn tokenizer(post_processor: &str) -> Tokenizer {
    with_token(post_processor, "<s>")
}

/// With a special token of its own.
fn with_token(post_processor: &str, token: &str) -> Tokenizer {
    let alphabet = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
    let mut symbols: Vec<String> = alphabet.into_iter().map(String::from).collect();
    symbols.sort();
    symbols.extend(["Ġa", "ab", "cd"].map(str::to_owned));
    let vocab: serde_json::Map<String, Value> =
        symbols.into_iter().enumerate().map(|(id, symbol)| (symbol, id.into())).collect();
    let byte_level = r#"{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"#;
    let file = format!(
        r#"{{"version":"1.0","truncation":null,"padding":null,
        "added_tokens":[{{"id":500,"content":"{token}","single_word":false,"lstrip":false,"rstrip":{rstrip},"normalized":false,"special":true}}],
        "normalizer":null,"pre_tokenizer":{byte_level},"post_processor":{post_processor},"decoder":{byte_level},
        "model":{{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,
            "fuse_unk":false,"byte_fallback":false,"vocab":{vocab},"merges":["Ġ a","a b","c d"]}}}}"#,
        vocab = Value::Object(vocab),
        rstrip = token == "<s>",
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(crate::tokenizer::FILE), file).unwrap();
    Tokenizer::load(dir.path()).unwrap()
}

const BOS: &str = r#"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
    "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<s>":{"id":"<s>","ids":[500],"tokens":["<s>"]}}}"#;

#[test]
fn a_long_text_is_read_as_it_is_encoded_however_it_grew() {
    let tokenizer = tokenizer(BOS);
    let mut text = String::new();
    for part in 0..400 {
        text.push_str(["abcd", " ", "ab cd", "\n\n", "<s> ", "中文，", " a", "  "][part * part % 8]);
        for add_special in [false, true] {
            let read = tokenizer.read(&text, add_special).unwrap();
            assert_eq!(read.ids, tokenizer.encode(&text, add_special).unwrap(), "{text:?}");
        }
    }
}

#[test]
fn a_first_token_that_a_text_may_have_too_is_put_before_it() {
    let of_a = tokenizer("null").encode("a", false).unwrap();
    let tokenizer = tokenizer(&BOS.replace("[500]", &format!("{of_a:?}")));
    for text in ["b", "a", "a b", ""] {
        assert_eq!(tokenizer.read(text, true).unwrap().ids, tokenizer.encode(text, true).unwrap(), "{text:?}");
    }
}

#[test]
fn a_token_longer_than_a_lead_is_read_as_one() {
    let token = format!("<{}END", "x".repeat(2 * LEAD));
    let tokenizer = with_token("null", &token);
    for mark in [" ", "，", "\n"] {
        let text = format!("{}{token}{mark}ab cd", ".".repeat(STRETCH + 9));
        assert_eq!(tokenizer.read(&text, false).unwrap().ids, tokenizer.encode(&text, false).unwrap(), "{text:?}");
    }
}

#[test]
fn a_text_that_goes_on_costs_its_last_stretch() {
    let tokenizer = tokenizer("null");
    let text: String = (0..2_000).map(|number| format!("ab {number} ")).collect();
    tokenizer.read(&text, false).unwrap();
    let stretches = || tokenizer.stretches.lock().unwrap().len();
    let before = stretches();
    assert!(before >= text.len() / (STRETCH + 8), "{before}");
    for candidate in ["ab", " cd", "\n", "，", "ab ab"] {
        tokenizer.read(&format!("{text}{candidate}"), false).unwrap();
    }
    assert!(stretches() <= before + 5);
}

#[test]
fn drawn_ids_add_the_same_text_as_a_whole_decoding_tells() {
    let tokenizer = tokenizer(BOS);
    // Where no space begins the text, this tokenizer adds one, and gives that back too.
    let text = " ab cd".repeat(300);
    for add_special in [false, true] {
        let Encoding { ids, tail } = tokenizer.read(&text, add_special).unwrap();
        for drawn in [" ab", "cd", "，", "<s>"].map(|drawn| tokenizer.encode(drawn, false).unwrap()) {
            let whole = tokenizer.decode(&[ids.as_slice(), &drawn].concat(), true).unwrap();
            let added = tokenizer.decode_after(tail.as_ref().unwrap(), &drawn).unwrap();
            assert_eq!(Some(added.as_str()), whole.strip_prefix(&text));
        }
    }
    for unlike in [format!("ab{text}"), format!("{text} <s> ab{text}")] {
        assert!(tokenizer.read(&unlike, false).unwrap().tail.is_none(), "its ids do not give it back");
    }
}

#[test]
fn what_is_added_begins_where_the_texts_part() {
    for (whole, before, expected) in [("ab c", "ab", " c"), ("aé", "aè", "é"), ("a", "ab", ""), ("b", "", "b")] {
        assert_eq!(added(whole, before), expected);
    }
}
