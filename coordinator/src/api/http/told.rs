//! The answers of one request, as their choices are told: texts with the tokens that make them, who wrote what, and what it cost.

use std::collections::VecDeque;

use futures::{StreamExt, stream};
use specfuse_proto::v1::{self as proto, draft_report::Outcome, generate_response::Event};

use super::{
    error::HttpError,
    types::{Alternative, ChunkExtension, Exit, FinishReason, TokenLogprob},
    usage::Tally,
    wanted::{Naming, Telling},
};
use crate::{
    api::{
        error::{ApiError, CONTEXT_FULL},
        intake::Answer,
    },
    driver::Item,
    recorder, report,
};

/// One round of one choice, or its end.
#[derive(Debug)]
pub(super) struct Told {
    /// Of the choice.
    pub(super) index: usize,
    /// Nothing of this choice came before.
    pub(super) is_first: bool,
    pub(super) text: String,
    /// Of the choice's tokens that were told before.
    pub(super) characters: usize,
    /// The tokens of the text, where they are told.
    pub(super) logprobs: Option<Vec<TokenLogprob>>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Round(Box<ChunkExtension>),
    End(FinishReason),
}

/// All choices, interleaved as they come, until each has ended or one has failed; what they cost is in the tally by then.
pub(super) struct Choices {
    items: stream::SelectAll<stream::BoxStream<'static, (usize, Result<Item, ApiError>)>>,
    choices: Vec<Choice>,
    /// Of which the first comes with the prompt's own cost.
    choices_of_a_prompt: usize,
    telling: Telling,
    naming: Naming,
    pub(super) tally: Tally,
}

/// What a choice has told so far.
#[derive(Debug, Default)]
struct Choice {
    begun: bool,
    /// What it cost so far, for an answer that ends where its members can read no further.
    cost: proto::Usage,
    tokens: Tokens,
    /// Of the tokens that were told.
    characters: usize,
}

impl Choices {
    pub(super) fn new(answers: Vec<Answer>, choices_of_a_prompt: usize, telling: Telling, naming: Naming) -> Self {
        let choices = answers.iter().map(|_| Choice::default()).collect();
        let numbered = answers.into_iter().enumerate();
        let items = stream::select_all(numbered.map(|(index, answer)| answer.map(move |item| (index, item)).boxed()));
        Self { items, choices, choices_of_a_prompt, telling, naming, tally: Tally::default() }
    }

    /// None: all have ended. After an error there is nothing more to come.
    pub(super) async fn next(&mut self) -> Option<Result<Told, HttpError>> {
        loop {
            let (index, item) = self.items.next().await?;
            match item {
                Ok(item) => {
                    if let Some(told) = self.told(index, item) {
                        return Some(Ok(told));
                    }
                }
                Err(error) => {
                    if let Some(told) = self.full(index, &error) {
                        return Some(Ok(told));
                    }
                    self.items = stream::SelectAll::new();
                    return Some(Err(HttpError::from_api(&error, self.naming)));
                }
            }
        }
    }

    /// None: nothing that is told here.
    fn told(&mut self, index: usize, item: Item) -> Option<Told> {
        // Nothing of it is told here: it is not even copied.
        if let Item::Recorded(_) = item {
            return None;
        }
        let trace = match &item {
            Item::Round(report) if self.telling.trace => Some(recorder::round(report)),
            Item::Round(_) | Item::Finished { .. } | Item::Recorded(_) => None,
        };
        let choice = self.choices.get_mut(index)?;
        let (text, what) = match report::response(item).event? {
            Event::Segment(segment) => {
                choice.tokens.push(&segment);
                choice.cost.rounds += 1;
                choice.cost.completion_tokens += winning_draft(&segment).map_or(0, |draft| draft.drafted_tokens);
                (segment.text.clone(), What::Round(Box::new(extension(segment, trace))))
            }
            Event::Finished(finished) => {
                let reason = match finished.reason() {
                    proto::FinishReason::Length => FinishReason::Length,
                    proto::FinishReason::Stop | proto::FinishReason::Unspecified => FinishReason::Stop,
                };
                let counts_prompt = index.is_multiple_of(self.choices_of_a_prompt.max(1));
                self.tally.add(finished.usage.unwrap_or_default(), counts_prompt);
                (finished.text, What::End(reason))
            }
            Event::Recording(_) => return None,
        };
        self.telling(index, text, what)
    }

    /// An answer that its members can read no further ends at this length, as one does that reaches its own.
    fn full(&mut self, index: usize, error: &ApiError) -> Option<Told> {
        let ended = self.choices.get(index).filter(|choice| choice.begun && error.reason() == CONTEXT_FULL)?;
        self.tally.add(ended.cost.clone(), index.is_multiple_of(self.choices_of_a_prompt.max(1)));
        self.telling(index, String::new(), What::End(FinishReason::Length))
    }

    fn telling(&mut self, index: usize, text: String, what: What) -> Option<Told> {
        let choice = self.choices.get_mut(index)?;
        let is_last = matches!(what, What::End(_));
        let mut tokens = choice.tokens.release(text.len(), is_last);
        let is_first = !std::mem::replace(&mut choice.begun, true);
        let more: usize = tokens.iter().map(|token| token.token.chars().count()).sum();
        let characters = choice.characters;
        choice.characters = characters.saturating_add(more);
        tokens.retain(|token| !token.logprob.is_nan());
        Some(Told { index, is_first, text, characters, logprobs: self.telling.logprobs.then_some(tokens), what })
    }
}

