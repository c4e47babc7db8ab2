//! What an answer cost.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Tokens of the prompt, as the first winner's model reads it.
    pub(crate) prompt_tokens: u64,
    /// Tokens of the winning segments, as their first authors drafted them. Of all choices.
    pub(crate) completion_tokens: u64,
    pub(crate) total_tokens: u64,
    pub(crate) specfuse: UsageExtension,
}

/// Over all members and choices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = SpecFuseUsage)]
pub(crate) struct UsageExtension {
    pub(crate) rounds: u64,
    /// Mean over the rounds of the members active in them.
    pub(crate) members_per_round: f64,
    pub(crate) draft_calls: u64,
    pub(crate) score_calls: u64,
    pub(crate) scored_rounds: u64,
    pub(crate) gated_rounds: u64,
    pub(crate) members: Vec<MemberUsage>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct MemberUsage {
    pub(crate) member: String,
    /// Segments of which it was the first author.
    pub(crate) segments_won: u64,
    /// UTF-8 bytes of the answer that it wrote.
    pub(crate) bytes_won: u64,
    /// Of all its drafts, won or not.
    pub(crate) drafted_tokens: u64,
    /// Terms that it gave as a scorer.
    pub(crate) scored_tokens: u64,
    /// Rows of its forward passes.
    pub(crate) tokens_computed: u64,
    /// Context tokens that its prefix cache had.
    pub(crate) tokens_cached: u64,
}
