//! Ways to answer a request. Each is a plan of generations over the ensemble's members: the same rounds, the same calls, the same
//! stream. `fuse` is the product, the others are its yardsticks.
//!
//! - `mixture`: what a member reads that writes its answer from others' proposals
//! - `adjustment`: how a request departs from a strategy's policy

mod adjustment;
mod mixture;

use std::{
    collections::{BTreeSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
};

use specfuse_core::{
    generation::LONGEST_DRAFT,
    member::MemberIndex,
    policy::{ExitPolicy, ExitRule, Policy, RankRule, Voters, WeightRule},
};

pub use self::adjustment::Adjustable;
pub(crate) use self::{
    adjustment::Adjustment,
    mixture::{Proposal, with_proposals},
};
use crate::request::{Prompt, Role, Sampling};

/// A named way of an ensemble to answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    pub name: Arc<str>,
    pub kind: Kind,
    /// Of its last generation.
    policy: Policy,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Every member drafts each segment, and scores everyone's.
    Fuse,
    /// One member alone.
    Single { member: MemberIndex },
    /// Every member answers whole, every member scores all answers, and the best is returned.
    BestOfN,
    /// As fuse, with several samples of one member in the place of members. Where the request asks for no randomness, they are drawn
    /// at this temperature.
    SelfFuse { member: MemberIndex, samples: NonZeroUsize, temperature: f32 },
    /// Every member answers whole, `layers` times, from the second on with all answers before it; then the aggregator writes its own.
    Mixture { aggregator: MemberIndex, layers: NonZeroUsize },
    /// Every member answers whole, and the final answer that most of them come to is returned.
    Vote,
    /// As fuse until the first scored round of this number or a later one; then the best member alone.
    Route { rounds: u32 },
}

/// Who answers, and in which generations.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// By [`MemberIndex`].
    pub(crate) seats: Arc<[Seat]>,
    /// At least one; the last writes the answer.
    pub(crate) stages: VecDeque<Stage>,
}

/// A member of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    /// What clients know it by.
    pub(crate) label: Arc<str>,
    /// What workers call its model.
    pub(crate) model: Arc<str>,
}

/// One generation of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage {
    pub(crate) members: Vec<MemberIndex>,
    pub(crate) policy: Policy,
    /// Its members read what those of the stage before proposed.
    pub(crate) reads_proposals: bool,
}

/// What a request asks for and the strategy cannot do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsupported {
    #[error("raw: strategy {0} shows members each other's answers in a conversation: give one")]
    Raw(Arc<str>),
    #[error(
        "conversation.messages: strategy {0} shows members each other's answers in a user's message: there is none"
    )]
    NoQuestion(Arc<str>),
    #[error("stop: strategy {0} compares whole answers: stop strings are not supported")]
    Stop(Arc<str>),
    #[error(
        "max_tokens: {given}, but strategy {strategy} has answers drafted whole: at most {LONGEST_DRAFT} are allowed"
    )]
    MaxTokens { strategy: Arc<str>, given: u32 },
    #[error("adjustment.{field}: strategy {strategy} makes no use of it: it may be given {allowed}")]
    Adjustment { strategy: Arc<str>, field: &'static str, allowed: String },
    #[error("adjustment.score: strategy {0} asks nobody to score")]
    Score(Arc<str>),
}

impl Kind {
    /// As the contract and the configuration have it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fuse => "fuse",
            Self::Single { .. } => "single",
            Self::BestOfN => "best_of_n",
            Self::SelfFuse { .. } => "self_fuse",
            Self::Mixture { .. } => "mixture",
            Self::Vote => "vote",
            Self::Route { .. } => "route",
        }
    }
}

impl Strategy {
    /// `given`: the policy as configured, from which the kind departs.
    pub(crate) fn new(name: &str, kind: Kind, given: Policy) -> Self {
        let policy = match kind {
            Kind::Fuse => given,
            Kind::Single { .. } => alone(&given),
            Kind::BestOfN => whole(RankRule::Cross, given),
            Kind::SelfFuse { .. } => {
                Policy { voters: Voters::First, weights: WeightRule::Uniform, exit: never(&given), ..given }
            }
            Kind::Mixture { .. } => alone(&given),
            Kind::Vote => whole(RankRule::Majority, given),
            Kind::Route { rounds } => {
                let mut exit = never(&given);
                exit.rule = ExitRule::AllButBest { rounds };
                Policy { exit, ..given }
            }
        };
        Self { name: name.into(), kind, policy }
    }

