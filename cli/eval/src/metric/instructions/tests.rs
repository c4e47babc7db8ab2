use serde_json::{Value, json};

use super::{InstructionError, NAMES, grade, validate};
use crate::metric::overall::COUNT;
use crate::question::{Grade, Instruction};

fn instruction(name: &str, arguments: Value) -> Instruction {
    Instruction { name: name.to_owned(), arguments: serde_json::from_value(arguments).unwrap() }
}

/// The answers of the first list follow the instruction strictly, those of the second do not.
fn assert_told_apart(name: &str, arguments: Value, followed: &[&str], ignored: &[&str]) {
    let instructions = [instruction(name, arguments)];
    for (answers, share) in [(followed, 1.0), (ignored, 0.0)] {
        for answer in answers {
            let grade = grade(&instructions, answer);
            assert_eq!(grade.measures.get("prompt_strict"), Some(&share), "{name}: {answer:?}");
            assert_eq!(grade.quality, Some(share));
        }
    }
}

/// Of the instructions that can be checked, those followed.
fn share(grade: &Grade, manner: &str) -> Option<f64> {
    let count = |of: &str| grade.measures.get(&format!("{COUNT}{of}_{manner}"));
    Some(count("followed")? / count("instructions")?)
}

#[test]
fn keywords() {
    assert_told_apart(
        "keywords:existence",
        json!({"keywords": ["mom", "tea"]}),
        &["MOM's tea", "Moment, steal"],
        &["mom", ""],
    );
    let forbidden = json!({"forbidden_words": ["rock", "c++"]});
    assert_told_apart("keywords:forbidden_words", forbidden, &["rocks, c plus"], &["a Rock.", "rock"]);
    let least = json!({"keyword": "war", "relation": "at least", "frequency": 2});
    assert_told_apart("keywords:frequency", least, &["War and warriors"], &["war", "w a r w a r"]);
    let less = json!({"keyword": "war", "relation": "less than", "frequency": 2});
    assert_told_apart("keywords:frequency", less, &["war", "peace"], &["war, WAR"]);
    let letters = json!({"letter": "Q", "let_relation": "at least", "let_frequency": 2});
    assert_told_apart("keywords:letter_frequency", letters, &["Quick quiz"], &["quick"]);
    let marks = json!({"letter": "!", "let_relation": "less than", "let_frequency": 1.0});
    assert_told_apart("keywords:letter_frequency", marks, &["quiet"], &["loud!"]);
}

#[test]
fn language() {
    let german = "Das ist ein ganz gewöhnlicher deutscher Satz über das Wetter und die Berge.";
    let english = "This is an ordinary English sentence about the weather and the mountains.";
    assert_told_apart("language:response_language", json!({"language": "de"}), &[german, "12"], &[english]);
    assert_told_apart("language:response_language", json!({"language": "en"}), &[english], &[german]);
    assert_told_apart("language:response_language", json!({"language": "ko"}), &["안녕하세요 세계"], &[english]);
    assert_told_apart("language:response_language", json!({"language": "te"}), &["నమస్కారం ప్రపంచం"], &[english]);
}

#[test]
fn an_instruction_that_cannot_be_told_is_left_out() {
    let swahili = instruction("language:response_language", json!({"language": "sw"}));
    let comma = instruction("punctuation:no_comma", json!({}));
    assert_eq!(grade(std::slice::from_ref(&swahili), "Habari ya dunia").quality, None);
    let both = grade(&[swahili, comma], "Habari ya dunia");
    assert_eq!((both.quality, both.measures["prompt_strict"]), (Some(1.0), 1.0));
}

