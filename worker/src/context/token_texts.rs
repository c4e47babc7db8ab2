//! Which token of a draft gave which part of its text. The texts of all tokens together are the draft's own text, whatever a decoder
//! does: each reaches into it as far as the decoding of the tokens so far shows.
//!
//! A token is decoded behind those that gave the text before it, not behind the whole answer. Where that shows something else than
//! the draft's text (bytes that are no character, say) the whole is asked.

use std::char::REPLACEMENT_CHARACTER;

use super::{Context, Encoded, Language};
use crate::tokenizer::{TokenizerError, added};

/// A draft's text, given out token by token.
#[derive(Debug)]
pub struct TokenTexts<'a> {
    language: &'a Language,
    /// What the draft continues.
    behind: (&'a Context, &'a Encoded),
    drawn: &'a [u32],
    text: &'a str,
    /// Tokens told, and the bytes that they gave.
    tokens: usize,
    bytes: usize,
    /// `drawn[base..settled]` gave the last text that was told, in whole characters. Both 0: nothing was told yet.
    base: usize,
    settled: usize,
    /// The text of those alone.
    base_text: String,
}

impl Language {
    /// `text`: that of the segment that `drawn` tokens are, wherever it was cut.
    pub fn token_texts<'a>(
        &'a self,
        behind: (&'a Context, &'a Encoded),
        drawn: &'a [u32],
        text: &'a str,
    ) -> TokenTexts<'a> {
        TokenTexts {
            language: self,
            behind,
            drawn,
            text,
            tokens: 0,
            bytes: 0,
            base: 0,
            settled: 0,
            base_text: String::new(),
        }
    }
}

impl<'a> TokenTexts<'a> {
    /// All of the text was given out, and tokens that are left have no part in it.
    pub fn is_over(&self) -> bool {
        self.bytes == self.text.len() || self.tokens == self.drawn.len()
    }

    /// What the next token adds. The last one has all that is left.
    pub fn next_text(&mut self) -> Result<&'a str, TokenizerError> {
        let from = self.bytes;
        let left = self.text.get(from..).unwrap_or_default();
        self.bytes += match self.drawn.get(self.tokens) {
            Some(token) if self.tokens + 1 < self.drawn.len() => self.reach(left, *token)?,
            Some(_) | None => left.len(),
        };
        self.tokens += 1;
        if self.bytes > from {
            (self.base, self.settled) = (self.settled, self.tokens);
            self.base_text = self.language.tokenizer.decode(self.base(), true)?;
        }
        Ok(self.text.get(from..self.bytes).unwrap_or_default())
    }

    /// What `token` would add in the place of the next one.
    pub fn instead(&self, token: u32) -> Result<String, TokenizerError> {
        let before = self.drawn.get(self.settled..self.tokens).unwrap_or_default();
        let (language, (context, encoded)) = (self.language, self.behind);
        if self.settled == 0 {
            let whole = language.segment_text(context, encoded, &[before, &[token]].concat())?;
            return Ok(complete(&whole).to_owned());
        }
        let whole = language.tokenizer.decode(&[self.base(), before, &[token]].concat(), true)?;
        Ok(complete(added(&whole, &self.base_text)).to_owned())
    }

    fn base(&self) -> &'a [u32] {
        self.drawn.get(self.base..self.settled).unwrap_or_default()
    }

    /// Bytes of what is `left` of the text that are known with `token`.
    fn reach(&self, left: &str, token: u32) -> Result<usize, TokenizerError> {
        let own = self.instead(token)?;
        if left.starts_with(&own) || own.starts_with(left) {
            return Ok(own.len().min(left.len()));
        }
        let (context, encoded) = self.behind;
        let drawn = self.drawn.get(..=self.tokens).unwrap_or_default();
        let whole = self.language.segment_text(context, encoded, drawn)?;
        let same = complete(&whole).chars().zip(self.text.chars()).take_while(|(a, b)| a == b);
        let bytes: usize = same.map(|(a, _)| a.len_utf8()).sum();
        Ok(bytes.saturating_sub(self.bytes))
    }
}

/// Without a character at the end that later tokens may complete.
fn complete(text: &str) -> &str {
    text.trim_end_matches(REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests;
