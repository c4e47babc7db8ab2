//! Asks for what is wanted, and is the same for both ways to ask: headers, streams, and the end of an answer.

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt, stream};
use serde::Serialize;

use super::{
    error::{HttpError, limits},
    told::{Choices, Told},
    types::{ChunkExtension, FinishReason, Segment, TokenLogprob, Usage},
    wanted::Wanted,
};
use crate::api::intake::{Asker, Intake};

/// What has been admitted, and what its answer's head says of it.
pub(super) struct Asking {
    choices: Choices,
    answers: usize,
    streams: bool,
    head: Head,
    /// Where the key's limits stand.
    limits: HeaderMap,
}

/// What every answer and every chunk begins with.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) request_id: String,
    /// Seconds since 1970.
    pub(super) created: i64,
    pub(super) model: String,
    includes_usage: bool,
}

/// A choice that has ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) text: String,
    pub(super) logprobs: Option<Vec<TokenLogprob>>,
    pub(super) segments: Vec<Segment>,
    pub(super) reason: Option<FinishReason>,
}

/// `prefix`: of the answer's id.
pub(super) async fn ask(
    intake: &Arc<Intake>,
    wanted: Wanted,
    asker: Asker,
    (prefix, request_id): (&str, &str),
) -> Result<Asking, HttpError> {
    let naming = wanted.naming();
    let (choices, telling, streams) = (wanted.choices, wanted.telling, wanted.streams);
    let begun = intake.begin(wanted.requests, choices, asker).await;
    let begun = begun.map_err(|error| HttpError::from_api(&error, naming))?;
    let each = usize::try_from(choices.get()).unwrap_or(usize::MAX);
    let head = Head {
        id: format!("{prefix}-{request_id}"),
        request_id: request_id.to_owned(),
        created: chrono::Utc::now().timestamp(),
        model: wanted.model,
        includes_usage: wanted.includes_usage,
    };
    let answers = begun.answers.len();
    let choices = Choices::new(begun.answers, each, telling, naming);
    Ok(Asking { choices, answers, streams, head, limits: limits(begun.standings) })
}

impl Asking {
    /// The whole answer, or a stream of chunks, as it was asked for: `answer` makes the one of what has ended, `chunk` and `last` the other.
    pub(super) async fn respond<A: Serialize, C: Serialize + 'static>(
        mut self,
        answer: impl FnOnce(Head, Vec<Ended>, Usage) -> A,
        chunk: impl Fn(&Head, Told) -> C + Send + Sync + 'static,
        last: impl Fn(&Head, Usage) -> C + Send + Sync + 'static,
    ) -> Result<Response, HttpError> {
        if self.streams {
            return self.stream(chunk, last).await;
        }
        let ended = self.collect().await?;
        let usage = self.choices.tally.usage();
        Ok((self.limits, Json(answer(self.head, ended, usage))).into_response())
    }

    /// Waits for the first event, whose error is the answer's status; the rest are events of a stream. `chunk` makes one of what is
    /// told, `last` the one with the usage.
    async fn stream<C: Serialize + 'static>(
        self,
        chunk: impl Fn(&Head, Told) -> C + Send + Sync + 'static,
        last: impl Fn(&Head, Usage) -> C + Send + Sync + 'static,
    ) -> Result<Response, HttpError> {
        let Self { mut choices, head, limits, .. } = self;
        let first = choices.next().await.transpose().map_err(|error| error.under(limits.clone()))?;
        let events = events(choices, first, move |told| match told {
            Ok(told) => json(&chunk(&head, told)),
            Err(usage) if head.includes_usage => json(&last(&head, usage)),
            Err(_) => None,
        });
        let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
        response.headers_mut().extend(limits);
        // Proxies that hold responses back would hold back what is to be seen at once.
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        Ok(response)
    }

    /// Waits until every choice has ended. An error comes with what had been told by then.
    async fn collect(&mut self) -> Result<Vec<Ended>, HttpError> {
        let mut ended: Vec<Ended> = (0..self.answers).map(|_| Ended::default()).collect();
        while let Some(told) = self.choices.next().await {
            match told {
                Ok(told) => {
                    if let Some(ended) = ended.get_mut(told.index) {
                        ended.take(told);
                    }
                }
                Err(error) => {
                    let texts = ended.into_iter().map(|ended| ended.text).collect();
                    return Err(error.under(self.limits.clone()).after(texts));
                }
            }
        }
        Ok(ended)
    }
}

impl Ended {
    fn take(&mut self, told: Told) {
        self.text.push_str(&told.text);
        if let Some(more) = told.logprobs {
            self.logprobs.get_or_insert_default().extend(more);
        }
        match told.what {
            super::told::What::Round(round) => self.segments.push(Segment { text: told.text, round: *round }),
            super::told::What::End(reason) => self.reason = Some(reason),
        }
    }
}

impl Told {
    /// Of a chunk: its round, or how its choice ended.
    pub(super) fn extension(self) -> (Option<ChunkExtension>, Option<FinishReason>) {
        match self.what {
            super::told::What::Round(round) => (Some(*round), None),
            super::told::What::End(reason) => (None, Some(reason)),
        }
    }
}

enum Stage {
    Telling(Box<Choices>, Option<Told>),
    Done,
    Over,
}

/// What is told, then the usage, then the mark of the end; after an error nothing.
fn events(
    choices: Choices,
    first: Option<Told>,
    event: impl Fn(Result<Told, Usage>) -> Option<Event> + Send + Sync + 'static,
) -> impl Stream<Item = Result<Event, axum::Error>> {
    let event = Arc::new(event);
    let stages = stream::unfold(Stage::Telling(Box::new(choices), first), move |stage| {
        let event = Arc::clone(&event);
        async move {
            match stage {
                Stage::Telling(choices, Some(first)) => Some((event(Ok(first)), Stage::Telling(choices, None))),
                Stage::Telling(mut choices, None) => Some(match choices.next().await {
                    Some(Ok(told)) => (event(Ok(told)), Stage::Telling(choices, None)),
                    Some(Err(error)) => (json(&error.body()), Stage::Over),
                    None => (event(Err(choices.tally.usage())), Stage::Done),
                }),
                Stage::Done => Some((Some(Event::default().data("[DONE]")), Stage::Over)),
                Stage::Over => None,
            }
        }
    });
    stages.filter_map(|event| std::future::ready(event.map(Ok)))
}

/// None: it is no JSON, which these types always are.
fn json<T: Serialize>(told: &T) -> Option<Event> {
    Event::default().json_data(told).inspect_err(|error| tracing::error!(%error, "an event is no JSON")).ok()
}
