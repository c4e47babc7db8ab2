//! What a generation is asked, told, and asks for in turn: the whole conversation with its driver.

use std::{num::NonZeroU32, sync::Arc};

use super::report::{Finish, Round};
use crate::{
    candidate::{Candidate, Draft, Terms},
    member::MemberIndex,
    policy::Policy,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who takes part, in ensemble order; at least one.
    pub members: Vec<MemberIndex>,
    /// Rounds that came before, of another generation for the same answer.
    pub rounds_before: u32,
    pub policy: Policy,
    pub max_tokens: NonZeroU32,
    /// None of them empty.
    pub stop: Vec<String>,
    pub seed: u64,
}

/// What happened to a call.
#[derive(Clone, Debug)]
pub enum Event {
    Drafted { round: u32, member: MemberIndex, outcome: DraftOutcome },
    Scored { round: u32, member: MemberIndex, outcome: ScoreOutcome },
}

#[derive(Clone, Debug, PartialEq)]
pub enum DraftOutcome {
    Drafted(Draft),
    /// The call failed or was late: one strike.
    Failed,
    /// The context does not fit the member any more: it leaves.
    ContextFull,
    /// The member's template refuses the messages: it leaves.
    Refused,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ScoreOutcome {
    /// One for each candidate, in their order; any other number is an abstention.
    Scored(Vec<Terms>),
    /// The answer was not a score: no say in this round.
    Abstained,
    /// The call failed or was late: no say, and one strike.
    Failed,
}

/// What to do next.
#[derive(Clone, Debug)]
pub enum Action {
    Draft {
        round: u32,
        member: MemberIndex,
        accepted: Arc<str>,
        max_tokens: u32,
        /// All that is left of the answer, as far as the member's context length allows.
        whole: bool,
        seed: u64,
        /// Rounds in a row, up to this one, that decided nothing because members failed: a reason to take one's time.
        attempt: u32,
    },
    Score {
        round: u32,
        member: MemberIndex,
        accepted: Arc<str>,
        candidates: Arc<[Candidate]>,
        /// They may be as long as an answer.
        whole: bool,
    },
    /// A round is over.
    Emit(Box<Round>),
    /// The last action of every generation.
    Finish(Finish),
}

impl DraftOutcome {
    pub fn draft(&self) -> Option<&Draft> {
        match self {
            Self::Drafted(draft) => Some(draft),
            Self::Failed | Self::ContextFull | Self::Refused => None,
        }
    }
}
