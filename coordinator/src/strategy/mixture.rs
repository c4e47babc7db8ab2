//! Mixture of agents (Wang et al., 2024, arXiv 2406.04692): a member reads what all have answered and writes a better answer. The
//! idea is theirs, the words are ours: they stand in the question itself, since not every chat template takes a system message.

use std::fmt::Write;

use crate::request::{Message, Prompt, Role};

/// What a member answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// Not empty.
    pub(crate) text: String,
}

/// Bytes of a proposal that still tells something.
const SHORTEST: usize = 32;

impl Proposal {
    /// The first half of it; false where that would be too little.
    pub(crate) fn halve(&mut self) -> bool {
        let half = self.text.floor_char_boundary(self.text.len() / 2);
        self.text.truncate(half);
        half >= SHORTEST
    }
}

/// The conversation with the proposals in its last question. Without any it stays as it is.
pub(crate) fn with_proposals(prompt: &Prompt, proposals: &[Proposal]) -> Prompt {
    let Prompt::Conversation(messages) = prompt else { return prompt.clone() };
    let asked = messages.iter().rposition(|message| message.role == Role::User);
    let (Some(asked), false) = (asked, proposals.is_empty()) else { return prompt.clone() };
    let mut messages = messages.clone();
    if let Some(question) = messages.get_mut(asked) {
        question.content = told(question, proposals);
    }
    Prompt::Conversation(messages)
}

fn told(question: &Message, proposals: &[Proposal]) -> String {
    let mut told = format!("{}\n\nOthers have already answered this:\n", question.content);
    for (number, proposal) in proposals.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(told, "\n[{}] {}\n", number + 1, proposal.text.trim());
    }
    told.push_str(
        "\nAny of them may be wrong or leave something out. Weigh them against each other, keep what holds, and write the \
         best answer to the question yourself. Do not speak of the other answers.",
    );
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(role: Role, content: &str) -> Message {
        Message { role, content: content.to_owned() }
    }

    #[test]
    fn proposals_stand_in_the_last_question_and_nowhere_else() {
        let messages = [says(Role::User, "Hello"), says(Role::Assistant, "Yes?"), says(Role::User, "Why?")];
        let prompt = Prompt::Conversation(messages.to_vec());
        let proposals = ["Because.", " It is so.\n"].map(|text| Proposal { text: text.to_owned() });
        let Prompt::Conversation(told) = with_proposals(&prompt, &proposals) else {
            panic!("a conversation stays one")
        };
        assert_eq!(told[..2], messages[..2]);
        let question = &told[2].content;
        assert!(question.starts_with("Why?\n\nOthers") && question.contains("\n[1] Because.\n\n[2] It is so.\n\nAny"));
        assert_eq!(with_proposals(&prompt, &[]), prompt, "nobody proposed anything");
    }

    #[test]
    fn a_proposal_is_halved_between_characters_until_it_tells_nothing() {
        let mut proposal = Proposal { text: "é".repeat(65) };
        assert!(proposal.halve());
        assert_eq!(proposal.text, "é".repeat(32));
        assert!(proposal.halve() && !proposal.halve());
    }
}
