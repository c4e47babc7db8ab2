//! A recording decided again from what it says that the members drafted and scored: whether every decision follows, to the bit; and
//! what another policy would have made of the same drafts.
//!
//! - `script`: what a recording says, checked: the events of its rounds
//! - `contradiction`: why a recording cannot be played
//! - `play`: its generations, driven by those events
//! - `compare`: a round as it was recorded and as it was decided again
//! - `another`: the rounds under another policy

mod another;
mod compare;
mod contradiction;
mod play;
mod script;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::{
    another::{Alternative, AnotherRound, NoAlternative, Verdict, what_if},
    contradiction::Contradiction,
};
use self::{play::play, script::Script};
use crate::recording::Recording;

/// What deciding again has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Replayed {
    /// Every recorded decision follows from the recorded drafts and scores.
    Follows {
        rounds: usize,
    },
    /// As above, and the rounds end the answer, which is not recorded: the client left before that was told.
    FollowsToItsEnd {
        rounds: usize,
        /// "stop", "length" or "failed".
        ending: &'static str,
    },
    Differs(Difference),
}

/// The first decision that does not follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The last one there is, where the difference is in the ending.
    pub round: u32,
    /// In the words of a recording.
    pub what: &'static str,
    pub recorded: String,
    pub decided_again: String,
}

impl Replayed {
    pub fn follows(&self) -> bool {
        !matches!(self, Self::Differs(_))
    }
}

/// Decides every round of a recording again.
pub fn check(recording: &Recording) -> Result<Replayed, Contradiction> {
    play(&Script::read(recording)?, |_, _| {})
}
