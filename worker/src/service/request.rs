//! Wire requests into calls that cannot be wrong: after this file nobody checks them again. What depends on the model (its
//! template, its context length) is not known here.

use std::collections::HashMap;

use specfuse_proto::v1 as wire;

use crate::{
    chat_template::{Message, Role},
    context::{Context, Prompt},
    engine::Sampling,
};

pub(super) const MAX_REQUEST_ID: usize = 128;
pub(super) const MAX_NEW_TOKENS: u32 = 4096;
pub(super) const MAX_CANDIDATES: usize = 64;
const MAX_TEMPERATURE: f32 = 100.0;
const MAX_REPETITION_PENALTY: f32 = 10.0;
const MAX_BIASED_TOKENS: usize = 1024;
const MAX_BIAS: f32 = 100.0;
const MAX_ALTERNATIVES: u32 = 20;

#[derive(Debug)]
pub(super) struct DraftCall {
    pub(super) name: CallName,
    pub(super) context: Context,
    pub(super) max_new: usize,
    /// Fewer where the context leaves less room.
    pub(super) as_fits: bool,
    pub(super) sampling: Sampling,
    /// So many alternatives are told for each token; None: tokens are not told.
    pub(super) top_logprobs: Option<usize>,
}

#[derive(Debug)]
pub(super) struct ScoreCall {
    pub(super) name: CallName,
    pub(super) context: Context,
    /// 1 to [`MAX_CANDIDATES`].
    pub(super) candidates: Vec<Candidate>,
}

/// What a call is called in logs.
#[derive(Clone, Debug)]
pub(super) struct CallName {
    pub(super) request_id: String,
    pub(super) round: u32,
}

/// With a text or finished or both.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) text: String,
    pub(super) finished: bool,
}

/// What is wrong with a request, and what is allowed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    #[error("request_id has {0} characters, allowed are 1 to {MAX_REQUEST_ID}")]
    RequestId(usize),
    #[error("round is 0, rounds count from 1")]
    Round,
    #[error("the context is missing")]
    NoContext,
    #[error("the context has neither a conversation nor a raw prompt")]
    NoPrompt,
    #[error("the raw prompt is empty")]
    EmptyPrompt,
    #[error("the conversation has no messages")]
    NoMessages,
    #[error("message {index} has the role {role:?}, allowed are \"system\", \"user\" and \"assistant\"")]
    Role { index: usize, role: String },
    #[error("max_tokens is {0}, allowed are 1 to {MAX_NEW_TOKENS}")]
    MaxTokens(u32),
    #[error("sampling.{field} is {value}, allowed is {allowed}")]
    Sampling { field: &'static str, value: f32, allowed: &'static str },
    #[error("logit_bias has {0} tokens, allowed are up to {MAX_BIASED_TOKENS}")]
    BiasedTokens(usize),
    #[error("logit_bias of token {token} is {bias}, allowed is -100 to 100")]
    Bias { token: u32, bias: f32 },
    #[error("logit_bias names token {token}, allowed are those of the model's vocabulary, 0 to {highest}")]
    UnknownBiasedToken { token: u32, highest: usize },
    #[error("top_logprobs is {0}, allowed are 0 to {MAX_ALTERNATIVES}")]
    TopLogprobs(u32),
    #[error("there are {0} candidates, allowed are 1 to {MAX_CANDIDATES}")]
    Candidates(usize),
    #[error("candidate {0} has neither a text nor an end")]
    EmptyCandidate(usize),
}

impl TryFrom<wire::DraftRequest> for DraftCall {
    type Error = RequestError;

    fn try_from(request: wire::DraftRequest) -> Result<Self, RequestError> {
        let name = name(request.request_id, request.round)?;
        let context = context(request.context)?;
        if !(1..=MAX_NEW_TOKENS).contains(&request.max_tokens) {
            return Err(RequestError::MaxTokens(request.max_tokens));
        }
        let logit_bias = logit_bias(request.logit_bias)?;
        let sampling = Sampling { logit_bias, ..sampling(&request.sampling.unwrap_or_default())? };
        let top_logprobs = match request.top_logprobs {
            Some(given) if given > MAX_ALTERNATIVES => return Err(RequestError::TopLogprobs(given)),
            given => given.map(|given| given as usize),
        };
        let (max_new, as_fits) = (request.max_tokens as usize, request.as_fits);
        Ok(Self { name, context, max_new, as_fits, sampling, top_logprobs })
    }
}

