//! Our types to the wire's and back. Every check of what a worker answers is here, and nothing else.

use std::collections::HashMap;

use specfuse_core::candidate::{Candidate, Draft, OwnScore};
use specfuse_proto::v1 as proto;

use super::{Context, Description, DraftCall, Drafted, Malformed, ScoreCall, Scored, Work};
use crate::request::{Message, Prompt};

/// No token is longer, in bytes of UTF-8.
const LONGEST_TOKEN: usize = 1024;
/// Bytes of a word in which a worker describes itself.
const LONGEST_NAME: usize = 256;
const MOST_CAPABILITIES: usize = 64;
/// What rounding may add to the logarithm of 1.
const ROUNDING: f32 = 1e-3;

pub(super) fn draft_request(call: &DraftCall) -> proto::DraftRequest {
    let sampling = &call.sampling;
    proto::DraftRequest {
        request_id: call.context.request_id.to_string(),
        round: call.context.round,
        context: Some(context(&call.context)),
        max_tokens: call.max_tokens,
        sampling: Some(proto::Sampling {
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            min_p: sampling.min_p,
            seed: sampling.seed,
            repetition_penalty: sampling.repetition_penalty,
            presence_penalty: sampling.presence_penalty,
            frequency_penalty: sampling.frequency_penalty,
        }),
        logit_bias: HashMap::new(),
        as_fits: call.as_fits,
        top_logprobs: None,
    }
}

pub(super) fn score_request(call: &ScoreCall) -> proto::ScoreRequest {
    let candidate =
        |candidate: &Candidate| proto::Candidate { text: candidate.text.clone(), finished: candidate.finished };
    proto::ScoreRequest {
        request_id: call.context.request_id.to_string(),
        round: call.context.round,
        context: Some(context(&call.context)),
        candidates: call.candidates.iter().map(candidate).collect(),
    }
}

fn context(context: &Context) -> proto::Context {
    let message =
        |message: &Message| proto::Message { role: message.role.as_str().to_owned(), content: message.content.clone() };
    let prompt = match context.prompt.as_ref() {
        Prompt::Conversation(messages) => {
            let messages = messages.iter().map(message).collect();
            proto::context::Prompt::Conversation(proto::Conversation { messages })
        }
        Prompt::Raw(text) => proto::context::Prompt::Raw(text.clone()),
    };
    proto::Context { prompt: Some(prompt), accepted: context.accepted.to_string() }
}

pub(super) fn description(told: proto::DescribeResponse) -> Result<Description, Malformed> {
    if told.model.is_empty() {
        return Err(Malformed::NoModel);
    }
    let names = [&told.model, &told.family, &told.dtype, &told.device, &told.build, &told.instance_id];
    if let Some(long) = names.into_iter().chain(&told.capabilities).map(String::len).find(|bytes| *bytes > LONGEST_NAME)
    {
        return Err(Malformed::LongName(long));
    }
    if told.capabilities.len() > MOST_CAPABILITIES {
        return Err(Malformed::Capabilities(told.capabilities.len()));
    }
    Ok(Description { model: told.model.clone(), told })
}

pub(super) fn drafted(answer: proto::DraftResponse, asked: u32) -> Result<Drafted, Malformed> {
    let tokens = answer.drafted_tokens;
    // The end-of-turn token was drawn too, but is not part of the draft.
    let drawn = tokens.saturating_add(answer.finished.into());
    if !(1..=asked).contains(&drawn) {
        return Err(Malformed::DraftedTokens { tokens, asked });
    }
    let logprobs = answer.token_logprobs.len();
    if u32::try_from(logprobs) != Ok(drawn) {
        return Err(Malformed::TokenLogprobs { logprobs, drawn });
    }
    if answer.token_logprobs.iter().any(|logprob| !logprob.is_finite()) {
        return Err(Malformed::NotFinite);
    }
    not_above_zero(&answer.token_logprobs)?;
    let bytes = answer.text.len();
    if bytes > (tokens as usize).saturating_mul(LONGEST_TOKEN) {
        return Err(Malformed::TextLength { bytes, tokens });
    }
    let sum_logprob = answer.token_logprobs.iter().copied().map(f64::from).sum();
    let own = OwnScore { sum_logprob, tokens: drawn };
    Ok(Drafted {
        draft: Draft { text: answer.text, finished: answer.finished, tokens, own },
        token_logprobs: answer.token_logprobs,
        work: work(answer.work),
    })
}

