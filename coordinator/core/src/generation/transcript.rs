//! The text and tokens so far. The accepted text is what the members see; of it, a stop string may take back what was
//! never released.

use std::{num::NonZeroU32, sync::Arc};

use super::Drafted;
use crate::{
    member::MemberIndex,
    stop::{Passed, StopWatch},
};

#[derive(Clone, Debug)]
pub(super) struct Transcript {
    accepted: Arc<str>,
    stops: StopWatch,
    /// Bytes of `accepted` that were released.
    released: usize,
    tokens: u32,
    max_tokens: u32,
}

/// What a round commits.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    text: &'a str,
    tokens: u32,
    pub(super) finished: bool,
}

impl<'a> Segment<'a> {
    /// The winner's segment. Its tokens are what its first author drafted, kept between one (a round that counted
    /// none would let a generation run for ever) and the `limit` that was asked for.
    pub(super) fn won(drafted: &'a Drafted, winner: usize, limit: u32) -> Self {
        let Some(candidate) = drafted.candidates.get(winner) else {
            return Self { text: "", tokens: limit, finished: true };
        };
        let first: Option<&MemberIndex> = candidate.authors.first();
        let draft = drafted.drafts.iter().find(|(member, _)| Some(member) == first).and_then(|(_, it)| it.draft());
        let tokens = draft.map_or(limit, |draft| draft.tokens).max(u32::from(!candidate.finished)).min(limit);
        Self { text: &candidate.text, tokens, finished: candidate.finished }
    }
}

impl Transcript {
    pub(super) fn new(max_tokens: NonZeroU32, stop: Vec<String>) -> Self {
        Self {
            accepted: Arc::from(""),
            stops: StopWatch::new(stop),
            released: 0,
            tokens: 0,
            max_tokens: max_tokens.get(),
        }
    }

    pub(super) fn accepted(&self) -> Arc<str> {
        Arc::clone(&self.accepted)
    }

    pub(super) fn tokens(&self) -> u32 {
        self.tokens
    }

    pub(super) fn tokens_left(&self) -> u32 {
        self.max_tokens.saturating_sub(self.tokens)
    }

    pub(super) fn append(&mut self, segment: &Segment<'_>) -> Passed {
        self.accepted = [&self.accepted, segment.text].concat().into();
        self.tokens = self.tokens.saturating_add(segment.tokens);
        let passed = self.stops.pass(segment.text);
        self.released = self.released.saturating_add(passed.released.len());
        passed
    }

    /// Releases what was held back, now that nothing follows; nothing where a stop string was met.
    pub(super) fn release_rest(&mut self) -> String {
        let rest = self.stops.rest();
        self.released = self.released.saturating_add(rest.len());
        rest
    }

    /// The answer as far as it was released.
    pub(super) fn text(&self) -> String {
        self.accepted.get(..self.released).unwrap_or(&self.accepted).to_owned()
    }
}
