//! What was said, in pairs of a question and its whole answer, and never more of it than a coordinator takes.

use std::collections::VecDeque;

use serde_json::{Value, json};
use specfuse_proto::v1::Message;

/// Messages that a coordinator takes.
pub(super) const MOST: usize = 1024;
/// Bytes of them that are sent; a coordinator takes one more mebibyte with all that is around them.
pub(super) const LARGEST: usize = 3 << 20;

#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) system: Option<String>,
    exchanges: VecDeque<Exchange>,
}

#[derive(Debug)]
struct Exchange {
    question: String,
    answer: String,
}

impl Conversation {
    pub(super) fn new(system: Option<String>) -> Self {
        Self { system, exchanges: VecDeque::new() }
    }

    /// All that was said, and a new question.
    pub(super) fn asked(&self, question: &str) -> Vec<Message> {
        let mut messages = self.messages();
        messages.push(message("user", question));
        messages
    }

    pub(super) fn add(&mut self, question: String, answer: String) {
        self.exchanges.push_back(Exchange { question, answer });
    }

    /// Forgets the oldest exchanges until the question can be asked; says how many messages those were.
    pub(super) fn make_room(&mut self, question: &str) -> usize {
        let mut forgotten = 0;
        while self.is_full(question) && self.forget_oldest() {
            forgotten += 2;
        }
        forgotten
    }

    /// Says whether there was one.
    pub(super) fn forget_oldest(&mut self) -> bool {
        self.exchanges.pop_front().is_some()
    }

    fn is_full(&self, question: &str) -> bool {
        let said: usize = self.exchanges.iter().map(|pair| pair.question.len() + pair.answer.len()).sum();
        let bytes = said + self.system.as_ref().map_or(0, String::len) + question.len();
        usize::from(self.system.is_some()) + 2 * self.exchanges.len() + 1 > MOST || bytes > LARGEST
    }

    /// Says how many messages are forgotten.
    pub(super) fn reset(&mut self) -> usize {
        let forgotten = 2 * self.exchanges.len();
        self.exchanges.clear();
        forgotten
    }

    /// The question that is forgotten.
    pub(super) fn undo(&mut self) -> Option<String> {
        self.exchanges.pop_back().map(|exchange| exchange.question)
    }

    pub(super) fn object(&self) -> Value {
        let messages = self.messages().into_iter();
        messages.map(|message| json!({ "role": message.role, "content": message.content })).collect()
    }

    fn messages(&self) -> Vec<Message> {
        let system = self.system.iter().map(|text| message("system", text));
        let pairs = self.exchanges.iter();
        let said = pairs.flat_map(|pair| [message("user", &pair.question), message("assistant", &pair.answer)]);
        system.chain(said).collect()
    }
}

fn message(role: &str, content: &str) -> Message {
    Message { role: role.to_owned(), content: content.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|message| message.content.as_str()).collect()
    }

    #[test]
    fn each_question_comes_after_all_that_was_said() {
        let mut conversation = Conversation::new(Some("be brief".to_owned()));
        conversation.add("a?".to_owned(), "b".to_owned());
        let messages = conversation.asked("c?");
        assert_eq!(contents(&messages), ["be brief", "a?", "b", "c?"]);
        let roles: Vec<_> = messages.iter().map(|message| message.role.as_str()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "user"]);
        assert_eq!(conversation.object()[2], json!({ "role": "assistant", "content": "b" }));
    }

    #[test]
    fn what_is_forgotten_is_not_said_again() {
        let mut conversation = Conversation::default();
        conversation.add("a?".to_owned(), "b".to_owned());
        conversation.add("c?".to_owned(), "d".to_owned());
        assert_eq!(conversation.undo().as_deref(), Some("c?"));
        assert_eq!(contents(&conversation.asked("e?")), ["a?", "b", "e?"]);
        assert_eq!(conversation.reset(), 2);
        assert_eq!((contents(&conversation.asked("e?")), conversation.undo()), (vec!["e?"], None));
    }

    #[test]
    fn the_oldest_make_room_where_a_coordinator_takes_no_more() {
        let mut conversation = Conversation::new(Some("s".to_owned()));
        for number in 0..MOST / 2 {
            assert_eq!(conversation.make_room("next"), 0, "{number}");
            conversation.add(number.to_string(), String::new());
        }
        assert_eq!(conversation.make_room("next"), 2);
        let messages = conversation.asked("next");
        assert_eq!((messages.len(), contents(&messages)[1]), (MOST, "1"));
        assert_eq!(conversation.make_room("next"), 0);
    }

    #[test]
    fn long_answers_make_room_before_there_are_many() {
        let mut conversation = Conversation::default();
        conversation.add("a?".to_owned(), "b".repeat(LARGEST / 2));
        conversation.add("c?".to_owned(), "d".repeat(LARGEST / 2));
        assert_eq!(conversation.make_room("next"), 2);
        assert_eq!(conversation.asked("next")[0].content, "c?");
        assert_eq!(conversation.make_room(&"e".repeat(2 * LARGEST)), 2);
    }
}
