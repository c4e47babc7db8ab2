use super::{DatasetError, InvalidQuestion, LONGEST, Place, read};
use crate::metric::instructions::InstructionError;
use crate::question::{Measure, Message, Prompt, Question};

fn one(line: &str) -> Question {
    let mut questions = read("set", line).unwrap();
    assert_eq!(questions.len(), 1);
    questions.remove(0)
}

fn refused(text: &str) -> DatasetError {
    read("set", text).unwrap_err()
}

fn invalid(line: &str) -> InvalidQuestion {
    let error = refused(line);
    let DatasetError::Invalid { place: Place::Line(1), source, .. } = error else { panic!("{error}") };
    source
}

fn field(line: &str) -> &'static str {
    let error = invalid(line);
    let InvalidQuestion::Field { field, .. } = error else { panic!("{error}") };
    field
}

fn asked(question: &Question) -> &str {
    match &question.prompt {
        Prompt::Raw(text) => text,
        Prompt::Conversation(messages) => &messages.last().unwrap().content,
    }
}

fn exact(answer: &str) -> Measure {
    Measure::Exact { answer: answer.to_owned() }
}

fn reference(texts: &[&str]) -> Measure {
    Measure::Reference { texts: texts.iter().map(|text| (*text).to_owned()).collect() }
}

