//! What both ways to ask come to: requests of the contract, one for each prompt, and what is to be told of their answers.

use std::num::NonZeroU32;

use specfuse_proto::v1 as proto;

use super::{
    error::HttpError,
    types::{Asked, ChatMessage, ChatRequest, CompletionRequest, Content, Prompts, Role, StopStrings, StreamOptions},
};

const MOST_CHOICES: usize = 16;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// As it was given.
    pub(super) model: String,
    /// One for each prompt; at least one.
    pub(super) requests: Vec<proto::GenerateRequest>,
    /// Answers to each of them.
    pub(super) choices: NonZeroU32,
    pub(super) telling: Telling,
    pub(super) streams: bool,
    /// Of a stream: one more chunk, with the usage.
    pub(super) includes_usage: bool,
    /// The name under which the longest answer was given.
    limit: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Telling {
    pub(super) logprobs: bool,
    pub(super) trace: bool,
}

/// What both have, by the same names.
struct Shared {
    model: String,
    n: Option<u32>,
    max_tokens: Option<u32>,
    /// The name under which that was given.
    limit: &'static str,
    stop: Option<StopStrings>,
    sampling: proto::Sampling,
    seed: Option<i64>,
    top_logprobs: Option<u32>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    specfuse: Option<Asked>,
}

pub(super) fn chat(request: ChatRequest, request_id: &str) -> Result<Wanted, HttpError> {
    let ChatRequest { model, messages, temperature, top_p, max_tokens, max_completion_tokens, .. } = request;
    let ChatRequest { stop, seed, n, presence_penalty, frequency_penalty, logprobs, top_logprobs, .. } = request;
    let ChatRequest { stream, stream_options, specfuse, .. } = request;
    let limit = if max_completion_tokens.is_some() { "max_completion_tokens" } else { "max_tokens" };
    let max_tokens = match (max_tokens, max_completion_tokens) {
        (Some(one), Some(other)) if one != other => {
            let message = "max_tokens: it is the older name of max_completion_tokens: give one of them";
            return Err(HttpError::invalid(Some("max_tokens".to_owned()), message));
        }
        (one, other) => one.or(other),
    };
    let top_logprobs = match (logprobs.unwrap_or(false), top_logprobs) {
        (false, Some(_)) => {
            return Err(HttpError::invalid(Some("top_logprobs".to_owned()), "top_logprobs: it needs logprobs"));
        }
        (false, None) => None,
        (true, given) => Some(given.unwrap_or(0)),
    };
    let messages = messages.into_iter().enumerate().map(message).collect::<Result<_, _>>()?;
    let prompt = proto::generate_request::Prompt::Conversation(proto::Conversation { messages });
    let sampling = sampling(temperature, top_p, (presence_penalty, frequency_penalty), specfuse.as_ref());
    let shared =
        Shared { model, n, max_tokens, limit, stop, sampling, seed, top_logprobs, stream, stream_options, specfuse };
    shared.wanted(vec![prompt], request_id)
}

pub(super) fn completion(request: CompletionRequest, request_id: &str) -> Result<Wanted, HttpError> {
    let CompletionRequest { model, prompt, temperature, top_p, max_tokens, stop, seed, n, .. } = request;
    let CompletionRequest { presence_penalty, frequency_penalty, logprobs, stream, stream_options, .. } = request;
    let CompletionRequest { specfuse, best_of, .. } = request;
    if best_of.is_some_and(|best_of| best_of != n.unwrap_or(1)) {
        let message = "best_of: it is not supported beside n; the strategy \"best_of_n\" ranks whole answers";
        return Err(HttpError::invalid(Some("best_of".to_owned()), message));
    }
    let texts = match prompt {
        Prompts::One(text) => vec![text],
        Prompts::Many(texts) => texts,
    };
    let sampling = sampling(temperature, top_p, (presence_penalty, frequency_penalty), specfuse.as_ref());
    let (top_logprobs, limit) = (logprobs, "max_tokens");
    let shared =
        Shared { model, n, max_tokens, limit, stop, sampling, seed, top_logprobs, stream, stream_options, specfuse };
    let prompts = texts.into_iter().map(proto::generate_request::Prompt::Raw).collect();
    shared.wanted(prompts, request_id)
}

fn message((place, message): (usize, ChatMessage)) -> Result<proto::Message, HttpError> {
    let role = match message.role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let missing = || {
        let param = format!("messages[{place}].content");
        HttpError::invalid(Some(param.clone()), format!("{param}: it is missing"))
    };
    let content = message.content.map(Content::into_text).ok_or_else(missing)?;
    Ok(proto::Message { role: role.to_owned(), content })
}

fn sampling(
    temperature: Option<f32>,
    top_p: Option<f32>,
    (presence_penalty, frequency_penalty): (Option<f32>, Option<f32>),
    asked: Option<&Asked>,
) -> proto::Sampling {
    proto::Sampling {
        temperature: temperature.unwrap_or(0.0),
        top_p,
        top_k: asked.and_then(|asked| asked.top_k).unwrap_or(0),
        min_p: asked.and_then(|asked| asked.min_p).unwrap_or(0.0),
        seed: 0,
        repetition_penalty: asked.and_then(|asked| asked.repetition_penalty),
        presence_penalty: presence_penalty.unwrap_or(0.0),
        frequency_penalty: frequency_penalty.unwrap_or(0.0),
    }
}