    /// Differs where anything of it does.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = DefaultHasher::new();
        format!("{self:?}").hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    pub(crate) fn supports(&self, prompt: &Prompt, stop: &[String], max_tokens: NonZeroU32) -> Result<(), Unsupported> {
        let name = || Arc::clone(&self.name);
        match (self.kind, prompt) {
            (Kind::Mixture { .. }, Prompt::Raw(_)) => return Err(Unsupported::Raw(name())),
            (Kind::Mixture { .. }, Prompt::Conversation(messages))
                if !messages.iter().any(|message| message.role == Role::User) =>
            {
                return Err(Unsupported::NoQuestion(name()));
            }
            _ => {}
        }
        if self.policy.whole && !stop.is_empty() {
            return Err(Unsupported::Stop(name()));
        }
        self.takes(max_tokens)
    }

    /// Whether answers may be so long.
    pub(crate) fn takes(&self, max_tokens: NonZeroU32) -> Result<(), Unsupported> {
        let is_longer = self.policy.whole && max_tokens.get() > LONGEST_DRAFT;
        let refused = || Unsupported::MaxTokens { strategy: Arc::clone(&self.name), given: max_tokens.get() };
        if is_longer { Err(refused()) } else { Ok(()) }
    }

    /// How members of these names are asked. Changes of the sampling what the strategy cannot do without.
    pub(crate) fn plan(&self, members: &[Arc<str>], sampling: &mut Sampling) -> Plan {
        let everyone = MemberIndex::all(members.len());
        let seats = members.iter().map(|member| Seat { label: member.clone(), model: member.clone() }).collect();
        let policy = self.policy.clone();
        match self.kind {
            Kind::Fuse | Kind::BestOfN | Kind::Vote | Kind::Route { .. } => Plan::of(seats, everyone, policy),
            Kind::Single { member } => Plan::of(seats, vec![member], policy),
            Kind::SelfFuse { member, samples, temperature } => {
                let seats = members.get(member.0).map(|member| samples_of(member, samples)).unwrap_or_default();
                if sampling.temperature <= 0.0 {
                    sampling.temperature = temperature;
                }
                Plan::of(seats, MemberIndex::all(samples.get()), policy)
            }
            Kind::Mixture { aggregator, layers } => {
                let gather = whole(RankRule::Gather, policy.clone());
                let layer =
                    |layer| Stage { members: everyone.clone(), policy: gather.clone(), reads_proposals: layer > 0 };
                let last = Stage { members: vec![aggregator], policy, reads_proposals: true };
                Plan { seats, stages: (0..layers.get()).map(layer).chain([last]).collect() }
            }
        }
    }
}

impl Plan {
    fn of(seats: Arc<[Seat]>, members: Vec<MemberIndex>, policy: Policy) -> Self {
        Self { seats, stages: VecDeque::from([Stage { members, policy, reads_proposals: false }]) }
    }

    /// Of everyone who is asked in any stage.
    pub(crate) fn models(&self) -> Vec<Arc<str>> {
        let members = self.stages.iter().flat_map(|stage| &stage.members);
        let models: BTreeSet<&Arc<str>> = members.filter_map(|member| Some(&self.seats.get(member.0)?.model)).collect();
        models.into_iter().cloned().collect()
    }
}

/// "name", "name#2", "name#3", ..
fn samples_of(member: &Arc<str>, samples: NonZeroUsize) -> Arc<[Seat]> {
    let label = |number| if number == 1 { Arc::clone(member) } else { format!("{member}#{number}").into() };
    (1..=samples.get()).map(|number| Seat { label: label(number), model: Arc::clone(member) }).collect()
}

/// Nobody to be compared with.
fn alone(given: &Policy) -> Policy {
    Policy {
        segment_tokens: given.segment_tokens,
        quorum: given.quorum,
        max_strikes: given.max_strikes,
        ..Policy::default()
    }
}

/// One round of whole answers.
fn whole(rank: RankRule, given: Policy) -> Policy {
    Policy { whole: true, rank, exit: never(&given), ..given }
}

fn never(given: &Policy) -> ExitPolicy {
    ExitPolicy { rule: ExitRule::Never, ..given.exit }
}

#[cfg(test)]
mod tests;
