//! The answers of one request, as their choices are told: texts with the tokens that make them, who wrote what, and what it cost.

use std::collections::VecDeque;

use futures::{StreamExt, stream};
use specfuse_core::generation::{self, Ending};
use specfuse_proto::v1 as proto;

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
    client::Token,
    driver::{Item, RoundReport},
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
        match item {
            Item::Round(report) => {
                let choice = self.choices.get_mut(index)?;
                if self.telling.logprobs {
                    choice.tokens.push(&report);
                }
                choice.cost.rounds += 1;
                choice.cost.completion_tokens += report.winning_tokens();
                let extension = extension(&report, self.telling.trace);
                self.telling(index, report.round.released, What::Round(Box::new(extension)))
            }
            Item::Finished { finish, usage } => {
                let reason = match finish.ending {
                    Ending::Length => FinishReason::Length,
                    // The driver ends a failed generation with an error.
                    Ending::Stop | Ending::Failed(_) => FinishReason::Stop,
                };
                let finished = report::finished(finish, usage);
                self.cost(index, finished.usage.unwrap_or_default());
                self.telling(index, finished.text, What::End(reason))
            }
            Item::Recorded(_) => None,
        }
    }

    /// An answer that its members can read no further ends at this length, as one does that reaches its own.
    fn full(&mut self, index: usize, error: &ApiError) -> Option<Told> {
        let ended = self.choices.get(index).filter(|choice| choice.begun && error.reason() == CONTEXT_FULL)?;
        let cost = ended.cost.clone();
        self.cost(index, cost);
        self.telling(index, String::new(), What::End(FinishReason::Length))
    }

    fn cost(&mut self, index: usize, usage: proto::Usage) {
        self.tally.add(usage, index.is_multiple_of(self.choices_of_a_prompt.max(1)));
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

fn extension(report: &RoundReport, with_trace: bool) -> ChunkExtension {
    let round = &report.round;
    let exit =
        |exit: &generation::Exit| Exit { member: report.label(exit.member), reason: exit.reason.name().to_owned() };
    ChunkExtension {
        round: round.number,
        decided_by: round.decided_by.name().to_owned(),
        winner: report.winner().map(|winner| report.label(winner)),
        active: round.active.iter().map(|member| report.label(*member)).collect(),
        exits: round.exits.iter().map(exit).collect(),
        trace: with_trace.then(|| recorder::round(report)),
    }
}

/// Tokens of winning segments, until their text is told: it lags behind where it could become a stop string.
#[derive(Debug, Default)]
struct Tokens {
    held: VecDeque<Token>,
    /// Bytes of the first one that were told before.
    told: usize,
}

impl Tokens {
    fn push(&mut self, report: &RoundReport) {
        let note = report.winner().and_then(|winner| report.drafts.get(&winner));
        if let (Some(draft), Some(note)) = (report.winning_draft(), note) {
            self.hold(&draft.text, &note.tokens);
        }
    }

    fn hold(&mut self, text: &str, tokens: &[Token]) {
        // A worker that tells no tokens: its text still counts among those of others, and is left out of what is told.
        let untold = tokens.is_empty() && !text.is_empty();
        let gap = || Token { text: text.to_owned(), logprob: f32::NAN, top: Vec::new() };
        self.held.extend(untold.then(gap));
        self.held.extend(tokens.iter().cloned());
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
            let cut = self
                .held
                .pop_front()
                .map(|token| Token { text: token.text.get(..left).unwrap_or_default().to_owned(), ..token });
            released.extend(cut.map(told));
        }
        released
    }
}

fn told(token: Token) -> TokenLogprob {
    let alternative =
        |(token, logprob): (String, f32)| Alternative { bytes: token.clone().into_bytes(), token, logprob };
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

    fn hold(tokens: &mut Tokens, texts: &[&str]) {
        let drafted = texts.iter().map(|text| Token { text: (*text).to_owned(), logprob: 0.0, top: Vec::new() });
        tokens.hold(&texts.concat(), &drafted.collect::<Vec<_>>());
    }

    fn texts(released: &[TokenLogprob]) -> Vec<&str> {
        released.iter().map(|token| token.token.as_str()).collect()
    }

    #[test]
    fn tokens_are_told_with_their_text_and_not_before() {
        let mut tokens = Tokens::default();
        hold(&mut tokens, &["He", "llo", "", "é"]);
        assert_eq!(texts(&tokens.release(3, false)), ["He"]);
        assert_eq!(texts(&tokens.release(2, false)), ["llo"]);
        hold(&mut tokens, &[" END", " x"]);
        assert_eq!(texts(&tokens.release(2, false)), ["", "é"]);
        assert_eq!(texts(&tokens.release(0, true)), [""; 0], "what a stop string took is told by nobody");
    }

    #[test]
    fn a_text_without_tokens_does_not_shift_those_of_others() {
        let mut tokens = Tokens::default();
        hold(&mut tokens, &["He"]);
        tokens.hold("llo", &[]);
        hold(&mut tokens, &[" there"]);
        assert_eq!(texts(&tokens.release(2, false)), ["He"]);
        let gap = tokens.release(3, false);
        assert!(gap.iter().all(|token| token.logprob.is_nan()) && texts(&gap) == ["llo"]);
        assert_eq!(texts(&tokens.release(6, true)), [" there"]);
    }

    #[test]
    fn a_token_that_a_stop_string_cuts_is_told_as_far_as_it_goes() {
        let mut tokens = Tokens::default();
        hold(&mut tokens, &["one", " two"]);
        assert_eq!(texts(&tokens.release(5, true)), ["one", " t"]);
    }
}
