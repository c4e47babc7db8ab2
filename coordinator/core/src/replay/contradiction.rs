//! Why a recording cannot be played: it is none that an answer could have left.

use crate::recording::VERSION;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    #[error("it is of version {0}; this program reads version {VERSION}")]
    Version(u32),
    #[error("it has {given} {what}, where 1 to {most} are possible")]
    Size { what: &'static str, given: usize, most: usize },
    #[error("two members are called {0:?}")]
    SameName(String),
    #[error("stage {stage}: there is no member {name:?}, or it is there twice, or not in its place")]
    StageMember { stage: usize, name: String },
    #[error("round {found} stands where round {expected} should")]
    RoundOrder { expected: usize, found: u32 },
    #[error("round {round}: stage {stage} does not exist, or was over")]
    StageOrder { round: u32, stage: usize },
    #[error("round {round}: there is no member {name:?}, or it is there twice")]
    RoundMember { round: u32, name: String },
    #[error("round {round}: a log-probability of {name:?} is not a finite number, or there is none")]
    NotFinite { round: u32, name: String },
    #[error("round {round}: {name:?} was asked for a draft, and there is neither one nor why")]
    NoDraft { round: u32, name: String },
    #[error("round {round}: {name:?} has a draft and had no part")]
    StrayDraft { round: u32, name: String },
}
