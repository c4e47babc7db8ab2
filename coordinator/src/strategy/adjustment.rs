//! How a request departs from its strategy's policy, and which strategy can do it. Values are in range before they come here.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
};

use specfuse_core::policy::{ExitRule, RankRule, ScoreRule};

use super::{Kind, Strategy, Unsupported};

/// What is absent stays as the strategy has it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Adjustment {
    pub(crate) segment_tokens: Option<NonZeroU32>,
    pub(crate) exit: Option<ExitRule>,
    pub(crate) theta: Option<f64>,
    pub(crate) tau: Option<f64>,
    pub(crate) score: Option<ScoreRule>,
    pub(crate) min_members: Option<NonZeroUsize>,
}

/// A field of [`Adjustment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Adjustable {
    SegmentTokens,
    Exit,
    Theta,
    Tau,
    Score,
    MinMembers,
}

impl Adjustable {
    pub const ALL: [Self; 6] = [Self::SegmentTokens, Self::Exit, Self::Theta, Self::Tau, Self::Score, Self::MinMembers];

    /// As the contract and the configuration have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SegmentTokens => "segment_tokens",
            Self::Exit => "exit",
            Self::Theta => "theta",
            Self::Tau => "tau",
            Self::Score => "score",
            Self::MinMembers => "min_members",
        }
    }

    /// "segment_tokens, exit", or "nothing".
    pub fn listed(some: &[Self]) -> String {
        let names: Vec<&str> = some.iter().map(|field| field.name()).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }
}

impl Adjustment {
    /// The fields that are there.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Adjustable> + use<> {
        let is_there = [
            self.segment_tokens.is_some(),
            self.exit.is_some(),
            self.theta.is_some(),
            self.tau.is_some(),
            self.score.is_some(),
            self.min_members.is_some(),
        ];
        Adjustable::ALL.into_iter().zip(is_there).filter_map(|(field, is_there)| is_there.then_some(field))
    }
}

impl Kind {
    /// What has an effect on answers of this kind.
    fn adjustable(&self) -> &'static [Adjustable] {
        match self {
            Self::Fuse => &Adjustable::ALL,
            Self::Single { .. } | Self::SelfFuse { .. } | Self::Mixture { .. } | Self::Route { .. } => {
                &[Adjustable::SegmentTokens]
            }
            Self::BestOfN | Self::Vote => &[],
        }
    }
}

impl Strategy {
    /// This one with what the adjustment says in its policy.
    pub(crate) fn adjusted(&self, adjustment: &Adjustment) -> Result<Self, Unsupported> {
        let allowed = self.kind.adjustable();
        if let Some(field) = adjustment.fields().find(|field| !allowed.contains(field)) {
            let (strategy, allowed) = (Arc::clone(&self.name), Adjustable::listed(allowed));
            return Err(Unsupported::Adjustment { strategy, field: field.name(), allowed });
        }
        if self.policy.rank == RankRule::Author && adjustment.score.is_some() {
            return Err(Unsupported::Score(Arc::clone(&self.name)));
        }
        let mut adjusted = self.clone();
        let policy = &mut adjusted.policy;
        policy.segment_tokens = adjustment.segment_tokens.unwrap_or(policy.segment_tokens);
        policy.exit.rule = adjustment.exit.unwrap_or(policy.exit.rule);
        policy.exit.theta = adjustment.theta.unwrap_or(policy.exit.theta);
        policy.exit.tau = adjustment.tau.unwrap_or(policy.exit.tau);
        policy.score = adjustment.score.unwrap_or(policy.score);
        policy.min_members = adjustment.min_members.unwrap_or(policy.min_members);
        Ok(adjusted)
    }
}
