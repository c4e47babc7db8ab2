//! What a tokenizer calls its ids: which of them are tokens that a text must write out to get.

use std::collections::BTreeMap;

use super::Tokenizer;

/// A token that the file adds to its model's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedToken {
    pub content: String,
    /// It marks something, such as the end of a turn, and is no text.
    pub special: bool,
}

impl Tokenizer {
    /// By id.
    pub fn added_tokens(&self) -> BTreeMap<u32, AddedToken> {
        let added = self.inner.get_added_tokens_decoder().into_iter();
        added.map(|(id, token)| (id, AddedToken { content: token.content, special: token.special })).collect()
    }

    /// How the file spells this id. None: it has no such id.
    pub fn spelling(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }
}
