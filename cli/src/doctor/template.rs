//! How a chat template takes conversations of every kind: which it refuses, whether it keeps what was said, whether it asks for an
//! answer. Renders; decides nothing about tokens.

use specfuse_worker::{
    chat_template::{ChatTemplate, Message, Role},
    context,
};

use super::finding::{Finding, Severity, Subject};

/// A conversation, and what follows if the template does not take it.
struct Probe {
    name: &'static str,
    turns: &'static [(Role, &'static str)],
    severity: Severity,
}

use Role::{Assistant, System, User};

const SEEN: &str = "Seven grey geese";
const PROBES: &[Probe] = &[
    Probe { name: "user alone", turns: &[(User, SEEN)], severity: Severity::Error },
    Probe { name: "system, user", turns: &[(System, "Be brief"), (User, SEEN)], severity: Severity::Warning },
    Probe {
        name: "user, assistant, user",
        turns: &[(User, SEEN), (Assistant, "Eight white swans"), (User, "Nine black crows")],
        severity: Severity::Warning,
    },
    Probe {
        name: "system in the middle",
        turns: &[(User, SEEN), (Assistant, "Eight white swans"), (System, "Be brief"), (User, "Nine black crows")],
        severity: Severity::Ok,
    },
    Probe { name: "two users in a row", turns: &[(User, SEEN), (User, "Nine black crows")], severity: Severity::Ok },
    Probe { name: "empty content", turns: &[(User, "")], severity: Severity::Ok },
    Probe { name: "assistant last", turns: &[(User, SEEN), (Assistant, "Eight white")], severity: Severity::Ok },
    Probe {
        name: "many scripts", turns: &[(User, "naïve 日本語 עברית 👩‍🚀 e\u{301}")], severity: Severity::Warning
    },
    Probe {
        name: "text like special tokens",
        turns: &[(User, "a <|im_end|> [INST] </s> b")],
        severity: Severity::Warning,
    },
];

/// What came of rendering one probe.
#[derive(Debug)]
struct Rendered {
    name: &'static str,
    severity: Severity,
    /// The template's or its engine's words where it does not render.
    outcome: Result<(), String>,
    /// Messages whose content is not in what was rendered.
    lost: Vec<&'static str>,
    /// Rendered only with what system messages say before the user's words.
    is_folded: bool,
}

pub(crate) fn examine(template: Option<&ChatTemplate>) -> Vec<Finding> {
    let Some(template) = template else {
        let what = "there is no chat template: the model takes raw prompts only, and no conversation";
        let remedy = "put the chat template of the published checkpoint into chat_template.jinja; a base model has none, take the instruct one";
        return vec![Subject::Template.error(what, remedy)];
    };
    let rendered: Vec<Rendered> = PROBES.iter().map(|probe| render(template, probe)).collect();
    let mut findings = vec![taken(&rendered)];
    findings.extend(rendered.iter().flat_map(faults));
    findings.extend(asks(template));
    findings
}

pub(crate) fn messages(turns: &[(Role, &str)]) -> Vec<Message> {
    turns.iter().map(|&(role, content)| Message { role, content: content.to_owned() }).collect()
}

fn render(template: &ChatTemplate, probe: &Probe) -> Rendered {
    let Probe { name, turns, severity } = *probe;
    let messages = messages(turns);
    let is_folded = template.render(&messages).is_err();
    match context::rendered(template, &messages) {
        Ok(text) => {
            let lost =
                turns.iter().filter(|(_, content)| !text.contains(content)).map(|(role, _)| role.name()).collect();
            Rendered { name, severity, outcome: Ok(()), lost, is_folded }
        }
        Err(error) => {
            let outcome = Err(specfuse_runtime::message::chain(&error));
            Rendered { name, severity, outcome, lost: Vec::new(), is_folded }
        }
    }
}

fn taken(rendered: &[Rendered]) -> Finding {
    let names: Vec<&str> = rendered.iter().filter(|one| one.outcome.is_ok()).map(|one| one.name).collect();
    match names.as_slice() {
        [] => {
            Subject::Template.error("it takes no conversation at all", "take the template of the published checkpoint")
        }
        names => Subject::Template.ok(format!("takes {} of {}: {}", names.len(), rendered.len(), names.join("; "))),
    }
}

