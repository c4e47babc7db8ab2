//! One question to one strategy: a call with a deadline, repeated as long as the coordinator says that it is busy.

use std::time::Duration;

use specfuse_eval::{
    question::{Prompt, Question},
    record::Record,
};
use specfuse_proto::v1::{
    Conversation, GenerateRequest, Message, Sampling, ensemble_service_client::EnsembleServiceClient, generate_request,
    generate_response::Event,
};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Request, Status, transport::Channel};

use super::{args::WhatArgs, digest::Digest, heard::Heard, target::Target};
use crate::{
    access::Access,
    stream::{StreamError, rejected},
};

/// For one answer.
const DEADLINE: Duration = Duration::from_secs(600);
/// The coordinator itself ends with the deadline; this is for one that does not.
const GRACE: Duration = Duration::from_secs(5);
/// How long a busy coordinator is asked again.
const PATIENCE: Duration = Duration::from_secs(600);
/// Where it does not say when to come back; and the longest that it may say.
const COME_BACK: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The trailer in which it says so: milliseconds, negative for never.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Asks, always in the same way.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    client: EnsembleServiceClient<Channel>,
    access: Access,
    ensemble: String,
    temperature: f32,
    seed: u64,
    max_tokens: Option<u32>,
}

impl Asker {
    pub(super) fn new(target: &Target, what: &WhatArgs) -> Self {
        let access = target.access.clone();
        let client = EnsembleServiceClient::new(access.channel());
        let &WhatArgs { temperature, seed, max_tokens, .. } = what;
        Self { client, access, ensemble: target.ensemble.name.clone(), temperature, seed, max_tokens }
    }

    /// The record says why there is no answer, where it is this question that gets none; an error concerns all questions.
    pub(super) async fn ask(&self, question: &Question, strategy: &str) -> Result<Record, StreamError> {
        let seed = seed(self.seed, &question.id);
        let patient_until = Instant::now() + PATIENCE;
        loop {
            let begun = Instant::now();
            let mut heard = Heard::default();
            let ended =
                match timeout(DEADLINE + GRACE, self.hear(self.request(question, strategy, seed), &mut heard)).await {
                    Ok(ended) => ended,
                    Err(_) => Err(StreamError::Refused(Box::new(Status::deadline_exceeded("no answer in time")))),
                };
            match ended {
                Err(StreamError::Refused(status)) if status.code() == Code::ResourceExhausted => {
                    let wait = come_back(&status).map(|wait| wait + spread(seed));
                    match wait.filter(|wait| Instant::now() + *wait < patient_until) {
                        Some(wait) => sleep(wait).await,
                        None => return Ok(heard.record(question, strategy, (Err(said(&status)), begun.elapsed()))),
                    }
                }
                Err(error) if concerns_all(&error) => return Err(error),
                ended => {
                    let ended = ended.map_err(|error| error.to_string());
                    return Ok(heard.record(question, strategy, (ended, begun.elapsed())));
                }
            }
        }
    }

    async fn hear(&self, request: GenerateRequest, heard: &mut Heard) -> Result<(), StreamError> {
        let mut request = Request::new(request);
        request.set_timeout(DEADLINE);
        if let Some(authorization) = &self.access.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        let begun = Instant::now();
        let answer = self.client.clone().generate(request).await;
        let mut events = answer.map_err(|status| broken_off(&self.access.url, status))?.into_inner();
        loop {
            let event = events.message().await.map_err(|status| StreamError::Refused(Box::new(status)))?;
            match event.ok_or(StreamError::Unfinished)?.event {
                Some(Event::Segment(segment)) => heard.segment(segment, begun.elapsed()),
                Some(Event::Finished(finished)) => {
                    heard.finished(finished, begun.elapsed());
                    return Ok(());
                }
                // An event that this program is too old to know.
                None => {}
            }
        }
    }