/// Terms that are no numbers pass: they are the scorer's way to abstain.
pub(super) fn scored(answer: proto::ScoreResponse, asked: usize) -> Result<Scored, Malformed> {
    let scored = answer.candidates.len();
    if scored != asked {
        return Err(Malformed::Candidates { scored, asked });
    }
    for candidate in &answer.candidates {
        not_above_zero(&candidate.terms)?;
    }
    let terms = |candidate: proto::CandidateTerms| candidate.terms.into_iter().map(f64::from).collect();
    Ok(Scored { terms: answer.candidates.into_iter().map(terms).collect(), work: work(answer.work) })
}

fn not_above_zero(logprobs: &[f32]) -> Result<(), Malformed> {
    match logprobs.iter().find(|logprob| logprob.is_finite() && **logprob > ROUNDING) {
        Some(positive) => Err(Malformed::Positive(*positive)),
        None => Ok(()),
    }
}

fn work(told: Option<proto::Work>) -> Work {
    let told = told.unwrap_or_default();
    Work {
        tokens_computed: told.tokens_computed,
        tokens_cached: told.tokens_cached,
        queue_micros: told.queue_micros,
        prefill_micros: told.prefill_micros,
        decode_micros: told.decode_micros,
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    fn draft(tokens: u32, logprobs: &[f32]) -> proto::DraftResponse {
        proto::DraftResponse {
            text: " a".to_owned(),
            drafted_tokens: tokens,
            token_logprobs: logprobs.to_vec(),
            ..Default::default()
        }
    }

    #[test]
    fn a_draft_that_cannot_be_one_is_malformed() {
        let ended = |tokens, logprobs| proto::DraftResponse { finished: true, ..draft(tokens, logprobs) };
        assert!(drafted(proto::DraftResponse { text: String::new(), ..ended(0, &[-1.0]) }, 2).is_ok());
        assert_eq!(drafted(ended(2, &[-1.0; 3]), 2), Err(Malformed::DraftedTokens { tokens: 2, asked: 2 }));
        assert_eq!(drafted(ended(1, &[-1.0]), 2), Err(Malformed::TokenLogprobs { logprobs: 1, drawn: 2 }));
        assert!(drafted(draft(2, &[-1.0, 0.0]), 2).is_ok());
        assert_eq!(drafted(draft(0, &[]), 2), Err(Malformed::DraftedTokens { tokens: 0, asked: 2 }));
        assert_eq!(drafted(draft(3, &[-1.0; 3]), 2), Err(Malformed::DraftedTokens { tokens: 3, asked: 2 }));
        assert_eq!(drafted(draft(2, &[-1.0]), 2), Err(Malformed::TokenLogprobs { logprobs: 1, drawn: 2 }));
        assert_eq!(drafted(draft(1, &[f32::NAN]), 2), Err(Malformed::NotFinite));
        assert_eq!(drafted(draft(1, &[0.5]), 2), Err(Malformed::Positive(0.5)));
        let long = proto::DraftResponse { text: "x".repeat(1025), ..draft(1, &[-1.0]) };
        assert_eq!(drafted(long, 2), Err(Malformed::TextLength { bytes: 1025, tokens: 1 }));
    }

    #[test]
    fn a_score_for_other_candidates_is_malformed_and_nan_is_not() {
        let answer = |terms: &[&[f32]]| proto::ScoreResponse {
            candidates: terms.iter().map(|terms| proto::CandidateTerms { terms: terms.to_vec() }).collect(),
            work: None,
        };
        assert_eq!(scored(answer(&[&[-1.0]]), 2), Err(Malformed::Candidates { scored: 1, asked: 2 }));
        assert_eq!(scored(answer(&[&[-1.0], &[7.0]]), 2), Err(Malformed::Positive(7.0)));
        assert!(scored(answer(&[&[f32::NAN], &[f32::NEG_INFINITY]]), 2).is_ok());
    }
}
