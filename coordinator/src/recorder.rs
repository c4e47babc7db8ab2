//! Writes down what decides an answer, while it is being decided.
//!
//! - `asked`: what was asked, of whom, and in which generations
//! - `told`: a round as it was reported

mod asked;
#[cfg(test)]
mod fuzz;
mod told;

use std::sync::Arc;

use specfuse_core::{
    generation::Finish,
    recording::{Ending, Recording, Stage},
};
use tokio::time::Instant;

pub(crate) use self::told::round;
use crate::{
    driver::{Item, RoundReport},
    pool::Cluster,
    recordings::Recordings,
    request::GenerateRequest,
};

/// Of one answer. Where its client leaves, what there is by then is kept.
pub(crate) struct Recorder {
    recording: Recording,
    /// The stages that the strategy plans. One that had to begin again stands several times in the recording.
    planned: Vec<Stage>,
    /// Tokens of the stage under way.
    tokens: u32,
    begun: Instant,
    request_id: Arc<str>,
    key: Option<Arc<str>>,
    recordings: Recordings,
    is_kept: bool,
}

impl Recorder {
    pub(crate) fn new(request: &GenerateRequest, cluster: &Cluster, recordings: Recordings) -> Self {
        let (recording, planned) = asked::of(request, cluster);
        Self {
            recording,
            planned,
            tokens: 0,
            begun: Instant::now(),
            request_id: Arc::clone(&request.request_id),
            key: request.key.clone(),
            recordings,
            is_kept: false,
        }
    }

    /// The end comes with the recording, as JSON; it is then kept too.
    pub(crate) fn hear(&mut self, item: &Item) -> Option<Arc<str>> {
        match item {
            Item::Round(report) => {
                self.write(report);
                None
            }
            Item::Finished { finish, .. } => self.end(finished(finish)),
            Item::Recorded(_) => None,
        }
    }

    /// The answer ends here, with an error.
    pub(crate) fn fail(&mut self, error: &str) -> Option<Arc<str>> {
        let ending = Ending {
            reason: "failed".to_owned(),
            error: Some(error.to_owned()),
            text: String::new(),
            completion_tokens: self.tokens,
            total_micros: 0,
        };
        self.end(ending)
    }

    fn write(&mut self, report: &RoundReport) {
        // Generations that ended before their first round were this one: only then is it begun again.
        while self.recording.stages.len() <= report.stage
            && let Some(stage) = self.planned.get(report.planned)
        {
            self.recording.stages.push(stage.clone());
            self.tokens = 0;
        }
        self.tokens = self.tokens.saturating_add(report.winning_tokens());
        self.recording.rounds.push(round(report));
    }

    fn end(&mut self, ending: Ending) -> Option<Arc<str>> {
        let total_micros = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.recording.ending = Some(Ending { total_micros, ..ending });
        self.keep()
    }

    fn keep(&mut self) -> Option<Arc<str>> {
        if std::mem::replace(&mut self.is_kept, true) {
            return None;
        }
        match serde_json::to_string(&self.recording) {
            Ok(json) => {
                let json: Arc<str> = json.into();
                self.recordings.keep(Arc::clone(&self.request_id), self.key.clone(), Arc::clone(&json));
                Some(json)
            }
            Err(error) => {
                tracing::warn!(request_id = ?self.request_id, %error, "an answer could not be recorded");
                None
            }
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.keep();
    }
}

fn finished(finish: &Finish) -> Ending {
    Ending {
        reason: finish.ending.name().to_owned(),
        error: None,
        text: finish.released.clone(),
        completion_tokens: finish.completion_tokens,
        total_micros: 0,
    }
}
