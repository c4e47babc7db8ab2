//! Whatever a file holds, reading it ends in questions or in an error. `PROPTEST_CASES` says how often to try.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::read;
use crate::metric::grade;
use crate::metric::instructions::NAMES;

const FIELDS: [&str; 27] = [
    "question",
    "answer",
    "answerKey",
    "choices",
    "text",
    "label",
    "id",
    "kind",
    "subject",
    "metric",
    "messages",
    "prompt",
    "role",
    "content",
    "turns",
    "reference",
    "category",
    "question_id",
    "instruction",
    "input",
    "output",
    "dataset",
    "title",
    "author",
    "key",
    "instruction_id_list",
    "kwargs",
];
const ARGUMENTS: [&str; 20] = [
    "keywords",
    "keyword",
    "frequency",
    "relation",
    "forbidden_words",
    "letter",
    "let_frequency",
    "let_relation",
    "language",
    "num_words",
    "num_sentences",
    "num_paragraphs",
    "nth_paragraph",
    "first_word",
    "section_spliter",
    "num_sections",
    "end_phrase",
    "postscript_marker",
    "prompt_to_repeat",
    "capital_relation",
];

fn word() -> impl Strategy<Value = String> {
    let known = [
        "user",
        "exact",
        "choice",
        "open",
        "A",
        "#### 5",
        "at least",
        "less than",
        "en",
        "P.S.",
        "一。二。",
        "[",
        "\\",
    ];
    prop_oneof![
        prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        ".{0,12}",
        prop::sample::select(&NAMES[..]).prop_map(str::to_owned)
    ]
}

fn field() -> impl Strategy<Value = String> {
    let known: Vec<&str> = FIELDS.iter().chain(&ARGUMENTS).copied().collect();
    prop_oneof![9 => prop::sample::select(known).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        word().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..9_u8).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((field(), inner), 0..6).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn fuzz_read_any_text(text in "(\\PC|[\\n\\r\\[\\]{}\":,]){0,300}") {
        let _ = read("set", &text);
    }

    #[test]
    fn fuzz_read_any_records(records in prop::collection::vec(prop::collection::vec((field(), value()), 0..7), 1..5), array: bool) {
        let records: Vec<Value> = records.into_iter().map(|fields| fields.into_iter().collect()).collect();
        let lines = || records.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let text = if array { Value::from(records.clone()).to_string() } else { lines() };
        if let Ok(questions) = read("set", &text) {
            prop_assert_eq!(questions.len(), records.len());
            for question in questions {
                let quality = grade(&question.measure, &text).quality;
                prop_assert!(quality.is_none_or(|quality| (0.0..=1.0).contains(&quality)));
            }
        }
    }

    #[test]
    fn fuzz_read_any_instruction(
        name in prop::sample::select(&NAMES[..]),
        arguments in prop::collection::vec((prop::sample::select(&ARGUMENTS[..]), value()), 0..6),
        answer in ".{0,200}",
    ) {
        let arguments: Value = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let line = json!({ "key": 1, "prompt": "P", "instruction_id_list": [name], "kwargs": [arguments] }).to_string();
        if let Ok(questions) = read("set", &line) {
            let grade = grade(&questions[0].measure, &answer);
            prop_assert!(grade.measures.get("loose") >= grade.measures.get("strict"));
        }
    }
}

#[test]
fn fuzz_read_deep_nesting() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(read("set", &deep).is_err());
    assert!(read("set", &format!("{{\"question\": {deep}}}")).is_err());
}
