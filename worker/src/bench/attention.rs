//! How fast attention reads keys and values, from what a longer context adds to a step.

use super::Ceilings;
use super::steps::{Kind, Step};

/// Sequences of the decodes that are compared.
const ROWS: [usize; 2] = [1, 16];

/// Of decodes of so many sequences, the longest context against the shortest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    pub rows: usize,
    /// Bytes a second of the keys and values that the longest context adds, over the time that it adds; None: it adds none.
    pub rate: Option<f64>,
}

impl Attention {
    /// None where fewer than two contexts were measured.
    pub(super) fn of(steps: &[Step]) -> Vec<Self> {
        ROWS.into_iter().filter_map(|rows| Self::of_rows(steps, rows)).collect()
    }

    /// The rate over the bandwidth.
    pub fn share(&self, ceilings: &Ceilings) -> Option<f64> {
        self.rate.map(|rate| rate / ceilings.bandwidth)
    }

    fn of_rows(steps: &[Step], rows: usize) -> Option<Self> {
        let decodes = || steps.iter().filter(|step| step.kind == Kind::Decode && step.rows == rows);
        let shortest = decodes().min_by_key(|step| step.context)?;
        let longest = decodes().max_by_key(|step| step.context)?;
        if shortest.context == longest.context {
            return None;
        }
        let bytes = longest.cost.cache_bytes - shortest.cost.cache_bytes;
        let seconds = (longest.ms - shortest.ms) / 1e3;
        Some(Self { rows, rate: (bytes > 0.0 && seconds > 0.0).then(|| bytes / seconds) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::roofline::Cost;
    use super::*;

    fn decode(rows: usize, context: usize, ms: f64) -> Step {
        let cost = Cost { weight_bytes: 1e6, cache_bytes: (rows * context) as f64 * 1e3, ..Cost::default() };
        Step { kind: Kind::Decode, rows, context, ms, tokens_s: 1.0, cost, least_ms: None }
    }

    #[test]
    fn the_rate_is_that_of_what_a_longer_context_adds() {
        let steps = [decode(1, 500, 2.0), decode(1, 100, 1.0), decode(1, 1100, 3.0), decode(16, 100, 5.0)];
        // 1000 tokens of 1000 bytes in 2 ms; 16 sequences were measured after one context only.
        assert_eq!(Attention::of(&steps), [Attention { rows: 1, rate: Some(5e8) }]);
    }

    #[test]
    fn a_context_that_adds_no_time_has_no_rate() {
        let steps = [decode(1, 100, 1.0), decode(1, 200, 0.9)];
        assert_eq!(Attention::of(&steps), [Attention { rows: 1, rate: None }]);
    }
}
