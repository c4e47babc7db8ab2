//! Every line of the shared files is a question.

use std::collections::BTreeMap;

use specfuse_eval::dataset::read;
use specfuse_eval::metric::{grade, instructions};
use specfuse_eval::question::{Measure, Prompt, Question};

use crate::folder::Folder;

fn questions(file: &str, count: usize) -> Option<Vec<Question>> {
    let folder = Folder::open()?;
    let questions = read(file, folder.file(file)).unwrap();
    assert_eq!(questions.len(), count);
    Some(questions)
}

fn asked(question: &Question) -> &str {
    match &question.prompt {
        Prompt::Raw(text) => text,
        Prompt::Conversation(messages) => &messages.last().unwrap().content,
    }
}

#[test]
fn gsm8k_is_exact_and_its_own_solutions_are_right() {
    let Some(questions) = questions("gsm8k_test.jsonl", 1319) else { return };
    let folder = Folder::open().unwrap();
    for (question, line) in questions.iter().zip(folder.file("gsm8k_test.jsonl").lines()) {
        assert!(matches!(question.measure, Measure::Exact { .. }));
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let solution = record["answer"].as_str().unwrap();
        assert_eq!(grade(&question.measure, solution).quality, Some(1.0), "{solution}");
        let (_, number) = solution.rsplit_once("#### ").unwrap();
        assert_eq!(grade(&question.measure, &format!("So the answer is ${number}.")).quality, Some(1.0));
        assert_eq!(grade(&question.measure, &format!("So the answer is {number}1.")).quality, Some(0.0));
    }
    assert_eq!(questions[0].id, "gsm8k_test.jsonl:1");
    assert!(asked(&questions[0]).ends_with("end with \"The answer is N.\", where N is the number."));
}

#[test]
fn arc_and_mmlu_are_choices() {
    for (file, count) in [("arc_challenge_test.jsonl", 1172), ("mmlu_test_570.jsonl", 570), ("mmlu_dev_285.jsonl", 285)]
    {
        let Some(questions) = questions(file, count) else { return };
        let mut letters = BTreeMap::new();
        for question in &questions {
            let Measure::Choice { letter, options } = question.measure else { panic!("{question:?}") };
            assert!((3..=5).contains(&options));
            assert!(asked(question).contains(&format!("\n{letter}. ")));
            assert_eq!(grade(&question.measure, &format!("The answer is {letter}.")).quality, Some(1.0));
            *letters.entry(letter).or_insert(0) += 1;
        }
        assert!(letters.len() >= 4, "{letters:?}");
        assert_eq!(questions[0].kind.is_empty(), file.starts_with("arc"));
    }
}

#[test]
fn ifeval_holds_each_instruction_and_all_can_be_checked_but_swahili() {
    let Some(questions) = questions("ifeval_input_data.jsonl", 541) else { return };
    let mut names = BTreeMap::new();
    let mut unchecked = 0;
    for question in &questions {
        let Measure::Instructions(list) = &question.measure else { panic!("{question:?}") };
        list.iter().for_each(|instruction| *names.entry(instruction.name.as_str()).or_insert(0) += 1);
        unchecked += usize::from(grade(&question.measure, "Any answer.").quality.is_none());
    }
    assert_eq!(names.keys().copied().collect::<Vec<_>>(), instructions::NAMES);
    assert_eq!(names.values().sum::<i32>(), 834);
    assert_eq!(unchecked, 2);
    assert_eq!(questions[0].id, "1000");
}

#[test]
fn the_first_turns_are_asked_and_have_references_where_given() {
    for (file, references) in [("mt_bench_question.jsonl", 38), ("vicuna_bench_question.jsonl", 0)] {
        let Some(questions) = questions(file, 80) else { return };
        assert!(questions.iter().all(|question| question.measure == Measure::Open));
        let given = questions.iter().filter(|question| question.reference.is_some()).count();
        assert_eq!(given, references, "{file}");
        assert!(questions.iter().all(|question| !question.kind.is_empty()));
    }
}

#[test]
fn poems_are_continued() {
    let Some(questions) = questions("tang_poetry_500.jsonl", 500) else { return };
    for question in &questions {
        let Measure::Reference { texts } = &question.measure else { panic!("{question:?}") };
        assert!(matches!(question.prompt, Prompt::Raw(_)));
        let perfect = grade(&question.measure, &texts[0]);
        assert_eq!(perfect.quality, Some(1.0));
        assert!(perfect.measures["bleu"] > 1.0 - 1e-9);
        assert_eq!(grade(&question.measure, "No poem.").quality, Some(0.0));
    }
}
