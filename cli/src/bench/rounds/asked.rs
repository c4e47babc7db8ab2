//! A coordinator of its own, asked as any client asks it, and how long its rounds take.

use std::time::Duration;

use specfuse_proto::v1::{
    Conversation, GenerateRequest, Message, Segment, Work, draft_report::Outcome,
    ensemble_service_client::EnsembleServiceClient, generate_request::Prompt, generate_response::Event,
};
use tokio::time::{Instant, timeout};
use toml::Table;
use tonic::transport::Channel;

use super::{LOG, RoundsError};
use crate::cluster::{self, Settings, process::ChildProcess};

/// Far more than any round takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// One round as its client sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// From the segment before to this one.
    pub(super) wall: Duration,
    /// What the slowest draft and the slowest score spent in their engines.
    pub(super) engine: Duration,
}

/// The rounds of one answer but the first, which begins with the request.
pub(super) type Answer = Vec<Round>;

pub(super) struct Coordinator {
    process: ChildProcess,
    client: EnsembleServiceClient<Channel>,
}

impl Coordinator {
    /// Of one ensemble that nobody leaves for quality.
    pub(super) async fn start(workers: Vec<String>, members: Vec<String>) -> Result<Self, RoundsError> {
        let listen = ([127, 0, 0, 1], 0).into();
        let exit = Table::from_iter([("rule".to_owned(), "never".into())]);
        let ensemble = Table::from_iter([("exit".to_owned(), exit.into())]);
        let settings = Settings { listen, workers, members, ensemble };
        let process = cluster::start_coordinator(&settings, LOG).await?;
        let client = EnsembleServiceClient::connect(process.url()).await?;
        Ok(Self { process, client })
    }

    pub(super) async fn answer(&mut self, question: String, max_tokens: Option<u32>) -> Result<Answer, RoundsError> {
        let refused = |status| RoundsError::Refused(Box::new(status));
        let messages = vec![Message { role: "user".to_owned(), content: question }];
        let prompt = Some(Prompt::Conversation(Conversation { messages }));
        let request = GenerateRequest { prompt, max_tokens, ..Default::default() };
        let mut events = self.client.generate(request).await.map_err(refused)?.into_inner();
        let mut rounds = Vec::new();
        let mut before: Option<Instant> = None;
        loop {
            let event = timeout(DEADLINE, events.message()).await.map_err(|_| RoundsError::Late(DEADLINE))?;
            let now = Instant::now();
            match event.map_err(refused)?.and_then(|response| response.event) {
                Some(Event::Segment(segment)) => {
                    if let Some(before) = before.replace(now) {
                        rounds.push(Round { wall: now - before, engine: engine(&segment) });
                    }
                }
                Some(Event::Recording(_)) => {}
                Some(Event::Finished(_)) | None => return Ok(rounds),
            }
        }
    }

    pub(super) async fn stop(self) {
        cluster::stop_all(vec![self.process]).await;
    }
}

fn engine(segment: &Segment) -> Duration {
    let drafted = segment.drafts.iter().filter_map(|report| match &report.outcome {
        Some(Outcome::Draft(draft)) => draft.work.as_ref(),
        Some(Outcome::Missed(_)) | None => None,
    });
    let scored = segment.scores.iter().filter_map(|row| row.work.as_ref());
    let micros = |work: &Work| work.queue_micros + work.prefill_micros + work.decode_micros;
    Duration::from_micros(drafted.map(micros).max().unwrap_or(0) + scored.map(micros).max().unwrap_or(0))
}