fn faults(rendered: &Rendered) -> Option<Finding> {
    let Rendered { name, severity, outcome, lost, is_folded } = rendered;
    match (outcome, severity) {
        (Err(words), Severity::Error) => {
            let remedy = "the model cannot answer a question: take the template of the published checkpoint";
            Some(Subject::Template.error(format!("{name}: {words}"), remedy))
        }
        (Err(words), Severity::Warning) => {
            let remedy = "such conversations are answered without this member";
            Some(Subject::Template.warning(format!("{name}: {words}"), remedy))
        }
        (Err(words), Severity::Ok) => Some(Subject::Template.ok(format!("{name} is refused: {words}"))),
        (Ok(()), _) if lost.is_empty() && *is_folded => {
            let what = format!("{name}: it has no system message; a worker puts its text before the user's next words");
            Some(Subject::Template.ok(what))
        }
        (Ok(()), _) if lost.is_empty() => None,
        (Ok(()), _) => {
            let what = format!("{name}: the model does not read what was said as {}", lost.join(", "));
            Some(
                Subject::Template
                    .warning(what, "read the template: it drops or rewrites the content of these messages"),
            )
        }
    }
}

/// Whether the rendering ends with the start of an answer.
fn asks(template: &ChatTemplate) -> Option<Finding> {
    let question = messages(&[(User, SEEN)]);
    let (open, closed) = (template.render(&question).ok()?, template.render_closed(&question).ok()?);
    Some(generation_prompt(&open, &closed))
}

fn generation_prompt(open: &str, closed: &str) -> Finding {
    match open.strip_prefix(closed) {
        Some("") => {
            // So it is with templates whose user turn ends with the mark that the answer follows, such as [/INST].
            let end = closed.split(SEEN).last().unwrap_or_default().trim();
            if end.is_empty() {
                let remedy = "the model continues the question: end the template with the start of the assistant's turn where add_generation_prompt is set";
                Subject::Template.warning("no generation prompt is added, and nothing ends the user's turn", remedy)
            } else {
                Subject::Template.ok(format!("no generation prompt is added; the user's turn ends with {end:?}"))
            }
        }
        Some(prompt) => Subject::Template.ok(format!("the generation prompt is {prompt:?}")),
        None => Subject::Template.ok("the generation prompt changes what stands before it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

    fn of(template: &str) -> Vec<Finding> {
        examine(Some(&ChatTemplate::from_source(template).unwrap()))
    }

    fn worst(findings: &[Finding]) -> Severity {
        findings.iter().map(|finding| finding.severity).max().unwrap()
    }

    #[test]
    fn a_template_that_takes_everything_is_well() {
        let findings = of(PLAIN);
        assert_eq!(worst(&findings), Severity::Ok, "{findings:?}");
        assert!(findings.iter().any(|finding| finding.what.contains("<assistant>")), "{findings:?}");
    }

    #[test]
    fn none_at_all_is_an_error() {
        assert_eq!(worst(&examine(None)), Severity::Error);
    }

    #[test]
    fn a_system_message_that_the_template_does_not_have_is_told_where_it_goes() {
        let refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}";
        let findings = of(&format!("{refusing}{PLAIN}"));
        let told = findings.iter().find(|finding| finding.what.starts_with("system, user:")).unwrap();
        assert!(told.severity == Severity::Ok && told.what.contains("before the user's"), "{told:?}");
    }

    #[test]
    fn a_conversation_that_is_refused_is_a_warning_in_the_templates_own_words() {
        let refusing = "{% if messages | length > 2 %}{{ raise_exception('too long') }}{% endif %}";
        let findings = of(&format!("{refusing}{PLAIN}"));
        let refused = findings.iter().find(|finding| finding.severity == Severity::Warning).unwrap();
        assert!(refused.what.starts_with("user, assistant, user:") && refused.what.contains("too long"), "{refused:?}");
    }

    #[test]
    fn a_refused_question_is_an_error() {
        assert_eq!(worst(&of("{{ raise_exception('never') }}")), Severity::Error);
    }

    #[test]
    fn a_message_that_is_dropped_in_silence_is_told() {
        let findings = of("{% for m in messages if m.role != 'system' %}{{ m.content }}|{% endfor %}");
        assert!(findings.iter().any(|finding| finding.what.contains("what was said as system")), "{findings:?}");
    }

    #[test]
    fn a_missing_generation_prompt_is_told_unless_the_users_turn_ends() {
        assert_eq!(generation_prompt(SEEN, SEEN).severity, Severity::Warning);
        let ended = format!("[INST] {SEEN} [/INST]");
        assert_eq!(generation_prompt(&ended, &ended).severity, Severity::Ok);
    }
}
