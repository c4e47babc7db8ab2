//! What is known of the cluster: workers, ensembles, and what the last minute saw.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Cluster {
    pub(crate) workers: Vec<Worker>,
    /// Since the list of workers was last known to be that of the discovery service; null where the list is configured.
    pub(crate) discovery_last_sync_seconds: Option<f64>,
    pub(crate) running_generations: u32,
    pub(crate) waiting_generations: u32,
    pub(crate) ensembles: Vec<Ensemble>,
    pub(crate) activity: Activity,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Worker {
    pub(crate) endpoint: String,
    pub(crate) state: WorkerState,
    /// The last thing that went wrong, while it is unreachable.
    pub(crate) error: String,
    /// This coordinator's calls to it.
    pub(crate) calls_in_flight: u32,
    /// The last known; null until it has described itself.
    pub(crate) description: Option<Description>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WorkerState {
    Connecting,
    Ready,
    Unreachable,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = WorkerDescription)]
pub(crate) struct Description {
    /// The member's name.
    pub(crate) model: String,
    pub(crate) family: String,
    /// Number of weights.
    pub(crate) parameters: u64,
    /// Tokens.
    pub(crate) context_length: u32,
    pub(crate) dtype: String,
    pub(crate) device: String,
    pub(crate) build: String,
    pub(crate) capabilities: Vec<String>,
    /// That its prefix cache can hold.
    pub(crate) cache_tokens: u64,
    pub(crate) instance_id: String,
    /// Of its checkpoint.
    pub(crate) fingerprint: String,
    pub(crate) load: Option<Load>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = WorkerLoad)]
pub(crate) struct Load {
    pub(crate) live_sequences: u32,
    pub(crate) waiting_calls: u32,
    /// Forward passes since its start.
    pub(crate) engine_steps: u64,
    pub(crate) cached_tokens: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Ensemble {
    pub(crate) name: String,
    pub(crate) members: Vec<String>,
    /// Tokens that a member drafts in a round, at most.
    pub(crate) segment_tokens: u32,
    pub(crate) score: String,
    pub(crate) exit: String,
    pub(crate) weights: String,
    pub(crate) default_max_tokens: u32,
    pub(crate) max_tokens_limit: u32,
    /// Every member has a worker that answers.
    pub(crate) ready: bool,
    pub(crate) strategies: Vec<StrategyName>,
    pub(crate) default_strategy: String,
    /// What a request's `specfuse` may change.
    pub(crate) adjustable: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Strategy)]
pub(crate) struct StrategyName {
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// Of the last seconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Activity {
    pub(crate) seconds: u64,
    /// Finished.
    pub(crate) answers: u64,
    pub(crate) completion_tokens_per_second: f64,
    /// Null without a round.
    pub(crate) members_per_round: Option<f64>,
    pub(crate) members: Vec<MemberActivity>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct MemberActivity {
    pub(crate) member: String,
    pub(crate) drafted_tokens_per_second: f64,
    pub(crate) scored_tokens_per_second: f64,
    pub(crate) segments_won: u64,
}
