//! What HTTP clients say and hear, as JSON: the types are the published schema, and a field that they do not name is refused.
//!
//! - `chat`, `completion`: the two ways to ask; `choice`: what both answer
//! - `sampling`: stop strings and stream options, which both have; `neutral`: fields that are known and cannot be honoured
//! - `extension`: what is ours in requests and answers; `usage`: what an answer cost
//! - `model`, `cluster`: what there is

mod chat;
mod choice;
mod cluster;
mod completion;
mod extension;
mod model;
mod neutral;
mod sampling;
mod usage;

pub(super) use self::{
    chat::{
        AssistantMessage, ChatAnswer, ChatChoice, ChatChunk, ChatChunkChoice, ChatMessage, ChatRequest, Content, Delta,
        Role,
    },
    choice::{Alternative, FinishReason, Logprobs, TokenLogprob},
    cluster::{Activity, Cluster, Description, Ensemble, Load, MemberActivity, StrategyName, Worker, WorkerState},
    completion::{
        CompletionAnswer, CompletionChoice, CompletionExtension, CompletionLogprobs, CompletionRequest, Prompts,
    },
    extension::{AnswerExtension, Asked, ChunkExtension, Exit, Segment},
    model::{Model, ModelList},
    sampling::{StopStrings, StreamOptions},
    usage::{MemberUsage, Usage, UsageExtension},
};
