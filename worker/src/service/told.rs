//! What was drafted, as the contract tells it: text of the segment and, where they are asked for, of its tokens.

use specfuse_proto::v1 as wire;

use super::work;
use crate::{
    context::{Context, Encoded, Language},
    engine::{Alternative, Drafted},
    segment,
    tokenizer::TokenizerError,
};

pub(super) fn drafted(
    language: &Language,
    behind: (&Context, &Encoded),
    drafted: Drafted,
    tells_tokens: bool,
) -> Result<wire::DraftResponse, TokenizerError> {
    let (context, encoded) = behind;
    let drawn = language.segment_text(context, encoded, &drafted.tokens)?;
    let text = segment::cut(&drawn, drafted.finished).to_owned();
    let tokens = if tells_tokens { tokens(language, behind, &drafted, &text)? } else { Vec::new() };
    Ok(wire::DraftResponse {
        text,
        finished: drafted.finished,
        drafted_tokens: clamped(drafted.tokens.len()),
        token_logprobs: drafted.logprobs,
        work: Some(work(drafted.work)),
        tokens,
        context_tokens: clamped(encoded.len()),
    })
}

/// Those that have a part in `text`.
fn tokens(
    language: &Language,
    behind: (&Context, &Encoded),
    drafted: &Drafted,
    text: &str,
) -> Result<Vec<wire::DraftedToken>, TokenizerError> {
    let mut texts = language.token_texts(behind, &drafted.tokens, text);
    let mut told = Vec::new();
    for (place, logprob) in drafted.logprobs.iter().enumerate() {
        if texts.is_over() {
            break;
        }
        let alternatives = drafted.alternatives.get(place).map(Vec::as_slice).unwrap_or_default();
        let alternative =
            |one: &Alternative| Ok(wire::Alternative { text: texts.instead(one.token)?, logprob: one.logprob });
        let top = alternatives.iter().map(alternative).collect::<Result<_, TokenizerError>>()?;
        told.push(wire::DraftedToken { text: texts.next_text()?.to_owned(), logprob: *logprob, top });
    }
    Ok(told)
}

fn clamped(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
