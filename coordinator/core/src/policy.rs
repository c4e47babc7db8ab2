//! The choices an ensemble makes about its rounds. Section numbers are those of the algorithm page in `ARCHITECTURE.md`.

use std::num::{NonZeroU32, NonZeroUsize};

use serde::{Deserialize, Serialize};

use crate::member::MemberIndex;

/// How rounds are run, ranked and left. The default is the algorithm page's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// L: tokens a member drafts in a round.
    pub segment_tokens: NonZeroU32,
    /// Members draft whole answers, as long as may be, and the first round that decides ends the generation.
    pub whole: bool,
    pub score: ScoreRule,
    pub rank: RankRule,
    pub exit: ExitPolicy,
    pub weights: WeightRule,
    pub voters: Voters,
    /// The leader's draft is taken unscored where the mean log-probability of its tokens is above this.
    pub gate: Option<f64>,
    /// Draft and Score calls that an answer may take, as far as no member fails.
    pub budget: Option<NonZeroU32>,
    /// By member; whoever is beyond its end is taken as it is.
    pub calibration: Vec<Calibration>,
    /// Drafts that a round needs, and scores that it waits for; of all, where fewer members are left.
    pub quorum: NonZeroUsize,
    /// Exits by quality leave at least so many.
    pub min_members: NonZeroUsize,
    /// A member that failed in so many rounds is left out of the rest of the generation.
    pub max_strikes: NonZeroU32,
}

/// What the candidates of a round are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum RankRule {
    /// What the members think of each other's drafts (section 4).
    Cross,
    /// The mean log-probability of all that the author has drafted so far; nobody is asked to score.
    Author,
    /// `alpha` times the author's own mean and the rest of what the members think.
    Blend { alpha: f64 },
    /// How many members come to the same final answer; nobody is asked to score.
    Majority,
    /// By nothing: the drafts are gathered, and that is all.
    Gather,
}

/// Who has a say about a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voters {
    Everyone,
    /// Everyone but its authors, where there is anyone else.
    Others,
    /// The first member that drafted: all of them are one model.
    First,
}

/// What a member's log-probabilities are taken for: scale · x + shift, so that those of different models compare.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    pub scale: f64,
    pub shift: f64,
}

/// How a scorer's terms become one value (section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreRule {
    /// Mean of the natural log-probabilities.
    #[default]
    MeanLogprob,
    /// Mean of the probabilities.
    MeanProb,
}

/// When a member leaves (section 5).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExitPolicy {
    #[serde(flatten)]
    pub rule: ExitRule,
    /// A member leaves below theta / n; 0.5 is half of an even share.
    pub theta: f64,
    /// Temperature of the softmax over cumulative qualities, before entropy scales it.
    pub tau: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum ExitRule {
    Cumulative,
    /// As cumulative, with the entropy taken as 1.
    NoEntropy,
    Never,
    /// Once, at the first scored round numbered `rounds` or later: whoever has not yet won leaves.
    FirstRounds {
        rounds: u32,
    },
    /// At the first scored round numbered `rounds` or later: everyone leaves but the member of the highest quality.
    AllButBest {
        rounds: u32,
    },
}

/// What a scorer's voice counts (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum WeightRule {
    Uniform,
    Hedge {
        rate: f64,
    },
    /// By how often a scorer has ordered candidates as the others together do, in this generation.
    Reliability,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            segment_tokens: NonZeroU32::MIN.saturating_add(9),
            whole: false,
            score: ScoreRule::default(),
            rank: RankRule::Cross,
            exit: ExitPolicy { rule: ExitRule::Cumulative, theta: 0.5, tau: 1.0 },
            weights: WeightRule::Uniform,
            voters: Voters::Everyone,
            gate: None,
            budget: None,
            calibration: Vec::new(),
            quorum: NonZeroUsize::MIN,
            min_members: NonZeroUsize::MIN,
            max_strikes: NonZeroU32::MIN.saturating_add(2),
        }
    }
}

impl Policy {
    pub fn calibration(&self, member: MemberIndex) -> Calibration {
        self.calibration.get(member.0).copied().unwrap_or(Calibration::NONE)
    }
}

impl Calibration {
    pub const NONE: Self = Self { scale: 1.0, shift: 0.0 };

    pub fn apply(self, logprob: f64) -> f64 {
        self.scale * logprob + self.shift
    }
}
