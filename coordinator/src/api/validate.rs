//! A request from the wire → a [`GenerateRequest`] that cannot be wrong. Says what is wrong and what is allowed.

mod adjustment;
mod field;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use specfuse_proto::v1 as proto;
use specfuse_runtime::propagation::Origin;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;

use crate::{
    config::{Ensemble, Misfit},
    request::{GenerateRequest, Message, Prompt, Role, Sampling},
    strategy::{self, Unsupported},
};

const MOST_MESSAGES: usize = 1024;
const MOST_STOP_STRINGS: usize = 16;
const MOST_ALTERNATIVES: u32 = 20;
/// Bytes of UTF-8.
const LONGEST_STOP_STRING: usize = 256;
/// Characters.
pub(super) const LONGEST_REQUEST_ID: usize = 128;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("there is no ensemble {name:?}; there are: {known}")]
    UnknownEnsemble { name: String, known: String },
    #[error("ensemble: name one of {known}: none of them is called \"default\"")]
    NoDefaultEnsemble { known: String },
    #[error("prompt: either conversation or raw must be given")]
    NoPrompt,
    #[error("conversation.messages: at least one message is needed")]
    NoMessages,
    #[error("conversation.messages: there are {given}, at most {MOST_MESSAGES} are allowed")]
    Messages { given: usize },
    #[error("conversation.messages[{place}].role: {role:?} is not one of \"system\", \"user\" and \"assistant\"")]
    Role { place: usize, role: String },
    #[error("conversation.messages: at least one of them must have content")]
    NoContent,
    #[error("raw: the prompt must not be empty")]
    EmptyRaw,
    #[error("max_tokens: {given} is not in 1 to {limit}")]
    MaxTokens { given: u32, limit: u32 },
    #[error("sampling.{name}: {given} is not {allowed}")]
    Sampling { name: &'static str, given: f32, allowed: &'static str },
    #[error("stop: {given} strings are given, at most {MOST_STOP_STRINGS} are allowed")]
    StopStrings { given: usize },
    #[error("stop[{place}]: {bytes} bytes, 1 to {LONGEST_STOP_STRING} are allowed")]
    StopString { place: usize, bytes: usize },
    #[error("request_id: {given} characters, at most {LONGEST_REQUEST_ID} are allowed")]
    RequestId { given: usize },
    #[error("request_id: control characters are not allowed")]
    ControlCharacters,
    #[error("top_logprobs: {given} is not in 0 to {MOST_ALTERNATIVES}")]
    TopLogprobs { given: u32 },
    #[error("strategy: ensemble {ensemble} has no {name:?}; it has: {known}")]
    UnknownStrategy { ensemble: Arc<str>, name: String, known: String },
    #[error("adjustment.{0}")]
    Adjustment(Misfit),
    #[error("adjustment.{field}: ensemble {ensemble} does not let requests change it: they may change {allowed}")]
    NotAdjustable { ensemble: Arc<str>, field: &'static str, allowed: String },
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    #[error("record: this coordinator keeps no recordings")]
    NoRecordings,
    #[error("grpc-timeout: it is not 1 to 8 digits and one of H, M, S, m, u and n")]
    Timeout,
}

type Ensembles = BTreeMap<String, Arc<Ensemble>>;

pub(super) fn request(wire: proto::GenerateRequest, ensembles: &Ensembles) -> Result<GenerateRequest, Invalid> {
    let ensemble = ensemble(&wire.ensemble, ensembles)?;
    let strategy = strategy(&wire.strategy, &ensemble)?;
    let prompt = prompt(wire.prompt)?;
    let max_tokens = max_tokens(wire.max_tokens, &ensemble)?;
    let stop = stop(wire.stop)?;
    strategy.supports(&prompt, &stop, max_tokens)?;
    let strategy = adjustment::applied(wire.adjustment, strategy, &ensemble)?;
    Ok(GenerateRequest {
        prompt: Arc::new(prompt),
        max_tokens,
        sampling: sampling(wire.sampling)?,
        stop,
        top_logprobs: top_logprobs(wire.top_logprobs)?,
        record: wire.record,
        request_id: request_id(wire.request_id)?,
        strategy,
        ensemble,
        key: None,
        deadline: None,
        origin: Origin::default(),
    })
}

/// The header that gRPC clients send with a deadline, as the protocol defines it. Too far away to be reckoned with: none.
pub(super) fn deadline(metadata: &MetadataMap, now: Instant) -> Result<Option<Instant>, Invalid> {
    let Some(header) = metadata.get("grpc-timeout") else { return Ok(None) };
    let (digits, unit) =
        header.as_bytes().split_last().map(|(unit, digits)| (digits, *unit)).ok_or(Invalid::Timeout)?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Invalid::Timeout);
    }
    let value = digits.iter().fold(0, |value: u64, digit| value * 10 + u64::from(digit - b'0'));
    let timeout = match unit {
        b'H' => Duration::from_secs(value * 3600),
        b'M' => Duration::from_secs(value * 60),
        b'S' => Duration::from_secs(value),
        b'm' => Duration::from_millis(value),
        b'u' => Duration::from_micros(value),
        b'n' => Duration::from_nanos(value),
        _ => return Err(Invalid::Timeout),
    };
    Ok(now.checked_add(timeout))
}

