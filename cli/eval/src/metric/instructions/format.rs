//! The form of an answer: lists, highlights, sections, JSON, a title, a choice of fixed answers.

use std::sync::LazyLock;

use regex::Regex;
use serde::de::IgnoredAny;

use super::arguments::Arguments;
use super::{Check, InstructionError, always, pattern};

static STARRED_ITEM: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"(?m)^\s*\*[^\*].*$"));
static DASHED_ITEM: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"(?m)^\s*-.*$"));
static HIGHLIGHT: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"\*[^\n\*]*\*"));
static STRONG_HIGHLIGHT: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"\*\*[^\n\*]*\*\*"));
static TITLE: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"<<[^\n]+>>"));

const FIXED_ANSWERS: [&str; 3] = ["My answer is yes.", "My answer is no.", "My answer is maybe."];

pub(super) fn check(kind: &str, arguments: &Arguments<'_>) -> Result<Option<Check>, InstructionError> {
    Ok(match kind {
        "constrained_response" => always(|text| FIXED_ANSWERS.iter().any(|answer| text.contains(answer))),
        "json_format" => always(is_json),
        "multiple_sections" => {
            let least = arguments.number("num_sections")?;
            let splitter = regex::escape(&arguments.text("section_spliter")?);
            let Ok(header) = Regex::new(&format!(r"\s?{splitter}\s?\p{{Nd}}+\s?")) else {
                return Err(arguments.wrong("section_spliter", "of a few words at most"));
            };
            always(move |text| header.find_iter(text).count() >= least)
        }
        "number_bullet_lists" => {
            let wanted = arguments.number("num_bullets")?;
            always(move |text| STARRED_ITEM.find_iter(text).count() + DASHED_ITEM.find_iter(text).count() == wanted)
        }
        "number_highlighted_sections" => {
            let least = arguments.number("num_highlights")?;
            always(move |text| marked(&HIGHLIGHT, text, &['*']) + marked(&STRONG_HIGHLIGHT, text, &['*']) >= least)
        }
        "title" => always(|text| marked(&TITLE, text, &['<', '>']) > 0),
        _ => None,
    })
}

/// How often something stands between the marks.
fn marked(pattern: &Regex, text: &str, marks: &[char]) -> usize {
    pattern.find_iter(text).filter(|found| !found.as_str().trim_matches(marks).trim().is_empty()).count()
}

/// JSON of any kind, within a fence of three backticks or not.
fn is_json(text: &str) -> bool {
    let mut text = text.trim();
    for fence in ["```json", "```Json", "```JSON", "```"] {
        text = text.strip_prefix(fence).unwrap_or(text);
    }
    let text = text.strip_suffix("```").unwrap_or(text);
    serde_json::from_str::<IgnoredAny>(text.trim()).is_ok()
}
