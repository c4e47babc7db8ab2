//! A client that knows several coordinators: refused by one before the answer has begun, it asks the next.

use std::{error::Error, time::Duration};

use anyhow::{Context, Result};
use specfuse_proto::v1::{
    GenerateRequest, Segment, ensemble_service_client::EnsembleServiceClient, generate_response::Event,
};
use tokio::time::Instant;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

use crate::answer::Answer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub struct Client {
    /// In the order in which this client asks.
    coordinators: Vec<EnsembleServiceClient<Channel>>,
}

/// How a request went.
#[derive(Debug)]
pub struct Told {
    pub outcome: Result<Answer, Failed>,
    /// From the request's first attempt until text was shown.
    pub first_segment: Option<Duration>,
    pub took: Duration,
    /// Coordinators that refused it.
    pub refusals: u32,
}

/// An answer that did not end well.
#[derive(Debug, thiserror::Error)]
#[error("{status}, after {} segments", segments.len())]
pub struct Failed {
    pub status: Status,
    /// What was told before.
    pub segments: Vec<Segment>,
}

/// Connects at the first call, and again after every loss.
pub fn channel(url: &str) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(url.to_owned()).context("not a URL")?;
    Ok(endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true).connect_lazy())
}

impl Client {
    /// A client of these coordinators that asks the one at `first` first.
    pub fn new(urls: &[String], first: usize) -> Result<Self> {
        let clients = urls.iter().map(|url| Ok(EnsembleServiceClient::new(channel(url)?)));
        let mut coordinators = clients.collect::<Result<Vec<_>>>()?;
        let turn = first % coordinators.len().max(1);
        coordinators.rotate_left(turn);
        Ok(Self { coordinators })
    }

    /// Asks one coordinator after the other, each once, until one does not refuse; the answer, by the deadline.
    pub async fn ask(&mut self, request: &GenerateRequest, deadline: Duration) -> Told {
        let start = Instant::now();
        let mut told = Told {
            outcome: Err(Failed { status: Status::unavailable("no coordinator"), segments: Vec::new() }),
            first_segment: None,
            took: Duration::ZERO,
            refusals: 0,
        };
        for coordinator in &mut self.coordinators {
            let mut reading = Reading { start, first: None, segments: Vec::new() };
            let read = tokio::time::timeout_at(start + deadline, reading.read(coordinator, request)).await;
            let read = read.unwrap_or_else(|_| Err(Status::deadline_exceeded("the test's own deadline")));
            told.first_segment = reading.first;
            told.outcome = match read {
                Ok(answer) => Ok(answer),
                Err(status) => Err(Failed { status, segments: reading.segments }),
            };
            match &told.outcome {
                Err(failed) if failed.segments.is_empty() && is_unheard(&failed.status) => told.refusals += 1,
                Ok(_) | Err(_) => break,
            }
        }
        told.took = start.elapsed();
        told
    }
}

/// The coordinator has not begun: it says that it is stopping, or the connection was lost, and a status that the transport made up
/// has a source. Any other refusal is an answer that failed.
fn is_unheard(status: &Status) -> bool {
    (status.code() == Code::Unavailable && status.message() == "this coordinator is stopping")
        || status.source().is_some()
}

struct Reading {
    start: Instant,
    first: Option<Duration>,
    segments: Vec<Segment>,
}

impl Reading {
    async fn read(
        &mut self,
        coordinator: &mut EnsembleServiceClient<Channel>,
        request: &GenerateRequest,
    ) -> Result<Answer, Status> {
        let mut stream = coordinator.generate(request.clone()).await?.into_inner();
        while let Some(response) = stream.message().await? {
            match response.event {
                Some(Event::Segment(segment)) => {
                    if !segment.text.is_empty() {
                        self.first.get_or_insert(self.start.elapsed());
                    }
                    self.segments.push(segment);
                }
                Some(Event::Finished(finished)) => {
                    return Ok(Answer { segments: std::mem::take(&mut self.segments), finished });
                }
                Some(Event::Recording(_)) => return Err(Status::internal("a recording that was not asked for")),
                None => return Err(Status::internal("a response without an event")),
            }
        }
        Err(Status::internal("the stream ended before the answer"))
    }
}
