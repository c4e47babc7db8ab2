//! Our types to the wire's and back. Every check of what a worker answers is here, and nothing else.

use std::collections::HashMap;

use specfuse_core::candidate::{Candidate, Draft, OwnScore};
use specfuse_proto::v1 as proto;

use super::{Context, Description, DraftCall, Drafted, Malformed, ScoreCall, Scored, Token, Work};
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
        top_logprobs: call.top_logprobs,
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
    let proto::DescribeResponse { model, family, dtype, device, build, instance_id, fingerprint, .. } = &told;
    let names = [model, family, dtype, device, build, instance_id, fingerprint];
    if let Some(long) = names.into_iter().chain(&told.capabilities).map(String::len).find(|bytes| *bytes > LONGEST_NAME)
    {
        return Err(Malformed::LongName(long));
    }
    if told.capabilities.len() > MOST_CAPABILITIES {
        return Err(Malformed::Capabilities(told.capabilities.len()));
    }
    Ok(Description { model: told.model.clone(), told })
}

/// `asked`: so many tokens. `alternatives`: so many for each of them; None: tokens that are told all the same are passed over.
pub(super) fn drafted(
    answer: proto::DraftResponse,
    asked: u32,
    alternatives: Option<u32>,
) -> Result<Drafted, Malformed> {
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
    let told = match alternatives {
        Some(alternatives) => told(answer.tokens, alternatives, &answer.text, tokens)?,
        None => Vec::new(),
    };
    let sum_logprob = answer.token_logprobs.iter().copied().map(f64::from).sum();
    let own = OwnScore { sum_logprob, tokens: drawn };
    Ok(Drafted {
        draft: Draft { text: answer.text, finished: answer.finished, tokens, own },
        token_logprobs: answer.token_logprobs,
        tokens: told,
        context_tokens: answer.context_tokens,
        work: work(answer.work),
    })
}

/// The tokens of a draft's `text`: no more than were `drafted`, each with at most so many `alternatives`. None at all is no fault: a
/// worker of a version that tells none has drafted all the same.
fn told(
    tokens: Vec<proto::DraftedToken>,
    alternatives: u32,
    text: &str,
    drafted: u32,
) -> Result<Vec<Token>, Malformed> {
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    if tokens.len() > drafted as usize {
        return Err(Malformed::Tokens { tokens: tokens.len(), drafted });
    }
    let mut left = text;
    for token in &tokens {
        left = left.strip_prefix(token.text.as_str()).ok_or(Malformed::TokenTexts)?;
    }
    if !left.is_empty() {
        return Err(Malformed::TokenTexts);
    }
    tokens.into_iter().map(|token| one_told(token, alternatives)).collect()
}

