//! Whether strategies take such questions at all, before any of them is asked. It also makes everybody warm: no times are those of
//! cold processes.

use std::collections::BTreeMap;

use specfuse_eval::{
    question::{Measure, Message, Prompt, Question},
    report::Strategy,
};

use super::{asking::Asker, store::Store, sweep::SweepError};

const TEXT: &str = "How many days are there in a week?";

/// What a refusal may depend on.
fn form(prompt: &Prompt) -> &'static str {
    match prompt {
        Prompt::Raw(_) => "raw",
        Prompt::Conversation(messages) if messages.iter().any(|message| message.role == "system") => "with_system",
        Prompt::Conversation(_) => "conversation",
    }
}

/// One question for each form among these: of its form but none of the set, so that no cache holds an answer's beginning.
fn probes<'a>(questions: impl IntoIterator<Item = &'a Question>) -> BTreeMap<&'static str, Question> {
    let mut probes = BTreeMap::new();
    for question in questions {
        probes.entry(form(&question.prompt)).or_insert_with(|| {
            let prompt = match &question.prompt {
                Prompt::Raw(_) => Prompt::Raw(TEXT.to_owned()),
                Prompt::Conversation(messages) => {
                    let asked = |message: &Message| Message { role: message.role.clone(), content: TEXT.to_owned() };
                    Prompt::Conversation(messages.iter().map(asked).collect())
                }
            };
            Question { id: String::new(), kind: String::new(), prompt, measure: Measure::Open, reference: None }
        });
    }
    probes
}

/// Why the store has it that a strategy does not take one of these questions.
pub(super) fn known<'a>(store: &'a Store, questions: &[Question], strategy: &str) -> Option<&'a str> {
    questions.iter().find_map(|question| store.refusal(form(&question.prompt), strategy))
}

/// Asks every strategy with something to do, and writes down who refuses, unless all do: then it is not the strategies.
pub(super) async fn probe(
    asker: &Asker,
    questions: &[Question],
    strategies: &[Strategy],
    store: &mut Store,
) -> Result<(), SweepError> {
    let mut refused = Vec::new();
    let mut takers = 0;
    for Strategy { name, .. } in strategies {
        let pending = questions.iter().filter(|question| !store.is_answered(&question.id, name));
        let before = refused.len();
        for (form, probe) in probes(pending) {
            let reason = asker.refusal(&probe, name).await?;
            refused.extend(reason.map(|reason| (form, name, reason)));
        }
        takers += usize::from(refused.len() == before);
    }
    if let (0, Some((_, _, reason))) = (takers, refused.first()) {
        return Err(SweepError::Refused(reason.clone()));
    }
    for (form, name, reason) in refused {
        store.refuse(form, name, reason)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_probed_once_with_the_roles_of_its_first_question() {
        let question = |prompt| Question {
            id: "1".to_owned(),
            kind: String::new(),
            prompt,
            measure: Measure::Open,
            reference: None,
        };
        let message = |role: &str| Message { role: role.to_owned(), content: "x".to_owned() };
        let questions = [
            question(Prompt::Raw("x".to_owned())),
            question(Prompt::Conversation(vec![message("user"), message("assistant"), message("user")])),
            question(Prompt::Conversation(vec![message("user")])),
            question(Prompt::Conversation(vec![message("system"), message("user")])),
        ];
        let probes = probes(&questions);
        assert_eq!(probes.keys().copied().collect::<Vec<_>>(), ["conversation", "raw", "with_system"]);
        assert_eq!(probes["raw"].prompt, Prompt::Raw(TEXT.to_owned()));
        let Prompt::Conversation(messages) = &probes["conversation"].prompt else { panic!("no conversation") };
        assert!(messages.len() == 3 && messages.iter().all(|message| message.content == TEXT));
    }
}