#[test]
fn length() {
    let paragraphs = json!({"num_paragraphs": 2});
    let followed = ["One.\n***\nTwo.", "***\nOne.\n***\nTwo.\n***\n", "One *** Two"];
    assert_told_apart(
        "length_constraints:number_paragraphs",
        paragraphs,
        &followed,
        &["One.\n\nTwo.", "One\n***\n\n***\nTwo"],
    );
    let sentences = json!({"relation": "at least", "num_sentences": 3});
    let followed = ["One here. Two there! Three?", "I met Dr. Smith. He left. I stayed."];
    let ignored = ["One here.\nTwo there", "I met Dr. Smith. He had 3.5 apples.", "J. Smith left. Done."];
    assert_told_apart("length_constraints:number_sentences", sentences, &followed, &ignored);
    let words = json!({"relation": "less than", "num_words": 4});
    assert_told_apart("length_constraints:number_words", words, &["One, two - three."], &["It's for three"]);
    let first = json!({"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Elm"});
    let followed = ["Oak trees.\n\nElm, too.", "Oak\n\n\"Elm's leaves", "Oak\n\nelm\n\n"];
    let ignored = ["Oak\n\nElms", "Oak\nElm", "Elm\n\nOak", "A\n\nElm\n\nB", "A\n\n\n\nElm"];
    assert_told_apart("length_constraints:nth_paragraph_first_word", first, &followed, &ignored);
}

#[test]
fn content() {
    let placeholders = json!({"num_placeholders": 2});
    assert_told_apart(
        "detectable_content:number_placeholders",
        placeholders,
        &["Dear [name], at [a b]", "[][]"],
        &["[one", "[[x]"],
    );
    let ps = json!({"postscript_marker": "P.S."});
    assert_told_apart("detectable_content:postscript", ps, &["Bye.\nP.S. Hi", "p. s. hi"], &["Bye. PS hi"]);
    let pps = json!({"postscript_marker": "P.P.S"});
    assert_told_apart("detectable_content:postscript", pps, &["P.P.S. Hi", "P.P. S"], &["P.S. Hi"]);
    let other = json!({"postscript_marker": "Nota bene"});
    assert_told_apart("detectable_content:postscript", other, &["nota bene: hi"], &["note"]);
}

#[test]
fn format() {
    let none = || json!({});
    let fixed = ["My answer is yes.", " Well. My answer is maybe. "];
    assert_told_apart("detectable_format:constrained_response", none(), &fixed, &["Yes", "my answer is no."]);
    let json = ["{\"a\": [1, 2]}", "```json\n{\"a\": 1}\n```", "```\n[]\n```", "5"];
    assert_told_apart("detectable_format:json_format", none(), &json, &["{a: 1}", "Here: {}", "{} {}"]);
    let sections = json!({"section_spliter": "Section", "num_sections": 2});
    let followed = ["Section 1\nx\nSection 2\ny", "Section1 Section2 Section3"];
    assert_told_apart(
        "detectable_format:multiple_sections",
        sections,
        &followed,
        &["Section 1 Section", "SECTION 1 SECTION 2"],
    );
    let bullets = json!({"num_bullets": 2});
    let followed = ["* a\n* b", "- a\n  - b", "Text\n* a\n- b\nmore"];
    assert_told_apart(
        "detectable_format:number_bullet_lists",
        bullets,
        &followed,
        &["* a", "* a\n* b\n* c", "**a**\n**b**", "a * b - c"],
    );
    let highlights = json!({"num_highlights": 2});
    let followed = ["*a* and *b c*", "**a** and **b**", "*a* **b**"];
    assert_told_apart(
        "detectable_format:number_highlighted_sections",
        highlights,
        &followed,
        &["*a*", "* * *b*", "*a\nb*"],
    );
    assert_told_apart(
        "detectable_format:title",
        none(),
        &["<<Joy>>\nText", "a <<b c>> d"],
        &["<Joy>", "<< >>", "<<a\nb>>"],
    );
}

#[test]
fn combination() {
    let two = ["One.\n******\nTwo.", "******One******Two******"];
    assert_told_apart(
        "combination:two_responses",
        json!({}),
        &two,
        &["One", "One ****** One", "A******B******C", "A************B"],
    );
    let prompt = json!({"prompt_to_repeat": "Write a haiku. "});
    assert_told_apart("combination:repeat_prompt", prompt, &[" write a HAIKU. Here it is"], &["Sure! Write a haiku."]);
}

