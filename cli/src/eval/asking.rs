//! One question to one strategy: a call with a deadline, repeated for a while where the coordinator is busy or away ([`patience`]).

mod patience;

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
use tonic::{Code, Status, transport::Channel};

use self::patience::Patience;
use super::{args::WhatArgs, digest::Digest, heard::Heard};
use crate::{
    access::Access,
    stream::{StreamError, rejected},
};

/// The coordinator itself ends with the deadline; this is for one that does not.
const GRACE: Duration = Duration::from_secs(5);

/// Asks, always in the same way.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    client: EnsembleServiceClient<Channel>,
    access: Access,
    ensemble: String,
    temperature: f32,
    seed: u64,
    max_tokens: Option<u32>,
    stop: Vec<String>,
    /// For one answer.
    deadline: Duration,
}

/// What came of asking once, or as often as there was patience.
struct Outcome {
    heard: Heard,
    ended: Result<(), StreamError>,
    /// Of the last time.
    took: Duration,
}

impl Asker {
    pub(super) fn new(access: Access, ensemble: &str, what: &WhatArgs) -> Self {
        let client = EnsembleServiceClient::new(access.channel());
        let &WhatArgs { temperature, seed, max_tokens, timeout: deadline, .. } = what;
        let (ensemble, stop) = (ensemble.to_owned(), what.stop.clone());
        Self { client, access, ensemble, temperature, seed, max_tokens, stop, deadline }
    }

    /// The record says why there is no answer, where it is this question that gets none; an error concerns all questions.
    pub(super) async fn ask(&self, question: &Question, strategy: &str) -> Result<Record, StreamError> {
        let Outcome { heard, ended, took } = self.outcome(question, strategy).await;
        match ended {
            Err(error) if concerns_all(&error) => Err(error),
            ended => Ok(heard.record(question, strategy, (ended.map_err(|error| error.to_string()), took))),
        }
    }

    /// Why the strategy does not take such questions, if it does not.
    pub(super) async fn refusal(&self, question: &Question, strategy: &str) -> Result<Option<String>, StreamError> {
        let Outcome { heard, ended, .. } = self.outcome(question, strategy).await;
        match ended {
            Err(StreamError::Refused(status)) if refuses(&status) && heard.is_silent() => {
                Ok(Some(status.message().to_owned()))
            }
            Err(error) if concerns_all(&error) => Err(error),
            Ok(()) | Err(_) => Ok(None),
        }
    }

    async fn outcome(&self, question: &Question, strategy: &str) -> Outcome {
        let seed = seed(self.seed, &question.id);
        let mut patience = Patience::new(Instant::now());
        loop {
            let begun = Instant::now();
            let mut heard = Heard::default();
            let answer = self.hear(self.request(question, strategy, seed), &mut heard);
            let late = || Err(StreamError::Refused(Box::new(Status::deadline_exceeded("no answer in time"))));
            let ended = timeout(self.deadline + GRACE, answer).await.unwrap_or_else(|_| late());
            let took = begun.elapsed();
            let wait = ended.as_ref().err().and_then(|error| patience.wait(error, Instant::now()));
            match wait {
                Some(wait) => sleep(wait).await,
                None => return Outcome { heard, ended, took },
            }
        }
    }

    async fn hear(&self, request: GenerateRequest, heard: &mut Heard) -> Result<(), StreamError> {
        let mut request = self.access.request(request);
        request.set_timeout(self.deadline);
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
                // An event that was not asked for, or one that this program is too old to know.
                Some(Event::Recording(_)) | None => {}
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
            stop: self.stop.clone(),
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

/// That what is asked for is wrong, for this strategy at least.
fn refuses(status: &Status) -> bool {
    matches!(status.code(), Code::InvalidArgument | Code::NotFound)
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
        | StreamError::Record(_)
        | StreamError::Output(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
