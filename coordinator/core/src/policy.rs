//! The choices an ensemble makes about its rounds. Section numbers are those of the algorithm page in `ARCHITECTURE.md`.

use std::num::{NonZeroU32, NonZeroUsize};

/// How rounds are run, ranked and left.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// L: tokens a member drafts in a round.
    pub segment_tokens: NonZeroU32,
    pub score: ScoreRule,
    pub exit: ExitPolicy,
    pub weights: WeightRule,
    /// Drafts that a round needs, and scores that it waits for; of all, where fewer members are left.
    pub quorum: NonZeroUsize,
    /// Exits by quality leave at least so many.
    pub min_members: NonZeroUsize,
    /// A member that failed in so many rounds is left out of the rest of the generation.
    pub max_strikes: NonZeroU32,
}

/// How a scorer's terms become one value (section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreRule {
    /// Mean of the natural log-probabilities.
    MeanLogprob,
    /// Mean of the probabilities.
    MeanProb,
}

/// When a member leaves (section 5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExitPolicy {
    pub rule: ExitRule,
    /// A member leaves below theta / n; 0.5 is half of an even share.
    pub theta: f64,
    /// Temperature of the softmax over cumulative qualities, before entropy scales it.
    pub tau: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitRule {
    Cumulative,
    /// As cumulative, with the entropy taken as 1.
    NoEntropy,
    Never,
    /// Once, at the first scored round numbered `rounds` or later: whoever has not yet won leaves.
    FirstRounds {
        rounds: u32,
    },
}

/// What a scorer's voice counts (section 6).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WeightRule {
    Uniform,
    Hedge { rate: f64 },
}
