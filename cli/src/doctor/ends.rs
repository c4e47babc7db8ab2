//! Whether a model can end its turn: that there are end-of-turn ids, that the tokenizer knows them, and that the token with which the
//! chat template closes an answer is one of them.

use specfuse_worker::{
    chat_template::{ChatTemplate, Role},
    context::Language,
};

use super::{
    finding::{Finding, Subject},
    template::messages,
};
use crate::text;

const ANSWER: &str = "Seven grey geese";

/// What closes an answer in the template's rendering.
#[derive(Debug, PartialEq, Eq)]
enum Closing {
    Token {
        id: u32,
        content: String,
    },
    /// Ordinary text, or nothing.
    Text(String),
    /// The template takes no answer in a conversation, or rewrites it.
    Unknown,
}

pub(crate) fn examine(language: &Language, ids: &[u32]) -> Vec<Finding> {
    let remedy = "set eos_token_id in generation_config.json to the token that ends an answer in the chat template";
    if ids.is_empty() {
        return vec![Subject::Ends.error("no end-of-turn token is named: the model never ends its turn", remedy)];
    }
    let added = language.tokenizer.added_tokens();
    let spelt: Vec<(u32, Option<String>)> = ids.iter().map(|id| (*id, language.tokenizer.spelling(*id))).collect();
    let mut findings = Vec::new();
    for (id, spelling) in &spelt {
        match spelling {
            None => findings.push(unknown(*id, language.tokenizer.highest_id())),
            Some(token) if !added.contains_key(id) => {
                let what = format!("{id} is {}, which the tokenizer gives for ordinary text", text::quoted(token));
                findings.push(Subject::Ends.warning(what, remedy));
            }
            Some(_) => {}
        }
    }
    findings.extend(language.chat_template.as_ref().map(|template| closed(&closing(language, template), ids)));
    let shown = |(id, spelling): &(u32, Option<String>)| match spelling {
        Some(token) => format!("{id} {}", text::quoted(token)),
        None => id.to_string(),
    };
    findings.push(Subject::Ends.ok(format!("named: {}", spelt.iter().map(shown).collect::<Vec<_>>().join(", "))));
    findings
}

fn unknown(id: u32, highest: u32) -> Finding {
    let what = format!("{id} is no token of the tokenizer, whose highest is {highest}");
    let remedy = "the tokenizer is another model's, or eos_token_id is: take both from the same published checkpoint";
    Subject::Ends.error(what, remedy)
}

fn closed(closing: &Closing, ids: &[u32]) -> Finding {
    match closing {
        Closing::Token { id, content } if ids.contains(id) => {
            Subject::Ends.ok(format!("the chat template ends an answer with {}, which is one", text::quoted(content)))
        }
        Closing::Token { id, content } => {
            let what = format!(
                "the chat template ends an answer with {} ({id}), which is no end-of-turn token",
                text::quoted(content)
            );
            let remedy = format!("the model would not stop: add {id} to eos_token_id in generation_config.json");
            Subject::Ends.error(what, remedy)
        }
        Closing::Text(closing) => {
            let what =
                format!("the chat template ends an answer with {}, which is no special token", text::quoted(closing));
            let remedy = "the tokenizer may be another model's; if it is not, see whether answers end";
            Subject::Ends.warning(what, remedy)
        }
        Closing::Unknown => Subject::Ends.ok("what ends an answer cannot be told from the chat template"),
    }
}

/// What follows an answer in the middle of a conversation, else at its end.
fn closing(language: &Language, template: &ChatTemplate) -> Closing {
    let turns = [(Role::User, "a"), (Role::Assistant, ANSWER), (Role::User, "b")];
    let rendered = template.render(&messages(&turns)).or_else(|_| template.render_closed(&messages(&turns[..2])));
    let Ok(rendered) = rendered else { return Closing::Unknown };
    let Some((_, rest)) = rendered.split_once(ANSWER) else { return Closing::Unknown };
    let rest = rest.trim_start();
    let added = language.tokenizer.added_tokens();
    let longest =
        added.iter().filter(|(_, token)| rest.starts_with(&token.content)).max_by_key(|(_, token)| token.content.len());
    match longest {
        Some((id, token)) => Closing::Token { id: *id, content: token.content.clone() },
        None => Closing::Text(rest.chars().take(24).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{finding::Severity, tokens::tests::bytes};
    use super::*;

    fn worst(ids: &[u32]) -> (Severity, String) {
        let findings = examine(&bytes("null"), ids);
        let worst = findings.into_iter().max_by_key(|finding| finding.severity).unwrap();
        (worst.severity, worst.what)
    }

    fn end() -> u32 {
        bytes("null").tokenizer.highest_id()
    }

    #[test]
    fn the_token_that_closes_an_answer_ends_a_turn() {
        assert_eq!(worst(&[end()]).0, Severity::Ok);
    }

    #[test]
    fn without_any_a_model_never_ends() {
        assert_eq!(worst(&[]).0, Severity::Error);
    }

    #[test]
    fn a_closing_token_that_ends_nothing_is_an_error_with_its_name() {
        let (severity, what) = worst(&[5]);
        assert!(severity == Severity::Error && what.contains("\"<end>\""), "{what}");
    }

    #[test]
    fn an_id_that_the_tokenizer_does_not_have_is_an_error() {
        let (severity, what) = worst(&[end(), end() + 7]);
        assert!(severity == Severity::Error && what.contains("no token of the tokenizer"), "{what}");
    }
}
