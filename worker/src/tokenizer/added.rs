//! What a tokenizer calls its ids: which of them are tokens that a text must write out to get.

use std::collections::BTreeMap;

use super::Tokenizer;

impl Tokenizer {
    /// The added tokens by id: those that mark turns are among them.
    pub fn added_tokens(&self) -> BTreeMap<u32, String> {
        self.inner.get_added_tokens_decoder().into_iter().map(|(id, token)| (id, token.content)).collect()
    }

    /// How the file spells this id. None: it has no such id.
    pub fn spelling(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }
}