impl Shared {
    /// `n` choices for each prompt, one after another.
    fn wanted(self, prompts: Vec<proto::generate_request::Prompt>, request_id: &str) -> Result<Wanted, HttpError> {
        let stream = self.stream.unwrap_or(false);
        if self.stream_options.is_some() && !stream {
            return Err(HttpError::invalid(Some("stream_options".to_owned()), "stream_options: it needs stream"));
        }
        let n = self.n.unwrap_or(1);
        let in_all = prompts.len().saturating_mul(n.try_into().unwrap_or(usize::MAX));
        let choices = NonZeroU32::new(n).filter(|_| (1..=MOST_CHOICES).contains(&in_all));
        let Some(choices) = choices else {
            let param = if prompts.is_empty() { "prompt" } else { "n" };
            let message = format!("{param}: {in_all} choices are asked for, 1 to {MOST_CHOICES} are allowed");
            return Err(HttpError::invalid(Some(param.to_owned()), message));
        };
        // Those who give no seed expect another answer each time.
        let seed = self.seed.map_or_else(rand::random, i64::cast_unsigned);
        let asked = self.specfuse.unwrap_or_default();
        let (ensemble, strategy) = model(&self.model, asked.strategy.as_deref())?;
        let (adjustment, stop) = (adjustment(&asked), self.stop.map(StopStrings::into_list).unwrap_or_default());
        let numbered = (0_u64..).zip(prompts);
        let request = |(number, prompt): (u64, proto::generate_request::Prompt)| proto::GenerateRequest {
            ensemble: ensemble.clone(),
            prompt: Some(prompt),
            max_tokens: self.max_tokens,
            sampling: Some(proto::Sampling { seed: seed.wrapping_add(number << 32), ..self.sampling }),
            stop: stop.clone(),
            request_id: request_id.to_owned(),
            strategy: strategy.clone(),
            top_logprobs: self.top_logprobs,
            adjustment: adjustment.clone(),
            record: asked.record.unwrap_or(false),
        };
        Ok(Wanted {
            requests: numbered.map(request).collect(),
            choices,
            telling: Telling { logprobs: self.top_logprobs.is_some(), trace: asked.trace.unwrap_or(false) },
            streams: stream,
            includes_usage: self.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
            limit: self.limit,
            model: self.model,
        })
    }
}

/// The ensemble's name has no slash; a member's may.
fn model(model: &str, strategy: Option<&str>) -> Result<(String, String), HttpError> {
    match (model.split_once('/'), strategy) {
        (Some(_), Some(_)) => {
            let message = "specfuse.strategy: a member alone has none: give the ensemble as the model";
            Err(HttpError::invalid(Some("specfuse.strategy".to_owned()), message))
        }
        (Some((ensemble, member)), None) => Ok((ensemble.to_owned(), format!("single/{member}"))),
        (None, strategy) => Ok((model.to_owned(), strategy.unwrap_or_default().to_owned())),
    }
}

fn adjustment(asked: &Asked) -> Option<proto::Adjustment> {
    let adjustment = proto::Adjustment {
        segment_tokens: asked.segment_tokens,
        exit: asked.exit.clone(),
        theta: asked.theta,
        tau: asked.tau,
        score: asked.score.clone(),
        min_members: asked.min_members,
    };
    (adjustment != proto::Adjustment::default()).then_some(adjustment)
}

/// What fields of the contract are called here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Naming {
    /// The model is a member alone: the strategy was not given by that name.
    is_member: bool,
    prompt: &'static str,
    limit: &'static str,
}

impl Naming {
    pub(super) fn of(self, field: &str) -> String {
        let of_ours = ["top_k", "min_p", "repetition_penalty"];
        match field.split_once('.') {
            Some(("sampling", name)) if of_ours.contains(&name) => format!("specfuse.{name}"),
            Some(("sampling" | "conversation", name)) => name.to_owned(),
            Some(("adjustment", name)) => format!("specfuse.{name}"),
            _ if field == "ensemble" || field == "strategy" && self.is_member => "model".to_owned(),
            _ if field == "strategy" || field == "record" => format!("specfuse.{field}"),
            _ if field == "raw" || field == "prompt" => self.prompt.to_owned(),
            _ if field == "max_tokens" => self.limit.to_owned(),
            _ if field == "request_id" => "x-request-id".to_owned(),
            _ => field.to_owned(),
        }
    }
}

impl Wanted {
    pub(super) fn naming(&self) -> Naming {
        let conversation = |request: &proto::GenerateRequest| {
            matches!(request.prompt, Some(proto::generate_request::Prompt::Conversation(_)))
        };
        let prompt = if self.requests.iter().any(conversation) { "messages" } else { "prompt" };
        Naming { is_member: self.model.contains('/'), prompt, limit: self.limit }
    }
}
