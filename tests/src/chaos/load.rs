//! The clients: each asks one question after the other, and starts at another coordinator than its neighbour.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use specfuse_proto::v1::{GenerateRequest, draft_report::Outcome};
use tokio::task::JoinSet;

use super::question;
use crate::{
    answer,
    client::{Client, Told},
};

const CLIENTS: usize = 8;
const MAX_TOKENS: u32 = 128;
/// Generous: what takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(120);

pub(super) struct Clients {
    pub(super) urls: Vec<String>,
    pub(super) seed: u64,
}

/// A request, and what came of it.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) request: GenerateRequest,
    pub(super) told: Told,
}

impl Clients {
    /// Asks one question after the other, from the one of this number on, as long as `more` wants so after so many, and waits
    /// until all are answered or have failed.
    pub(super) async fn hear(
        &self,
        from: u32,
        more: impl Fn(u32) -> bool + Clone + Send + 'static,
    ) -> Result<Vec<Heard>> {
        let next = Arc::new(AtomicU32::new(from));
        let mut clients = JoinSet::new();
        for place in 0..CLIENTS {
            let mut client = Client::new(&self.urls, place)?;
            let (next, seed, more) = (Arc::clone(&next), self.seed, more.clone());
            clients.spawn(async move {
                let mut heard = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if !more(number - from) {
                        return heard;
                    }
                    let request = GenerateRequest {
                        request_id: format!("question-{number}"),
                        ..answer::question(&question::of(seed, number), MAX_TOKENS)
                    };
                    let told = client.ask(&request, DEADLINE).await;
                    heard.push(Heard { request, told });
                }
            });
        }
        Ok(clients.join_all().await.into_iter().flatten().collect())
    }
}

impl Heard {
    /// A member had no draft or no say in some round.
    pub(super) fn missed_a_round(&self) -> bool {
        let segments = match &self.told.outcome {
            Ok(answer) => &answer.segments,
            Err(failed) => &failed.segments,
        };
        segments.iter().any(|segment| {
            segment.drafts.iter().any(|report| matches!(report.outcome, Some(Outcome::Missed(_))))
                || segment.scores.iter().any(|row| row.candidates.is_empty())
        })
    }
}