    fn request(&self, question: &Question, strategy: &str, seed: u64) -> GenerateRequest {
        let sampling = Sampling { temperature: self.temperature, seed, ..Sampling::default() };
        GenerateRequest {
            ensemble: self.ensemble.clone(),
            prompt: Some(prompt(&question.prompt)),
            max_tokens: self.max_tokens,
            sampling: Some(sampling),
            strategy: strategy.to_owned(),
            ..GenerateRequest::default()
        }
    }
}

/// That a coordinator is there is known: only where nobody can be reached any more is it about more than this answer.
fn broken_off(url: &str, status: Status) -> StreamError {
    if status.code() == Code::Unavailable { rejected(url, status) } else { StreamError::Refused(Box::new(status)) }
}

fn prompt(prompt: &Prompt) -> generate_request::Prompt {
    match prompt {
        Prompt::Raw(text) => generate_request::Prompt::Raw(text.clone()),
        Prompt::Conversation(messages) => {
            let messages = messages
                .iter()
                .map(|message| Message { role: message.role.clone(), content: message.content.clone() })
                .collect();
            generate_request::Prompt::Conversation(Conversation { messages })
        }
    }
}

/// Another for each question, and the same whichever others are asked.
fn seed(seed: u64, question: &str) -> u64 {
    let mut digest = Digest::new();
    digest.part(&seed.to_le_bytes());
    digest.part(question.as_bytes());
    digest.number()
}

/// None: not at all.
fn come_back(status: &Status) -> Option<Duration> {
    let Some(told) = status.metadata().get(PUSHBACK) else { return Some(COME_BACK) };
    let milliseconds: i64 = told.to_str().ok()?.parse().ok()?;
    u64::try_from(milliseconds).ok().map(|wait| Duration::from_millis(wait).min(LONGEST_WAIT))
}

/// So that those who were refused together do not come back together.
fn spread(seed: u64) -> Duration {
    Duration::from_millis(seed % 250)
}

fn said(status: &Status) -> String {
    format!("busy: {}", status.message())
}

/// Whether no question would be answered.
fn concerns_all(error: &StreamError) -> bool {
    match error {
        StreamError::Refused(status) => {
            matches!(status.code(), Code::NotFound | Code::Unauthenticated | Code::PermissionDenied)
        }
        StreamError::Unfinished => false,
        StreamError::Connect { .. }
        | StreamError::NoCoordinator { .. }
        | StreamError::NoGrpc { .. }
        | StreamError::Output(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataMap;

    use super::*;

    #[test]
    fn a_busy_coordinator_says_when_to_come_back_and_may_say_never() {
        let wait = |told: Option<&'static str>| {
            let mut metadata = MetadataMap::new();
            if let Some(told) = told {
                metadata.insert(PUSHBACK, told.parse().unwrap());
            }
            come_back(&Status::with_metadata(Code::ResourceExhausted, "busy", metadata))
        };
        assert_eq!(wait(None), Some(COME_BACK));
        assert_eq!(wait(Some("250")), Some(Duration::from_millis(250)));
        assert_eq!(wait(Some("3600000")), Some(LONGEST_WAIT));
        assert_eq!((wait(Some("-1")), wait(Some("soon"))), (None, None));
    }

    #[test]
    fn a_question_has_its_seed_whatever_else_is_asked() {
        assert_eq!(seed(1, "a"), seed(1, "a"));
        assert_ne!(seed(1, "a"), seed(1, "b"));
        assert_ne!(seed(1, "a"), seed(2, "a"));
    }

    #[test]
    fn only_what_every_question_would_meet_ends_the_evaluation() {
        let refused = |code| concerns_all(&StreamError::Refused(Box::new(Status::new(code, "no"))));
        assert!(refused(Code::NotFound) && refused(Code::Unauthenticated));
        assert!(!refused(Code::InvalidArgument) && !refused(Code::Unavailable));
        let reset = || Status::from_error(Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
        assert!(!concerns_all(&broken_off("http://a", reset())));
        assert!(concerns_all(&StreamError::Connect { url: String::new(), reason: String::new() }));
    }
}
