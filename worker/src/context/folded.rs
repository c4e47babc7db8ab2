//! Conversations for a template that has no system message: what it says stands at the beginning of the user's, as the authors of
//! such models advise. Only where the template refuses the conversation as it is.

use crate::chat_template::{Message, Role};

/// Between a system message and what the user says.
const GAP: &str = "\n\n";

/// None: there is no system message, or no user's message after it to take it.
pub(super) fn folded(messages: &[Message]) -> Option<Vec<Message>> {
    let mut said = Vec::new();
    let mut folded = Vec::with_capacity(messages.len());
    for message in messages {
        match message.role {
            Role::System => said.push(message.content.as_str()),
            Role::User if !said.is_empty() => {
                said.push(&message.content);
                folded.push(Message { role: Role::User, content: said.join(GAP) });
                said.clear();
            }
            Role::User | Role::Assistant => folded.push(message.clone()),
        }
    }
    (said.is_empty() && folded.len() < messages.len()).then_some(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(said: &[(Role, &str)]) -> Vec<Message> {
        said.iter().map(|(role, content)| Message { role: *role, content: (*content).to_owned() }).collect()
    }

    #[test]
    fn a_system_message_goes_before_the_users_next_words() {
        use Role::{Assistant, System, User};
        let given =
            messages(&[(System, "Be brief."), (User, "Hi"), (Assistant, "Ho"), (System, "Be kind."), (User, "?")]);
        let expected = messages(&[(User, "Be brief.\n\nHi"), (Assistant, "Ho"), (User, "Be kind.\n\n?")]);
        assert_eq!(folded(&given), Some(expected));
        assert_eq!(folded(&messages(&[(User, "Hi")])), None);
        assert_eq!(folded(&messages(&[(User, "Hi"), (System, "Be brief.")])), None, "nobody takes it");
    }
}
