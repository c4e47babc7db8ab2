//! From logits to a token, and to log-probabilities, which penalties never touch. Pure: the only randomness is the seed's, one
//! stream for each sequence, so a draft does not depend on what else is in its batch.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use specfuse_kernels::logits;

use self::penalties::Penalties;
use super::{Alternative, Sampling};

mod penalties;

/// A logit that is NaN or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotFinite;

#[derive(Clone, Debug)]
pub(super) struct Sampler {
    sampling: Sampling,
    penalties: Option<Penalties>,
    rng: ChaCha8Rng,
}

impl Sampler {
    /// For a draft that continues `context`, whose answer is `context[answer_from..]`.
    pub(super) fn new(sampling: Sampling, context: &[u32], answer_from: usize) -> Self {
        let penalties = Penalties::new(&sampling, context, answer_from);
        let rng = ChaCha8Rng::seed_from_u64(sampling.seed);
        Self { sampling, penalties, rng }
    }

    /// Draws the next token of the answer from finite logits.
    pub(super) fn draw(&mut self, logits: &[f32]) -> u32 {
        let Self { sampling, penalties, rng } = self;
        let Some(penalties) = penalties else { return choose(logits, sampling, rng) };
        let token = choose(penalties.change(sampling, logits), sampling, rng);
        penalties.add(token);
        token
    }
}

/// One row of logits, all finite, and the log of its softmax's denominator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) logits: &'a [f32],
    log_total: f64,
}

impl<'a> Row<'a> {
    pub(super) fn new(logits: &'a [f32]) -> Result<Self, NotFinite> {
        Ok(Self { logits, log_total: logits::log_sum_exp(logits).ok_or(NotFinite)? })
    }

    /// log p(token).
    pub(super) fn logprob(&self, token: u32) -> f32 {
        self.logits.get(token as usize).map_or(f32::NEG_INFINITY, |logit| (f64::from(*logit) - self.log_total) as f32)
    }

    /// The most probable tokens, at most `count`: the most probable first, the lower id on a tie.
    pub(super) fn most_probable(&self, count: usize) -> Vec<Alternative> {
        let mut best: Vec<(u32, f32)> = Vec::with_capacity(count.saturating_add(1));
        for (token, logit) in (0u32..).zip(self.logits) {
            if best.len() == count && best.last().is_none_or(|(_, least)| logit <= least) {
                continue;
            }
            best.insert(best.partition_point(|(_, better)| better >= logit), (token, *logit));
            best.truncate(count);
        }
        best.into_iter().map(|(token, _)| Alternative { token, logprob: self.logprob(token) }).collect()
    }

    /// log Σ p(token), each id counted once.
    pub(super) fn logprob_of_any(&self, tokens: &[u32]) -> f32 {
        let mut ids = tokens.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let logits: Vec<f32> = ids.iter().filter_map(|id| self.logits.get(*id as usize).copied()).collect();
        logits::log_sum_exp(&logits).map_or(f32::NEG_INFINITY, |total| (total - self.log_total) as f32)
    }
}

fn choose(logits: &[f32], sampling: &Sampling, rng: &mut ChaCha8Rng) -> u32 {
    if sampling.temperature <= 0.0 {
        return argmax(logits);
    }
    let weights = kept(logits, sampling);
    let mut left = rng.random::<f64>() * weights.iter().map(|(_, weight)| weight).sum::<f64>();
    for (token, weight) in &weights {
        left -= weight;
        if left < 0.0 {
            return *token;
        }
    }
    weights.last().map_or_else(|| argmax(logits), |(token, _)| *token)
}

/// The lowest id on a tie.
fn argmax(logits: &[f32]) -> u32 {
    let most = logits::largest(logits);
    logits.iter().position(|logit| Some(*logit) == most).unwrap_or(0) as u32
}

/// What temperature, then top-k, top-p and min-p leave to draw from: tokens with weights relative to the most probable one's.
fn kept(logits: &[f32], sampling: &Sampling) -> Vec<(u32, f64)> {
    let most = logits::largest(logits).unwrap_or_default();
    let weights = logits::weights(logits, most, sampling.temperature);
    let drawable = |(token, weight): (u32, f32)| (weight > 0.0).then_some((token, f64::from(weight)));
    let mut weights: Vec<(u32, f64)> = (0u32..).zip(weights).filter_map(drawable).collect();
    if sampling.top_k > 0 && sampling.top_k < weights.len() {
        weights.select_nth_unstable_by(sampling.top_k - 1, more_probable);
        weights.truncate(sampling.top_k);
        weights.sort_unstable_by(more_probable);
    }
    if sampling.top_p < 1.0 {
        keep_nucleus(&mut weights, f64::from(sampling.top_p));
    }
    if sampling.min_p > 0.0 {
        weights.retain(|(_, weight)| *weight >= f64::from(sampling.min_p));
    }
    weights
}

/// Keeps the fewest tokens whose share reaches `top_p`.
fn keep_nucleus(weights: &mut Vec<(u32, f64)>, top_p: f64) {
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    // All that are rarer than this together are less than 1 - top_p: none of them is needed, so none need be sorted.
    let rare = (1.0 - top_p) * total / weights.len() as f64;
    weights.retain(|(_, weight)| *weight >= rare);
    weights.sort_unstable_by(more_probable);
    let mut reached = 0.0;
    let mut fewest = weights.len();
    for (index, (_, weight)) in weights.iter().enumerate() {
        reached += weight;
        if reached >= top_p * total {
            fewest = index + 1;
            break;
        }
    }
    weights.truncate(fewest.max(1));
}

/// A total order: ties go to the lower id.
fn more_probable(a: &(u32, f64), b: &(u32, f64)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests;