impl TryFrom<wire::ScoreRequest> for ScoreCall {
    type Error = RequestError;

    fn try_from(request: wire::ScoreRequest) -> Result<Self, RequestError> {
        let name = name(request.request_id, request.round)?;
        let context = context(request.context)?;
        if !(1..=MAX_CANDIDATES).contains(&request.candidates.len()) {
            return Err(RequestError::Candidates(request.candidates.len()));
        }
        if let Some(index) = request.candidates.iter().position(|c| c.text.is_empty() && !c.finished) {
            return Err(RequestError::EmptyCandidate(index));
        }
        let candidates =
            request.candidates.into_iter().map(|c| Candidate { text: c.text, finished: c.finished }).collect();
        Ok(Self { name, context, candidates })
    }
}

fn name(request_id: String, round: u32) -> Result<CallName, RequestError> {
    let length = request_id.chars().count();
    if !(1..=MAX_REQUEST_ID).contains(&length) {
        return Err(RequestError::RequestId(length));
    }
    if round == 0 {
        return Err(RequestError::Round);
    }
    Ok(CallName { request_id, round })
}

fn context(context: Option<wire::Context>) -> Result<Context, RequestError> {
    let wire::Context { prompt, accepted } = context.ok_or(RequestError::NoContext)?;
    let prompt = match prompt.ok_or(RequestError::NoPrompt)? {
        wire::context::Prompt::Raw(prompt) if prompt.is_empty() => return Err(RequestError::EmptyPrompt),
        wire::context::Prompt::Raw(prompt) => Prompt::Raw(prompt),
        wire::context::Prompt::Conversation(conversation) => Prompt::Conversation(messages(conversation)?),
    };
    Ok(Context { prompt, accepted })
}

fn messages(conversation: wire::Conversation) -> Result<Vec<Message>, RequestError> {
    if conversation.messages.is_empty() {
        return Err(RequestError::NoMessages);
    }
    let message =
        |(index, wire::Message { role, content })| match Role::ALL.into_iter().find(|known| known.name() == role) {
            Some(role) => Ok(Message { role, content }),
            None => Err(RequestError::Role { index, role }),
        };
    conversation.messages.into_iter().enumerate().map(message).collect()
}

/// All but the bias. A number that is not finite is in no range.
fn sampling(wire: &wire::Sampling) -> Result<Sampling, RequestError> {
    let (top_p, repetition) = (wire.top_p.unwrap_or(1.0), wire.repetition_penalty.unwrap_or(1.0));
    let (presence, frequency) = (wire.presence_penalty, wire.frequency_penalty);
    let is_repetition = repetition > 0.0 && repetition <= MAX_REPETITION_PENALTY;
    let checks = [
        ("temperature", wire.temperature, (0.0..=MAX_TEMPERATURE).contains(&wire.temperature), "0 to 100"),
        ("top_p", top_p, top_p > 0.0 && top_p <= 1.0, "more than 0, to 1"),
        ("min_p", wire.min_p, (0.0..=1.0).contains(&wire.min_p), "0 to 1"),
        ("repetition_penalty", repetition, is_repetition, "more than 0, to 10"),
        ("presence_penalty", presence, (-2.0..=2.0).contains(&presence), "-2 to 2"),
        ("frequency_penalty", frequency, (-2.0..=2.0).contains(&frequency), "-2 to 2"),
    ];
    if let Some((field, value, _, allowed)) = checks.into_iter().find(|(_, _, in_range, _)| !in_range) {
        return Err(RequestError::Sampling { field, value, allowed });
    }
    Ok(Sampling {
        temperature: wire.temperature,
        top_p,
        top_k: usize::try_from(wire.top_k).unwrap_or(usize::MAX),
        min_p: wire.min_p,
        seed: wire.seed,
        repetition_penalty: repetition,
        presence_penalty: presence,
        frequency_penalty: frequency,
        logit_bias: Vec::new(),
    })
}

