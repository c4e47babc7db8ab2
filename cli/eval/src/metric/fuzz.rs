//! Whatever a model writes gets a grade between 0 and 1, in bounded time. `PROPTEST_CASES` says how often to try.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::grade;
use crate::final_answer;
use crate::metric::instructions::{NAMES, validate};
use crate::metric::overall::COUNT;
use crate::question::{Instruction, Measure};

/// Text with the marks that the metrics look for.
fn answer() -> impl Strategy<Value = String> {
    let marks = [
        "answer is ",
        "answer: ",
        "答案：",
        "#### ",
        "\\boxed{",
        "}",
        "(B)",
        "A",
        "I",
        "\n",
        "\n\n",
        "***",
        "******",
        "*",
        "<<",
        ">>",
        "[",
        "]",
        "1,000",
        "-3.50",
        ".",
        ",",
        "=",
        "$",
        "中",
        "文",
        "P.S.",
        "\"",
        "```json",
        "Mr. ",
        "DON'T ",
        "１",
    ];
    let part = prop_oneof![3 => prop::sample::select(marks.to_vec()).prop_map(str::to_owned), 1 => ".{0,10}"];
    prop::collection::vec(part, 0..25).prop_map(|parts| parts.concat())
}

fn instructions() -> Vec<Instruction> {
    let arguments = serde_json::json!({
        "num_placeholders": 1, "num_bullets": 1, "num_highlights": 1, "num_sections": 2, "section_spliter": "a", "postscript_marker": "P.S.",
        "keywords": ["a"], "keyword": "a", "frequency": 1, "relation": "at least", "forbidden_words": ["a"], "letter": "a",
        "let_frequency": 1, "let_relation": "at least", "language": "en", "num_words": 9, "num_sentences": 9, "num_paragraphs": 2,
        "nth_paragraph": 1, "first_word": "a", "end_phrase": "a", "prompt_to_repeat": "a", "capital_relation": "at least",
        "capital_frequency": 1,
    });
    let arguments: BTreeMap<String, serde_json::Value> = serde_json::from_value(arguments).unwrap();
    let all = NAMES.iter().map(|name| Instruction { name: (*name).to_owned(), arguments: arguments.clone() });
    all.inspect(|instruction| validate(instruction).unwrap()).collect()
}

fn measure() -> impl Strategy<Value = Measure> {
    prop_oneof![
        answer().prop_map(|answer| Measure::Exact { answer }),
        (prop::char::range('A', 'Z'), 0..30_usize).prop_map(|(letter, options)| Measure::Choice { letter, options }),
        prop::collection::vec(answer(), 0..3).prop_map(|texts| Measure::Reference { texts }),
        Just(Measure::Instructions(instructions())),
    ]
}

proptest! {
    #[test]
    fn fuzz_grade_any_answer(measure in measure(), answer in answer()) {
        let grade = grade(&measure, &answer);
        let shares = grade.measures.iter().filter(|(name, _)| !name.starts_with(COUNT)).map(|(_, share)| *share);
        for value in shares.chain(grade.quality) {
            prop_assert!((0.0..=1.0 + 1e-9).contains(&value), "{value}");
        }
    }

    #[test]
    fn fuzz_final_answers_are_the_same_as_themselves(text in answer()) {
        prop_assert!(final_answer::same(&text, &text));
        let canonical = final_answer::canonical(&text);
        if let Some(answer) = final_answer::extract(&text) {
            prop_assert!(final_answer::is_answered(&text, &answer));
            prop_assert!(!answer.is_empty());
        }
        prop_assert!(final_answer::same(&canonical, &canonical));
    }
}

#[test]
fn fuzz_long_answers_are_graded_in_seconds() {
    for part in [
        "a ",
        "ab cd ",
        "answer is ",
        "答案是",
        "\\boxed{",
        "#### ",
        "1,000,",
        "(",
        "[",
        "<<",
        "*",
        "选",
        "=",
        "\n",
        ".",
        "中文",
    ] {
        let long = part.repeat(200_000 / part.len());
        let measures = [
            Measure::Exact { answer: "5".to_owned() },
            Measure::Choice { letter: 'B', options: 4 },
            Measure::Reference { texts: vec![long.clone()] },
            Measure::Instructions(instructions()),
        ];
        for measure in measures {
            let start = Instant::now();
            grade(&measure, &long);
            assert!(start.elapsed() < Duration::from_secs(5), "{part:?} took {:?}", start.elapsed());
        }
    }
}