#[test]
fn a_bundled_question_is_asked_as_it_stands() {
    let question = one(r#"{"id": "s-1", "kind": "sorting", "question": "Sort 3, 1.", "answer": "1, 3"}"#);
    assert_eq!((question.id.as_str(), question.kind.as_str()), ("s-1", "sorting"));
    assert_eq!(
        question.prompt,
        Prompt::Conversation(vec![Message { role: "user".to_owned(), content: "Sort 3, 1.".to_owned() }])
    );
    assert_eq!(question.measure, exact("1, 3"));
}

#[test]
fn a_worked_answer_ends_in_the_number_asked_for() {
    let question = one(r#"{"question": "How many?", "answer": "2 * 9 = <<2*9=18>>18\n#### 18"}"#);
    assert_eq!(question.measure, exact("18"));
    assert_eq!(asked(&question).lines().next(), Some("How many?"));
    assert!(asked(&question).contains("The answer is N."));
}

#[test]
fn options_are_lettered_whatever_the_set_calls_them() {
    let choice = |letter| Measure::Choice { letter, options: 2 };
    for (line, letter) in [
        (r#"{"question": "Q?", "choices": ["x", "y"], "answer": 1}"#, 'B'),
        (r#"{"question": "Q?", "choices": ["x", "y"], "answer": "A"}"#, 'A'),
        (r#"{"question": "Q?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"}"#, 'B'),
        (r#"{"question": "Q?", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "A"}"#, 'A'),
    ] {
        let question = one(line);
        assert_eq!(question.measure, choice(letter));
        assert_eq!(asked(&question), "Q?\n\nA. x\nB. y\n\nAnswer with the letter of the right option.");
    }
    let question = one(r#"{"subject": "logic", "question": "Q?", "choices": ["x", "y"], "answer": 0}"#);
    assert_eq!(question.kind, "logic");
    let question = one(r#"{"prompt": "Q?", "choices": ["x", "y"], "answer": 0}"#);
    assert!(matches!(question.prompt, Prompt::Raw(_)));
}

#[test]
fn the_right_option_must_be_one_of_the_options() {
    for answer in ["2", "-1", "0.5", "\"C\"", "\"\"", "\"AB\"", "null", "[0]"] {
        assert_eq!(field(&format!(r#"{{"question": "Q?", "choices": ["x", "y"], "answer": {answer}}}"#)), "answer");
    }
    for choices in
        [r#"["x"]"#, "[]", r#""x""#, r#"["x", 1]"#, r#"["x", " "]"#, r#"{"text": ["x", "y"], "label": ["A"]}"#]
    {
        assert_eq!(field(&format!(r#"{{"question": "Q?", "choices": {choices}, "answer": 0}}"#)), "choices");
    }
}

#[test]
fn instructions_keep_the_arguments_that_are_given() {
    let line = r#"{"key": 7, "prompt": "P", "instruction_id_list": ["keywords:existence", "punctuation:no_comma"],
        "kwargs": [{"keywords": ["x"], "relation": null}, {}]}"#;
    let question = one(&line.replace('\n', " "));
    assert_eq!((question.id.as_str(), asked(&question)), ("7", "P"));
    let Measure::Instructions(instructions) = question.measure else { panic!() };
    assert_eq!(instructions[0].arguments.keys().collect::<Vec<_>>(), ["keywords"]);
    assert_eq!(instructions[1].name, "punctuation:no_comma");
}

#[test]
fn an_unknown_instruction_is_named() {
    let line = r#"{"key": 1, "prompt": "P", "instruction_id_list": ["length:words"], "kwargs": [{}]}"#;
    let unknown = InstructionError::Unknown { name: "length:words".to_owned() };
    assert_eq!(invalid(line), InvalidQuestion::Instruction(unknown));
    let line = line.replace("length:words", "length_constraints:number_words");
    assert!(matches!(invalid(&line), InvalidQuestion::Instruction(InstructionError::Argument { .. })));
    assert_eq!(field(&line.replace("[{}]", "[]")), "kwargs");
}

#[test]
fn published_forms_are_recognised_by_their_fields() {
    for (line, kind, asks, measure) in [
        (
            r#"{"question_id": 9, "category": "c", "turns": ["T1", "T2"], "reference": ["R1", "R2"]}"#,
            "c",
            "T1",
            Measure::Open,
        ),
        (r#"{"question_id": 9, "category": "c", "turns": ["T1"]}"#, "c", "T1", Measure::Open),
        (r#"{"instruction": "I", "input": "X", "output": "O"}"#, "", "I\n\nX", reference(&["O"])),
        (r#"{"instruction": "I", "input": "", "output": ""}"#, "", "I", Measure::Open),
        (r#"{"instruction": "I", "output": "O", "generator": "g", "dataset": "d"}"#, "d", "I", Measure::Open),
        (
            r#"{"title": "T", "author": "A", "content": "一，二。三，四。五。"}"#,
            "",
            "一，二。",
            reference(&["三，四。五。"]),
        ),
        (
            r#"{"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]}"#,
            "",
            "U",
            Measure::Open,
        ),
        (r#"{"prompt": "P", "answer": 5}"#, "", "P", exact("5")),
        (r#"{"question": "Q", "answer": ["a", "b"], "kind": 3}"#, "3", "Q", reference(&["a", "b"])),
        (r#"{"question": "Q", "answer": "a", "metric": "reference"}"#, "", "Q", reference(&["a"])),
        (r#"{"question": "Q", "answer": ["a"], "metric": "exact"}"#, "", "Q", exact("a")),
        (r#"{"question": "Q", "answer": "a", "metric": "open"}"#, "", "Q", Measure::Open),
    ] {
        let question = one(line);
        assert_eq!((question.kind.as_str(), asked(&question), &question.measure), (kind, asks, &measure), "{line}");
    }
}

#[test]
fn a_judge_gets_the_reference_of_what_is_open() {
    for (line, reference) in [
        (r#"{"question_id": 9, "category": "c", "turns": ["T1", "T2"], "reference": ["R1", "R2"]}"#, Some("R1")),
        (r#"{"question_id": 9, "category": "c", "turns": ["T1"]}"#, None),
        (r#"{"question": "Q", "answer": "a", "metric": "open"}"#, Some("a")),
        (r#"{"question": "Q", "answer": "a"}"#, None),
    ] {
        assert_eq!(one(line).reference.as_deref(), reference, "{line}");
    }
}

#[test]
fn an_array_is_a_set_too() {
    let text = "\u{feff}\n[{\"question\": \"Q\", \"id\": 5},\n {\"question\": \"R\"}]\n";
    let ids: Vec<String> = read("set", text).unwrap().into_iter().map(|question| question.id).collect();
    assert_eq!(ids, ["5", "set:2"]);
    let error = refused(r#"[{"question": "Q"}, 3]"#);
    assert!(matches!(error, DatasetError::Invalid { place: Place::Item(2), source: InvalidQuestion::NotAnObject, .. }));
}

#[test]
fn a_faulty_line_is_named() {
    let good = r#"{"question": "Q"}"#;
    assert!(matches!(refused(&format!("{good}\n\n{{\n")), DatasetError::NotJson { place: Place::Line(3), .. }));
    let long = format!("{good}\n{{\"question\": \"{}\"}}", "x".repeat(LONGEST));
    assert!(matches!(refused(&long), DatasetError::TooLong { place: Place::Line(2), .. }));
    let long = format!("[{good},\n{{\"question\": \"{}\"}}]", "x".repeat(LONGEST));
    assert!(matches!(refused(&long), DatasetError::TooLong { place: Place::Item(2), .. }));
    assert_eq!(refused("{}").to_string(), "set, line 1: not a question");
    assert!(
        invalid(r#"{"quesion": "Q"}"#).to_string().starts_with("its fields (quesion) are of no known form; known are")
    );
    for text in ["", "\n \n", "[]"] {
        assert!(matches!(refused(text), DatasetError::Empty { .. }));
    }
}

#[test]
fn ids_differ() {
    let line = r#"{"question": "Q", "id": "a"}"#;
    let error = refused(&format!("{line}\n{line}"));
    assert_eq!(error.to_string(), "set, line 2: the id \"a\" is that of line 1 too; ids must differ, or be left out");
    assert_eq!(field(r#"{"question": "Q", "id": []}"#), "id");
}

#[test]
fn what_a_field_must_be_is_said() {
    for (line, named) in [
        (r#"{"question": ""}"#, "question"),
        (r#"{"prompt": 5}"#, "prompt"),
        (r#"{"messages": []}"#, "messages"),
        (r#"{"messages": [{"role": "assistant", "content": "A"}]}"#, "messages"),
        (r#"{"messages": [{"role": "tool", "content": "A"}]}"#, "messages"),
        (r#"{"question": "Q", "metric": "f1"}"#, "metric"),
        (r#"{"question": "Q", "metric": "exact"}"#, "answer"),
        (r#"{"question": "Q", "answer": {}}"#, "answer"),
        (r#"{"question": "Q", "answer": []}"#, "answer"),
        (r#"{"question": "Q", "answer": ["a", "b"], "metric": "exact"}"#, "answer"),
        (r#"{"question": "Q", "answer": "A", "metric": "choice"}"#, "choices"),
        (r#"{"title": "T", "content": "One sentence."}"#, "content"),
        (r#"{"turns": []}"#, "turns"),
        (r#"{"instruction": " "}"#, "instruction"),
    ] {
        assert_eq!(field(line), named, "{line}");
    }
}