fn one_told(token: proto::DraftedToken, alternatives: u32) -> Result<Token, Malformed> {
    if token.top.len() > alternatives as usize {
        return Err(Malformed::Alternatives { told: token.top.len(), asked: alternatives });
    }
    let mut logprobs = token.top.iter().map(|other| other.logprob).chain([token.logprob]);
    match logprobs.find(|logprob| !logprob.is_finite() || *logprob > ROUNDING) {
        Some(odd) if odd.is_finite() => return Err(Malformed::Positive(odd)),
        Some(_) => return Err(Malformed::NotFinite),
        None => {}
    }
    if let Some(long) = token.top.iter().map(|other| other.text.len()).find(|bytes| *bytes > LONGEST_TOKEN) {
        return Err(Malformed::TokenLength(long));
    }
    let top = token.top.into_iter().map(|other| (other.text, other.logprob)).collect();
    Ok(Token { text: token.text, logprob: token.logprob, top })
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
        assert!(drafted(proto::DraftResponse { text: String::new(), ..ended(0, &[-1.0]) }, 2, None).is_ok());
        assert_eq!(drafted(ended(2, &[-1.0; 3]), 2, None), Err(Malformed::DraftedTokens { tokens: 2, asked: 2 }));
        assert_eq!(drafted(ended(1, &[-1.0]), 2, None), Err(Malformed::TokenLogprobs { logprobs: 1, drawn: 2 }));
        assert!(drafted(draft(2, &[-1.0, 0.0]), 2, None).is_ok());
        assert_eq!(drafted(draft(0, &[]), 2, None), Err(Malformed::DraftedTokens { tokens: 0, asked: 2 }));
        assert_eq!(drafted(draft(3, &[-1.0; 3]), 2, None), Err(Malformed::DraftedTokens { tokens: 3, asked: 2 }));
        assert_eq!(drafted(draft(2, &[-1.0]), 2, None), Err(Malformed::TokenLogprobs { logprobs: 1, drawn: 2 }));
        assert_eq!(drafted(draft(1, &[f32::NAN]), 2, None), Err(Malformed::NotFinite));
        assert_eq!(drafted(draft(1, &[0.5]), 2, None), Err(Malformed::Positive(0.5)));
        let long = proto::DraftResponse { text: "x".repeat(1025), ..draft(1, &[-1.0]) };
        assert_eq!(drafted(long, 2, None), Err(Malformed::TextLength { bytes: 1025, tokens: 1 }));
    }

    fn token(text: &str, logprob: f32, top: &[(&str, f32)]) -> proto::DraftedToken {
        let other = |(text, logprob): &(&str, f32)| proto::Alternative { text: (*text).to_owned(), logprob: *logprob };
        proto::DraftedToken { text: text.to_owned(), logprob, top: top.iter().map(other).collect() }
    }

    #[test]
    fn tokens_that_cannot_be_those_of_their_draft_are_malformed() {
        let of = |tokens: &[proto::DraftedToken]| proto::DraftResponse {
            tokens: tokens.to_vec(),
            context_tokens: 7,
            ..draft(2, &[-1.0, -2.0])
        };
        let told = |tokens: &[proto::DraftedToken]| drafted(of(tokens), 2, Some(1));
        let sound = [token(" ", -1.0, &[(" b", -0.5)]), token("a", -2.0, &[])];
        let taken = told(&sound).unwrap();
        assert_eq!((taken.tokens[0].text.as_str(), taken.tokens[1].logprob, taken.context_tokens), (" ", -2.0, 7));
        assert_eq!(taken.tokens[0].top, [(" b".to_owned(), -0.5)]);
        assert_eq!(drafted(of(&sound), 2, None).unwrap().tokens, [], "nobody asked");
        let empty = || token("", -1.0, &[]);
        let three = [empty(), empty(), token(" a", -1.0, &[])];
        assert_eq!(told(&three), Err(Malformed::Tokens { tokens: 3, drafted: 2 }));
        assert_eq!(told(&[]).unwrap().tokens, [], "who tells none is taken at its word");
        for texts in
            [&[token(" ", -1.0, &[])][..], &[token(" b", -1.0, &[])], &[token(" a", -1.0, &[]), token("a", -1.0, &[])]]
        {
            assert_eq!(told(texts), Err(Malformed::TokenTexts), "{texts:?}");
        }
        let with = |logprob, top: &[(&str, f32)]| told(&[token(" a", logprob, top)]);
        assert_eq!(with(-1.0, &[("a", -1.0), ("b", -1.0)]), Err(Malformed::Alternatives { told: 2, asked: 1 }));
        assert_eq!(with(0.5, &[]), Err(Malformed::Positive(0.5)));
        assert_eq!(with(f32::NEG_INFINITY, &[]), Err(Malformed::NotFinite));
        assert_eq!(with(-1.0, &[("a", 0.5)]), Err(Malformed::Positive(0.5)));
        assert_eq!(with(-1.0, &[("a", f32::NAN)]), Err(Malformed::NotFinite));
        assert_eq!(with(-1.0, &[(&"x".repeat(1025), -1.0)]), Err(Malformed::TokenLength(1025)));
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