fn extension(segment: proto::Segment, trace: Option<specfuse_core::recording::Round>) -> ChunkExtension {
    let exit =
        |exit: proto::Exit| Exit { reason: word(exit.reason().as_str_name(), "EXIT_REASON_"), member: exit.member };
    ChunkExtension {
        round: segment.round,
        decided_by: word(segment.decided_by().as_str_name(), "DECISION_"),
        winner: Some(segment.winner).filter(|winner| !winner.is_empty()),
        active: segment.active,
        exits: segment.exits.into_iter().map(exit).collect(),
        trace,
    }
}

fn winning_draft(segment: &proto::Segment) -> Option<&proto::Draft> {
    match segment.drafts.iter().find(|draft| draft.member == segment.winner)?.outcome.as_ref()? {
        Outcome::Draft(draft) => Some(draft),
        Outcome::Missed(_) => None,
    }
}

/// A value of the contract, as JSON has it.
fn word(value: &str, prefix: &str) -> String {
    value.trim_start_matches(prefix).to_lowercase()
}

/// Tokens of winning segments, until their text is told: it lags behind where it could become a stop string.
#[derive(Debug, Default)]
struct Tokens {
    held: VecDeque<proto::DraftedToken>,
    /// Bytes of the first one that were told before.
    told: usize,
}

impl Tokens {
    fn push(&mut self, segment: &proto::Segment) {
        if let Some(draft) = winning_draft(segment) {
            // A worker that tells no tokens: its text still counts among those of others, and is left out of what is told.
            let untold = draft.tokens.is_empty() && !draft.text.is_empty();
            let gap = || proto::DraftedToken { text: draft.text.clone(), logprob: f32::NAN, top: Vec::new() };
            self.held.extend(untold.then(gap));
            self.held.extend(draft.tokens.iter().cloned());
        }
    }

    /// Those whose texts are told in so many bytes. At the end one that a stop string cut is told as far as it goes.
    fn release(&mut self, bytes: usize, is_last: bool) -> Vec<TokenLogprob> {
        let mut left = self.told.saturating_add(bytes);
        let mut released = Vec::new();
        while let Some(token) = self.held.front().filter(|token| token.text.len() <= left) {
            // One without text goes with what it begins.
            if left == 0 && !is_last {
                break;
            }
            left -= token.text.len();
            released.extend(self.held.pop_front().map(told));
        }
        self.told = left;
        if is_last && left > 0 {
            let cut = self.held.pop_front().map(|token| proto::DraftedToken {
                text: token.text.get(..left).unwrap_or_default().to_owned(),
                ..token
            });
            released.extend(cut.map(told));
        }
        released
    }
}

fn told(token: proto::DraftedToken) -> TokenLogprob {
    let alternative = |other: proto::Alternative| Alternative {
        bytes: other.text.clone().into_bytes(),
        token: other.text,
        logprob: other.logprob,
    };
    TokenLogprob {
        bytes: token.text.clone().into_bytes(),
        token: token.text,
        logprob: token.logprob,
        top_logprobs: token.top.into_iter().map(alternative).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(texts: &[&str]) -> proto::Segment {
        let tokens = texts.iter().map(|text| proto::DraftedToken { text: (*text).to_owned(), ..Default::default() });
        let draft = proto::Draft { tokens: tokens.collect(), ..Default::default() };
        let report = proto::DraftReport { member: "a".to_owned(), outcome: Some(Outcome::Draft(draft)) };
        proto::Segment { winner: "a".to_owned(), drafts: vec![report], ..Default::default() }
    }

    fn texts(released: &[TokenLogprob]) -> Vec<&str> {
        released.iter().map(|token| token.token.as_str()).collect()
    }

    #[test]
    fn tokens_are_told_with_their_text_and_not_before() {
        let mut tokens = Tokens::default();
        tokens.push(&segment(&["He", "llo", "", "é"]));
        assert_eq!(texts(&tokens.release(3, false)), ["He"]);
        assert_eq!(texts(&tokens.release(2, false)), ["llo"]);
        tokens.push(&segment(&[" END", " x"]));
        assert_eq!(texts(&tokens.release(2, false)), ["", "é"]);
        assert_eq!(texts(&tokens.release(0, true)), [""; 0], "what a stop string took is told by nobody");
    }

    #[test]
    fn a_text_without_tokens_does_not_shift_those_of_others() {
        let mut tokens = Tokens::default();
        tokens.push(&segment(&["He"]));
        let mut untold = segment(&[]);
        if let Some(Outcome::Draft(draft)) = untold.drafts.first_mut().and_then(|draft| draft.outcome.as_mut()) {
            draft.text = "llo".to_owned();
        }
        tokens.push(&untold);
        tokens.push(&segment(&[" there"]));
        assert_eq!(texts(&tokens.release(2, false)), ["He"]);
        let gap = tokens.release(3, false);
        assert!(gap.iter().all(|token| token.logprob.is_nan()) && texts(&gap) == ["llo"]);
        assert_eq!(texts(&tokens.release(6, true)), [" there"]);
    }

    #[test]
    fn a_token_that_a_stop_string_cuts_is_told_as_far_as_it_goes() {
        let mut tokens = Tokens::default();
        tokens.push(&segment(&["one", " two"]));
        assert_eq!(texts(&tokens.release(5, true)), ["one", " t"]);
    }
}