/// By ascending token, so that the same call is always refused for the same token.
fn logit_bias(wire: HashMap<u32, f32>) -> Result<Vec<(u32, f32)>, RequestError> {
    if wire.len() > MAX_BIASED_TOKENS {
        return Err(RequestError::BiasedTokens(wire.len()));
    }
    let mut biases: Vec<(u32, f32)> = wire.into_iter().collect();
    biases.sort_unstable_by_key(|(token, _)| *token);
    match biases.iter().find(|(_, bias)| !(-MAX_BIAS..=MAX_BIAS).contains(bias)) {
        Some((token, bias)) => Err(RequestError::Bias { token: *token, bias: *bias }),
        None => Ok(biases),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(content: &str) -> wire::Message {
        wire::Message { role: "user".to_owned(), content: content.to_owned() }
    }

    fn conversation(messages: Vec<wire::Message>) -> Option<wire::Context> {
        let prompt = Some(wire::context::Prompt::Conversation(wire::Conversation { messages }));
        Some(wire::Context { prompt, accepted: "so far".to_owned() })
    }

    fn raw(prompt: &str) -> Option<wire::Context> {
        let prompt = Some(wire::context::Prompt::Raw(prompt.to_owned()));
        Some(wire::Context { prompt, accepted: String::new() })
    }

    fn draft() -> wire::DraftRequest {
        wire::DraftRequest {
            request_id: "r".to_owned(),
            round: 1,
            context: conversation(vec![user("Hi")]),
            max_tokens: 10,
            sampling: None,
            logit_bias: HashMap::new(),
            as_fits: false,
            top_logprobs: None,
        }
    }

    fn score(candidates: &[(&str, bool)]) -> wire::ScoreRequest {
        let candidates =
            candidates.iter().map(|(text, finished)| wire::Candidate { text: (*text).to_owned(), finished: *finished });
        wire::ScoreRequest { request_id: "r".to_owned(), round: 1, context: raw("p"), candidates: candidates.collect() }
    }

    fn refused(change: impl FnOnce(&mut wire::DraftRequest)) -> RequestError {
        let mut request = draft();
        change(&mut request);
        DraftCall::try_from(request).unwrap_err()
    }

    fn refused_sampling(sampling: wire::Sampling) -> String {
        refused(|request| request.sampling = Some(sampling)).to_string()
    }

    #[test]
    fn a_draft_without_sampling_is_greedy_over_everything() {
        let call = DraftCall::try_from(draft()).unwrap();
        assert_eq!((call.sampling, call.top_logprobs), (Sampling::default(), None));
        assert_eq!((call.max_new, call.context.accepted.as_str()), (10, "so far"));
    }

    #[test]
    fn the_ends_of_every_range_are_allowed() {
        let mut request = draft();
        request.request_id = "é".repeat(128);
        request.max_tokens = 4096;
        request.sampling = Some(wire::Sampling {
            temperature: 100.0,
            top_p: Some(1.0),
            top_k: u32::MAX,
            min_p: 1.0,
            seed: u64::MAX,
            repetition_penalty: Some(10.0),
            presence_penalty: -2.0,
            frequency_penalty: 2.0,
        });
        request.top_logprobs = Some(20);
        request.logit_bias = (0..1024).map(|token| (token, if token == 7 { 100.0 } else { -100.0 })).collect();
        let call = DraftCall::try_from(request).unwrap();
        assert_eq!(call.sampling.logit_bias[6..8], [(6, -100.0), (7, 100.0)]);
        assert!(ScoreCall::try_from(score(&vec![("a", false); 64])).is_ok());
        assert!(ScoreCall::try_from(score(&[("", true), ("a", true)])).is_ok());
    }

    #[test]
    fn a_draft_out_of_range_is_refused_by_name() {
        assert_eq!(refused(|r| r.request_id.clear()), RequestError::RequestId(0));
        assert_eq!(refused(|r| r.request_id = "x".repeat(129)), RequestError::RequestId(129));
        assert_eq!(refused(|r| r.round = 0), RequestError::Round);
        assert_eq!(refused(|r| r.max_tokens = 0), RequestError::MaxTokens(0));
        assert_eq!(refused(|r| r.max_tokens = 4097), RequestError::MaxTokens(4097));
        assert_eq!(refused(|r| r.top_logprobs = Some(21)), RequestError::TopLogprobs(21));
        assert_eq!(refused(|r| r.context = None), RequestError::NoContext);
        assert_eq!(refused(|r| r.context = Some(wire::Context::default())), RequestError::NoPrompt);
        assert_eq!(refused(|r| r.context = conversation(vec![])), RequestError::NoMessages);
        assert_eq!(refused(|r| r.context = raw("")), RequestError::EmptyPrompt);
    }

    #[test]
    fn an_unknown_role_is_answered_with_the_allowed_ones() {
        for role in ["", "tool", "User"] {
            let message = wire::Message { role: role.to_owned(), content: String::new() };
            let error = refused(|r| r.context = conversation(vec![user("a"), message]));
            assert_eq!(error, RequestError::Role { index: 1, role: role.to_owned() });
            assert!(error.to_string().ends_with(r#"allowed are "system", "user" and "assistant""#), "{error}");
        }
    }

    #[test]
    fn sampling_out_of_range_or_not_finite_is_refused() {
        for temperature in [-0.1, 100.1, f32::NAN, f32::INFINITY] {
            let refusal = refused_sampling(wire::Sampling { temperature, ..Default::default() });
            assert!(refusal.starts_with("sampling.temperature is"), "{refusal}");
        }
        for top_p in [0.0, -1.0, 1.1, f32::NAN] {
            let refusal = refused_sampling(wire::Sampling { top_p: Some(top_p), ..Default::default() });
            assert!(refusal.starts_with("sampling.top_p is"), "{refusal}");
        }
        for min_p in [-0.1, 1.1, f32::NAN] {
            let refusal = refused_sampling(wire::Sampling { min_p, ..Default::default() });
            assert!(refusal.starts_with("sampling.min_p is"), "{refusal}");
        }
    }

    #[test]
    fn penalties_out_of_range_or_not_finite_are_refused_by_name() {
        for penalty in [0.0, -1.0, 10.1, f32::NAN, f32::INFINITY] {
            let refusal = refused_sampling(wire::Sampling { repetition_penalty: Some(penalty), ..Default::default() });
            let expected = format!("sampling.repetition_penalty is {penalty}, allowed is more than 0, to 10");
            assert_eq!(refusal, expected);
        }
        for penalty in [-2.1, 2.1, f32::NAN, f32::NEG_INFINITY] {
            let refusal = refused_sampling(wire::Sampling { presence_penalty: penalty, ..Default::default() });
            assert_eq!(refusal, format!("sampling.presence_penalty is {penalty}, allowed is -2 to 2"));
            let refusal = refused_sampling(wire::Sampling { frequency_penalty: penalty, ..Default::default() });
            assert_eq!(refusal, format!("sampling.frequency_penalty is {penalty}, allowed is -2 to 2"));
        }
    }

    #[test]
    fn a_bias_out_of_range_or_of_too_many_tokens_is_refused() {
        assert_eq!(
            refused(|r| r.logit_bias = (0..1025).map(|token| (token, 1.0)).collect()),
            RequestError::BiasedTokens(1025)
        );
        for bias in [100.5, f32::NAN, f32::INFINITY] {
            let refusal = refused(|r| r.logit_bias = [(9, bias), (3, 1.0), (12, bias)].into()).to_string();
            assert_eq!(refusal, format!("logit_bias of token 9 is {bias}, allowed is -100 to 100"));
        }
    }

    #[test]
    fn candidates_are_counted_and_none_is_empty() {
        let refused = |candidates: &[(&str, bool)]| ScoreCall::try_from(score(candidates)).unwrap_err();
        assert_eq!(refused(&[]), RequestError::Candidates(0));
        assert_eq!(refused(&vec![("a", false); 65]), RequestError::Candidates(65));
        assert_eq!(refused(&[("a", false), ("", false)]), RequestError::EmptyCandidate(1));
    }
}
