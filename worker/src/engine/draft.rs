//! What the engine is asked to draft, and what can be made ready of it before the engine's thread has it.

use std::sync::Arc;

use super::sampler::Sampler;

/// Continue `tokens` by at most `max_new` tokens.
#[derive(Clone, Debug)]
pub struct DraftJob {
    /// The whole context; at least one token.
    pub tokens: Vec<u32>,
    /// Where the answer begins in `tokens`; at most their number.
    pub answer_from: usize,
    /// At least one.
    pub max_new: usize,
    /// Drawing one of these ends the draft.
    pub end_of_turn: Arc<[u32]>,
    pub sampling: Sampling,
}

/// How the next token is drawn. The ranges are the contract's (`Sampling` and `DraftRequest` in worker.proto), checked at the edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0: the most probable token, lowest id on a tie.
    pub temperature: f32,
    pub top_p: f32,
    /// 0: all.
    pub top_k: usize,
    pub min_p: f32,
    pub seed: u64,
    /// 1: none.
    pub repetition_penalty: f32,
    pub presence_penalty: f32,
    pub frequency_penalty: f32,
    /// Added to the logits of these tokens, each named once.
    pub logit_bias: Vec<(u32, f32)>,
}

/// The most probable token, lowest id on a tie.
impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            seed: 0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
        }
    }
}

/// A token that could have been drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternative {
    pub token: u32,
    /// Natural, under the plain softmax.
    pub logprob: f32,
}

/// A job whose tokens are counted as its penalties need, which takes time by the length of its context.
#[derive(Debug)]
pub struct ReadyDraft {
    pub(crate) tokens: Vec<u32>,
    pub(crate) answer_from: usize,
    pub(crate) max_new: usize,
    pub(super) end_of_turn: Arc<[u32]>,
    pub(super) sampler: Box<Sampler>,
    /// So many are told for each token drawn.
    pub(super) alternatives: usize,
}

impl ReadyDraft {
    /// Asks for the most probable tokens, so many, in the place of each that is drawn. Without it none are looked for.
    pub fn telling(self, alternatives: usize) -> Self {
        Self { alternatives, ..self }
    }
}

impl From<DraftJob> for ReadyDraft {
    fn from(job: DraftJob) -> Self {
        let DraftJob { tokens, answer_from, max_new, end_of_turn, sampling } = job;
        let sampler = Box::new(Sampler::new(sampling, &tokens, answer_from));
        Self { tokens, answer_from, max_new, end_of_turn, sampler, alternatives: 0 }
    }
}
