//! What is asked for, once it is known to be valid. Nothing here is checked again; nothing here is logged but the id, unless
//! `--log-content` says so.

use std::{num::NonZeroU32, sync::Arc};

use specfuse_runtime::propagation::Origin;
use tokio::time::Instant;

use crate::{config::Ensemble, strategy::Strategy};

#[derive(Clone, Debug)]
pub(crate) struct GenerateRequest {
    pub(crate) ensemble: Arc<Ensemble>,
    /// One of the ensemble's, and able to do what is asked for.
    pub(crate) strategy: Arc<Strategy>,
    pub(crate) prompt: Arc<Prompt>,
    pub(crate) max_tokens: NonZeroU32,
    /// The seed is the whole answer's.
    pub(crate) sampling: Sampling,
    /// None of them empty.
    pub(crate) stop: Vec<String>,
    /// So many alternatives are told for each token; None: tokens are not told.
    pub(crate) top_logprobs: Option<u32>,
    /// Whether all that decides the answer is told at its end, and kept.
    pub(crate) record: bool,
    /// 1 to 128 characters, none of them a control character.
    pub(crate) request_id: Arc<str>,
    /// Who asks: the name of the API key, where keys are needed.
    pub(crate) key: Option<Arc<str>>,
    /// When the client stops waiting, where it said so.
    pub(crate) deadline: Option<Instant>,
    /// The span that it was asked in.
    pub(crate) origin: Origin,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Prompt {
    /// At least one message.
    Conversation(Vec<Message>),
    /// Not empty.
    Raw(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) content: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
}

/// All finite and in range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sampling {
    pub(crate) temperature: f32,
    pub(crate) top_p: Option<f32>,
    pub(crate) top_k: u32,
    pub(crate) min_p: f32,
    pub(crate) seed: u64,
    pub(crate) repetition_penalty: Option<f32>,
    pub(crate) presence_penalty: f32,
    pub(crate) frequency_penalty: f32,
}

impl Role {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::System, Self::User, Self::Assistant].into_iter().find(|role| role.as_str() == name)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}
