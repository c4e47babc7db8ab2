//! What a trial has shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{fault::Kind, load::Heard};
use crate::{
    ensemble::Ensemble,
    measure::{Memory, Spread},
    replay,
};

/// Told in full; of more there is only the number.
const MOST_TOLD: usize = 20;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// While things broke.
    pub answers: usize,
    /// In the calm before.
    pub calm_answers: usize,
    /// Answers that did not end well, in the calm too.
    pub failed: usize,
    /// Answers that do not follow from what their client saw.
    pub altered: usize,
    /// Sequences left in the workers.
    pub leaked_sequences: u32,
    pub faults: BTreeMap<Kind, u32>,
    /// Requests that a coordinator refused, and that another one answered.
    pub turned_away: u32,
    /// Answers in which a member missed a round.
    pub with_misses: usize,
    /// From the request to the first text shown, in milliseconds.
    pub ttfs_ms: Weathers,
    /// From the request to the end.
    pub answer_ms: Weathers,
    pub seconds: f64,
    pub memory: Vec<Memory>,
    /// Pages of metrics that were told meanwhile.
    #[serde(skip)]
    pub scraped: Vec<String>,
    /// The first of what went wrong.
    pub complaints: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Weathers {
    pub without_faults: Spread,
    pub with_faults: Spread,
}

pub(super) struct Evidence {
    /// The first answers of all, which are checked and not timed.
    pub(super) cold: Vec<Heard>,
    pub(super) calm: Vec<Heard>,
    pub(super) heard: Vec<Heard>,
    pub(super) faults: BTreeMap<Kind, u32>,
    pub(super) leaked: u32,
    pub(super) memory: Vec<Memory>,
    pub(super) scraped: Vec<String>,
    pub(super) seconds: f64,
}

/// From so many faults on, every kind must have come, and an answer must have felt one.
const A_LONG_STORM: u32 = 60;

impl Verdict {
    /// Nothing was lost, altered or left behind.
    pub fn is_sound(&self) -> bool {
        self.failed == 0 && self.altered == 0 && self.leaked_sequences == 0
    }

    /// Nor has a process grown, and what broke was felt.
    pub fn is_clean(&self) -> bool {
        let storm: u32 = self.faults.values().sum();
        let felt = self.with_misses > 0 && self.faults.values().all(|times| *times > 0);
        let flat = !self.memory.iter().any(Memory::has_grown);
        self.is_sound() && flat && (storm < A_LONG_STORM || felt)
    }
}

pub(super) fn of(ensemble: &Ensemble, evidence: Evidence) -> Verdict {
    let Evidence { cold, calm, heard, faults, leaked, memory, scraped, seconds } = evidence;
    let (mut failed, mut altered, mut complaints) = (0, 0, Vec::new());
    for heard in cold.iter().chain(&calm).chain(&heard) {
        let id = &heard.request.request_id;
        match &heard.told.outcome {
            Err(failure) => {
                failed += 1;
                complaints.push(format!("{id} failed after {:?}: {failure}", heard.told.took));
            }
            Ok(answer) => {
                if let Err(difference) = replay::check(ensemble, &heard.request, answer) {
                    altered += 1;
                    complaints.push(format!("{id} does not follow from its segments: {difference:#}"));
                }
            }
        }
    }
    complaints.truncate(MOST_TOLD);
    let first = |heard: &[Heard]| Spread::of(heard.iter().filter_map(|heard| heard.told.first_segment));
    let whole = |heard: &[Heard]| Spread::of(heard.iter().map(|heard| heard.told.took));
    Verdict {
        answers: heard.len(),
        calm_answers: cold.len() + calm.len(),
        failed,
        altered,
        leaked_sequences: leaked,
        faults,
        turned_away: heard.iter().filter(|heard| heard.told.outcome.is_ok()).map(|heard| heard.told.refusals).sum(),
        with_misses: heard.iter().filter(|heard| heard.missed_a_round()).count(),
        ttfs_ms: Weathers { without_faults: first(&calm), with_faults: first(&heard) },
        answer_ms: Weathers { without_faults: whole(&calm), with_faults: whole(&heard) },
        seconds,
        memory,
        scraped,
        complaints,
    }
}
