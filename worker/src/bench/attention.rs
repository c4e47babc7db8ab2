//! How fast attention reads keys and values, from what a longer context adds to a step.

use super::steps::{Kind, Step};

/// Sequences of the decodes that are compared: with fewer, what a context adds drowns in the noise of reading the weights.
const ROWS: usize = 16;

/// Of decodes of so many sequences, the longest context against the shortest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    pub rows: usize,
    /// Bytes a second of the keys and values that the longest context adds, over the time that it adds; None: it adds none.
    pub rate: Option<f64>,
    /// The rate over the bandwidth around the step with the longest context.
    pub share: Option<f64>,
}

impl Attention {
    /// None where fewer than two contexts were measured.
    pub(super) fn of(steps: &[Step]) -> Option<Self> {
        let decodes = || steps.iter().filter(|step| step.kind == Kind::Decode && step.rows == ROWS);
        let shortest = decodes().min_by_key(|step| step.context)?;
        let longest = decodes().max_by_key(|step| step.context)?;
        if shortest.context == longest.context {
            return None;
        }
        let bytes = longest.cost.cache_bytes - shortest.cost.cache_bytes;
        let seconds = (longest.ms - shortest.ms) / 1e3;
        let rate = (bytes > 0.0 && seconds > 0.0).then(|| bytes / seconds);
        Some(Self { rows: ROWS, rate, share: rate.map(|rate| rate / longest.bandwidth) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::roofline::Cost;
    use super::*;

    fn decode(rows: usize, context: usize, ms: f64) -> Step {
        let cost = Cost { weight_bytes: 1e6, cache_bytes: (rows * context) as f64 * 1e3, ..Cost::default() };
        Step { kind: Kind::Decode, rows, context, ms, tokens_s: 1.0, cost, least_ms: None, bandwidth: 1e9 }
    }

    #[test]
    fn the_rate_is_that_of_what_a_longer_context_adds() {
        let steps = [decode(16, 500, 20.0), decode(16, 100, 10.0), decode(16, 1100, 42.0), decode(1, 100, 5.0)];
        // 16 times 1000 tokens of 1000 bytes in 32 ms.
        assert_eq!(Attention::of(&steps), Some(Attention { rows: 16, rate: Some(5e8), share: Some(0.5) }));
        assert_eq!(Attention::of(&steps[1..2]), None);
    }

    #[test]
    fn a_context_that_adds_no_time_has_no_rate() {
        let steps = [decode(16, 100, 1.0), decode(16, 200, 0.9)];
        assert_eq!(Attention::of(&steps), Some(Attention { rows: 16, rate: None, share: None }));
    }
}