fn ensemble(name: &str, ensembles: &Ensembles) -> Result<Arc<Ensemble>, Invalid> {
    let known = || ensembles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    if !name.is_empty() {
        let unknown = || Invalid::UnknownEnsemble { name: name.to_owned(), known: known() };
        return ensembles.get(name).cloned().ok_or_else(unknown);
    }
    let only = ensembles.values().next().filter(|_| ensembles.len() == 1);
    only.or_else(|| ensembles.get("default")).cloned().ok_or_else(|| Invalid::NoDefaultEnsemble { known: known() })
}

fn strategy(name: &str, ensemble: &Ensemble) -> Result<Arc<strategy::Strategy>, Invalid> {
    if name.is_empty() {
        return Ok(Arc::clone(&ensemble.strategy));
    }
    let known = || ensemble.strategies.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    ensemble.strategies.get(name).cloned().ok_or_else(|| Invalid::UnknownStrategy {
        ensemble: ensemble.name.clone(),
        name: name.to_owned(),
        known: known(),
    })
}

fn prompt(wire: Option<proto::generate_request::Prompt>) -> Result<Prompt, Invalid> {
    match wire {
        None => Err(Invalid::NoPrompt),
        Some(proto::generate_request::Prompt::Raw(raw)) if raw.is_empty() => Err(Invalid::EmptyRaw),
        Some(proto::generate_request::Prompt::Raw(raw)) => Ok(Prompt::Raw(raw)),
        Some(proto::generate_request::Prompt::Conversation(conversation)) => {
            if conversation.messages.is_empty() {
                return Err(Invalid::NoMessages);
            }
            if conversation.messages.len() > MOST_MESSAGES {
                return Err(Invalid::Messages { given: conversation.messages.len() });
            }
            let numbered = conversation.messages.into_iter().enumerate();
            let messages = numbered.map(|(place, wire)| message(place, wire)).collect::<Result<Vec<_>, _>>()?;
            if messages.iter().all(|message| message.content.is_empty()) {
                return Err(Invalid::NoContent);
            }
            Ok(Prompt::Conversation(messages))
        }
    }
}

fn message(place: usize, wire: proto::Message) -> Result<Message, Invalid> {
    match Role::parse(&wire.role) {
        Some(role) => Ok(Message { role, content: wire.content }),
        None => Err(Invalid::Role { place, role: wire.role }),
    }
}

fn max_tokens(given: Option<u32>, ensemble: &Ensemble) -> Result<NonZeroU32, Invalid> {
    let limit = ensemble.max_tokens_limit;
    match given {
        None => Ok(ensemble.default_max_tokens),
        Some(given) => NonZeroU32::new(given)
            .filter(|given| *given <= limit)
            .ok_or(Invalid::MaxTokens { given, limit: limit.get() }),
    }
}

fn sampling(wire: Option<proto::Sampling>) -> Result<Sampling, Invalid> {
    let wire = wire.unwrap_or_default();
    let proto::Sampling { temperature, top_p, top_k, min_p, seed, .. } = wire;
    let proto::Sampling { repetition_penalty, presence_penalty, frequency_penalty, .. } = wire;
    let wrong = |name, given, allowed| Err(Invalid::Sampling { name, given, allowed });
    if !(0.0..=100.0).contains(&temperature) {
        return wrong("temperature", temperature, "in 0 to 100");
    }
    if let Some(top_p) = top_p.filter(|top_p| !(*top_p > 0.0 && *top_p <= 1.0)) {
        return wrong("top_p", top_p, "above 0 and at most 1");
    }
    if !(0.0..=1.0).contains(&min_p) {
        return wrong("min_p", min_p, "in 0 to 1");
    }
    if let Some(penalty) = repetition_penalty.filter(|penalty| !(*penalty > 0.0 && *penalty <= 10.0)) {
        return wrong("repetition_penalty", penalty, "above 0 and at most 10");
    }
    for (name, penalty) in [("presence_penalty", presence_penalty), ("frequency_penalty", frequency_penalty)] {
        if !(-2.0..=2.0).contains(&penalty) {
            return wrong(name, penalty, "in -2 to 2");
        }
    }
    Ok(Sampling { temperature, top_p, top_k, min_p, seed, repetition_penalty, presence_penalty, frequency_penalty })
}

fn stop(stop: Vec<String>) -> Result<Vec<String>, Invalid> {
    if stop.len() > MOST_STOP_STRINGS {
        return Err(Invalid::StopStrings { given: stop.len() });
    }
    let wrong = |string: &String| !(1..=LONGEST_STOP_STRING).contains(&string.len());
    match stop.iter().enumerate().find(|(_, string)| wrong(string)) {
        Some((place, string)) => Err(Invalid::StopString { place, bytes: string.len() }),
        None => Ok(stop),
    }
}

fn top_logprobs(given: Option<u32>) -> Result<Option<u32>, Invalid> {
    match given {
        Some(given) if given > MOST_ALTERNATIVES => Err(Invalid::TopLogprobs { given }),
        Some(_) | None => Ok(given),
    }
}

fn request_id(given: String) -> Result<Arc<str>, Invalid> {
    let characters = given.chars().count();
    match characters {
        0 => Ok(uuid::Uuid::new_v4().to_string().into()),
        1..=LONGEST_REQUEST_ID if given.chars().any(char::is_control) => Err(Invalid::ControlCharacters),
        1..=LONGEST_REQUEST_ID => Ok(given.into()),
        _ => Err(Invalid::RequestId { given: characters }),
    }
}
