//! What an answer must hold: placeholders, a postscript.

use std::sync::LazyLock;

use regex::Regex;

use super::arguments::Arguments;
use super::{Check, InstructionError, always, pattern};

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"\[.*?\]"));
static PPS: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"p\.\s?p\.\s?s"));
static PS: LazyLock<Regex> = LazyLock::new(|| pattern::fixed(r"p\.\s?s\."));

pub(super) fn check(kind: &str, arguments: &Arguments<'_>) -> Result<Option<Check>, InstructionError> {
    Ok(match kind {
        "number_placeholders" => {
            let least = arguments.number("num_placeholders")?;
            always(move |text| PLACEHOLDER.find_iter(text).count() >= least)
        }
        "postscript" => {
            let marker = arguments.text("postscript_marker")?;
            always(move |text| {
                let text = text.to_lowercase();
                match marker.as_str() {
                    "P.P.S" => PPS.is_match(&text),
                    "P.S." => PS.is_match(&text),
                    other => text.contains(&other.to_lowercase()),
                }
            })
        }
        _ => None,
    })
}