#[test]
fn ends_and_commas() {
    let phrase = json!({"end_phrase": "Any questions?"});
    assert_told_apart(
        "startend:end_checker",
        phrase,
        &["Yes. any questions?\n", "\"Any questions?\""],
        &["Any questions? No."],
    );
    assert_told_apart(
        "startend:quotation",
        json!({}),
        &["\"All of it.\"", " \"\" "],
        &["\"", "\"Half\" of it", "“Curly”"],
    );
    assert_told_apart("punctuation:no_comma", json!({}), &["No; none"], &["One, two"]);
}

#[test]
fn case() {
    let capitals = json!({"capital_relation": "at least", "capital_frequency": 2});
    let followed = ["NASA and I", "DON'T", "WELL-KNOWN U.S. towns", "(OK) *YES*"];
    assert_told_apart("change_case:capital_word_frequency", capitals, &followed, &["WELL-KNOWN", "Nasa And Us", "3 I"]);
    let upper = ["THIS IS A TEXT IN ENGLISH ABOUT THE WEATHER AND THE SEA.", "OK!"];
    let german = "DAS IST EIN GANZ GEWÖHNLICHER DEUTSCHER SATZ ÜBER DAS WETTER UND DIE BERGE UND DEN WALD.";
    assert_told_apart("change_case:english_capital", json!({}), &upper, &["Not all", "123", german]);
    let lower = ["this is a text in english about the weather and the sea.", "ok"];
    assert_told_apart("change_case:english_lowercase", json!({}), &lower, &["not All", "123", &german.to_lowercase()]);
}

#[test]
fn some_or_all_instructions_are_followed() {
    let instructions = [instruction("punctuation:no_comma", json!({})), instruction("startend:quotation", json!({}))];
    let half = grade(&instructions, "No commas here");
    assert_eq!((half.quality, share(&half, "strict"), share(&half, "loose")), (Some(0.0), Some(0.5), Some(0.5)));
    assert_eq!(grade(&instructions, "\"No commas here\"").quality, Some(1.0));
    assert_eq!(grade(&instructions, " \n").measures["prompt_loose"], 0.0);
}

#[test]
fn a_first_line_a_last_line_and_asterisks_are_forgiven_loosely() {
    let instructions = [instruction("startend:quotation", json!({}))];
    for answer in ["Sure:\n\"x\"", "\"x\"\nBye", "Sure:\n\"x\"\nBye", "**\"x\"**", "Sure:\n*\"x\"*\nBye"] {
        let grade = grade(&instructions, answer);
        assert_eq!((grade.quality, grade.measures["prompt_loose"]), (Some(0.0), 1.0), "{answer}");
    }
    assert_eq!(grade(&instructions, "One\nTwo\n\"x\"").measures["prompt_loose"], 0.0);
}

#[test]
fn each_instruction_needs_its_arguments() {
    let without = [
        "change_case:english_capital",
        "change_case:english_lowercase",
        "combination:two_responses",
        "detectable_format:constrained_response",
        "detectable_format:json_format",
        "detectable_format:title",
        "punctuation:no_comma",
        "startend:quotation",
    ];
    for name in NAMES {
        let bare = validate(&instruction(name, json!({})));
        assert_eq!(bare.is_ok(), without.contains(&name), "{name}: {bare:?}");
        assert!(!matches!(bare, Err(InstructionError::Unknown { .. })));
    }
    for name in ["", "keywords", "keywords:", "keywords:existence2", "punctuation:quotation", "startend:no_comma"] {
        let unknown = InstructionError::Unknown { name: name.to_owned() };
        assert_eq!(validate(&instruction(name, json!({}))), Err(unknown));
    }
    let far = instruction(
        "length_constraints:nth_paragraph_first_word",
        json!({"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "x"}),
    );
    assert!(validate(&far).is_err());
    let long = instruction("keywords:existence", json!({"keywords": ["x".repeat(1 << 20)]}));
    assert!(validate(&long).is_ok() || matches!(validate(&long), Err(InstructionError::Argument { .. })));
}
