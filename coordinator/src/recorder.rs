//! Writes down what decides an answer, while it is being decided.
//!
//! Rounds become JSON one by one, as they come: an end then costs as much as what it adds, however long the answer.
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
    recordings::{Growing, Parts, Recordings},
    request::GenerateRequest,
};

/// A recording without its rounds has this where they go. No string in it can: its quotes would be escaped.
const NO_ROUNDS: &str = r#""rounds":[]"#;

/// Of one answer. Where its client leaves, what there is by then is kept.
pub(crate) struct Recorder {
    /// Without its rounds.
    recording: Recording,
    /// JSON, with commas between. None: it is too large to be kept.
    rounds: Option<Growing>,
    /// The stages that the strategy plans. One that had to begin again stands several times in the recording.
    planned: Vec<Stage>,
    /// Tokens of the stage under way.
    tokens: u32,
    asked: Instant,
    request_id: Arc<str>,
    key: Option<Arc<str>>,
    recordings: Recordings,
    is_kept: bool,
}

impl Recorder {
    pub(crate) fn new(request: &GenerateRequest, cluster: &Cluster, recordings: Recordings, asked: Instant) -> Self {
        let (recording, planned) = asked::of(request, cluster);
        Self {
            recording,
            rounds: Some(Growing::default()),
            planned,
            tokens: 0,
            asked,
            request_id: Arc::clone(&request.request_id),
            key: request.key.clone(),
            recordings,
            is_kept: false,
        }
    }

    /// The end comes with the recording; it is then kept too. One that is too large is neither told nor kept.
    pub(crate) fn hear(&mut self, item: &Item) -> Option<Parts> {
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
    pub(crate) fn fail(&mut self, error: &str) -> Option<Parts> {
        let ending = Ending {
            reason: "failed".to_owned(),
            error: Some(error.to_owned()),
            text: String::new(),
            completion_tokens: self.tokens,
            total_micros: 0,
        };
        self.end(ending)
    }

    /// The client reads no more: it is as if it had left.
    pub(crate) fn unread(&mut self) -> Option<Parts> {
        self.keep()
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
        let Some(rounds) = &mut self.rounds else { return };
        let written = serde_json::to_string(&round(report));
        if written.is_ok() && rounds.bytes() > 0 {
            rounds.push(",");
        }
        let fits = written.inspect_err(|error| warn(&self.request_id, error)).is_ok_and(|json| {
            rounds.push(&json);
            rounds.bytes() <= self.recordings.share()
        });
        if !fits {
            self.rounds = None;
        }
    }

    fn end(&mut self, ending: Ending) -> Option<Parts> {
        let total_micros = u64::try_from(self.asked.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.recording.ending = Some(Ending { total_micros, ..ending });
        self.keep()
    }

    fn keep(&mut self) -> Option<Parts> {
        if std::mem::replace(&mut self.is_kept, true) {
            return None;
        }
        let json = self.rounds.take().and_then(|rounds| self.whole(rounds));
        self.recordings.keep(Arc::clone(&self.request_id), self.key.clone(), json.clone());
        json
    }

    /// None: it is too large.
    fn whole(&self, rounds: Growing) -> Option<Parts> {
        let around = serde_json::to_string(&self.recording).inspect_err(|error| warn(&self.request_id, error)).ok()?;
        let (before, after) = around.rsplit_once(NO_ROUNDS)?;
        let mut json = Growing::default();
        json.push(before);
        json.push(r#""rounds":["#);
        json.append(rounds);
        json.push("]");
        json.push(after);
        (json.bytes() <= self.recordings.share()).then(|| json.finish())
    }
}

fn warn(request_id: &str, error: &serde_json::Error) {
    tracing::warn!(?request_id, %error, "an answer could not be recorded");
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
