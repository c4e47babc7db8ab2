//! One sequence in the engine: the tokens known so far, how far they are scheduled, the slots that hold them, and what is to be read
//! from the logits. A draft reads its last position and grows; a score reads a range of positions. Pure.

use std::sync::Arc;

use super::batch::Row;
use super::cache::{Cache, Root};
use super::sampler::{self, NotFinite, Sampler};
use super::{Alternative, ReadyDraft, ScoreSequence};

/// Sequences of one call share its number; `index` is the candidate's place in the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SequenceId {
    pub(super) call: u64,
    pub(super) index: usize,
}

#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) id: SequenceId,
    tokens: Vec<u32>,
    /// Where its slots hang while it runs.
    root: Root,
    /// Held in the cache while the sequence runs: the slots of tokens[..slots.len()].
    slots: Vec<u32>,
    /// Rows planned, or found in the cache and not needed again.
    scheduled: usize,
    /// It has run before and was preempted.
    pub(super) admitted_before: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Draft { context: usize, max_new: usize, end_of_turn: Arc<[u32]>, sampler: Box<Sampler>, drawn: Drawn },
    Score { from: usize, finished: bool, end_of_turn: Arc<[u32]>, terms: Vec<f32> },
}

/// What is told of the tokens drawn.
#[derive(Debug, Default)]
struct Drawn {
    logprobs: Vec<f32>,
    /// So many for each token; 0: none are looked for.
    wanted: usize,
    alternatives: Vec<Vec<Alternative>>,
}

/// What a sequence was for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    Draft { tokens: Vec<u32>, logprobs: Vec<f32>, alternatives: Vec<Vec<Alternative>>, finished: bool },
    Score { terms: Vec<f32> },
}

impl Sequence {
    pub(super) fn draft(id: SequenceId, draft: impl Into<ReadyDraft>) -> Self {
        let ReadyDraft { tokens, max_new, end_of_turn, sampler, alternatives, .. } = draft.into();
        let drawn = Drawn { wanted: alternatives, ..Drawn::default() };
        let kind = Kind::Draft { context: tokens.len(), max_new, end_of_turn, sampler, drawn };
        Self::new(id, tokens, kind)
    }

    pub(super) fn score(id: SequenceId, candidate: ScoreSequence, end_of_turn: Arc<[u32]>) -> Self {
        let ScoreSequence { tokens, from, finished } = candidate;
        Self::new(id, tokens, Kind::Score { from, finished, end_of_turn, terms: Vec::new() })
    }

    fn new(id: SequenceId, tokens: Vec<u32>, kind: Kind) -> Self {
        Self { id, tokens, root: Root::Short, slots: Vec::new(), scheduled: 0, admitted_before: false, kind }
    }

    /// Positions below this are to be computed; the last token of an unfinished candidate is not.
    pub(super) fn end(&self) -> usize {
        match &self.kind {
            Kind::Draft { .. } | Kind::Score { finished: true, .. } => self.tokens.len(),
            Kind::Score { finished: false, .. } => self.tokens.len() - 1,
        }
    }

    /// The first position whose logits are still wanted; from there on all are.
    fn first_read(&self) -> usize {
        match &self.kind {
            Kind::Draft { .. } => self.tokens.len() - 1,
            Kind::Score { from, terms, .. } => from - 1 + terms.len(),
        }
    }

    /// Nothing is to be computed at all: a candidate without terms.
    pub(super) fn is_empty(&self) -> bool {
        self.first_read() >= self.end()
    }

    /// Slots that it wants beyond `end` at its next step.
    pub(super) fn growth(&self) -> usize {
        match self.kind {
            Kind::Draft { .. } => 1,
            Kind::Score { .. } => 0,
        }
    }

    pub(super) fn remaining(&self) -> usize {
        self.end() - self.scheduled
    }

    pub(super) fn scheduled(&self) -> usize {
        self.scheduled
    }

    pub(super) fn slots(&self) -> &[u32] {
        &self.slots
    }

    /// All its tokens, whether they are to be computed or not.
    pub(super) fn length(&self) -> usize {
        self.tokens.len()
    }

    /// It grew beyond the short context: what it holds was computed otherwise than it must be from now on.
    pub(super) fn has_outgrown(&self, short_context: Option<usize>) -> bool {
        self.root != self.root_within(short_context)
    }

    fn root_within(&self, short_context: Option<usize>) -> Root {
        match short_context {
            Some(longest) if self.tokens.len() > longest => Root::Long,
            Some(_) | None => Root::Short,
        }
    }

    /// Takes its cached prefix, and returns how many of its tokens need no row.
    /// Tokens whose logits are wanted get a row even where their keys are cached.
    pub(super) fn admit(&mut self, cache: &mut Cache, short_context: Option<usize>) -> usize {
        self.root = self.root_within(short_context);
        self.slots = cache.longest_prefix(self.root, &self.tokens[..self.end()]);
        cache.hold(&self.slots);
        self.scheduled = self.slots.len().min(self.first_read());
        self.scheduled
    }

    /// Gives its slots back, keeping its tokens: it may be admitted again.
    pub(super) fn leave(&mut self, cache: &mut Cache) {
        cache.release(&self.slots);
        self.slots.clear();
        self.scheduled = 0;
    }

    /// The next row of a sequence with rows remaining; None: the cache is full.
    pub(super) fn next_row(&mut self, cache: &mut Cache) -> Option<Row> {
        let position = self.scheduled;
        let token = self.tokens[position];
        let write = if position < self.slots.len() {
            None
        } else {
            let appended = cache.append(self.root, &self.slots, token)?;
            self.slots.push(appended.slot);
            appended.fresh.then_some(appended.slot)
        };
        self.scheduled += 1;
        Some(Row { token, write, read: position >= self.first_read() })
    }

    /// Takes the logits of the next row read, in the order of positions; gives the outcome when they were the last.
    pub(super) fn read(&mut self, logits: &[f32]) -> Result<Option<Outcome>, NotFinite> {
        let row = sampler::Row::new(logits)?;
        let end = self.end();
        match &mut self.kind {
            Kind::Draft { context, max_new, end_of_turn, sampler, drawn } => {
                let token = sampler.draw(logits);
                drawn.logprobs.push(row.logprob(token));
                if drawn.wanted > 0 {
                    drawn.alternatives.push(row.most_probable(drawn.wanted));
                }
                let finished = end_of_turn.contains(&token);
                if !finished {
                    self.tokens.push(token);
                }
                if !finished && drawn.logprobs.len() < *max_new {
                    return Ok(None);
                }
                let tokens = self.tokens[*context..].to_vec();
                let Drawn { logprobs, alternatives, .. } = std::mem::take(drawn);
                Ok(Some(Outcome::Draft { tokens, logprobs, alternatives, finished }))
            }
            Kind::Score { from, end_of_turn, terms, .. } => {
                terms.push(match self.tokens.get(*from + terms.len()) {
                    Some(token) => row.logprob(*token),
                    None => row.logprob_of_any(end_of_turn),
                });
                let whole = *from - 1 + terms.len() == end;
                Ok(whole.then(|| Outcome::Score { terms: std::mem::take(terms) }))
            }
        }
    }
}

#[cfg(test)]
mod tests;
