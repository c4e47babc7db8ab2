//! Wilson's score interval of a share, at its two ends, where a bootstrap has no width (E. B. Wilson, "Probable inference, the law of
//! succession, and statistical inference", JASA 22, 1927).

use super::Z_ALPHA;

/// How far from 0 the share may be in truth, at 95 %, of what was never seen in `count` tries: z² / (n + z²). As far from 1 where it
/// was seen every time.
pub fn doubt(count: usize) -> f64 {
    let z_square = Z_ALPHA * Z_ALPHA;
    z_square / (count as f64 + z_square)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (p + z²/2n ± z √(p (1 - p) / n + z²/4n²)) / (1 + z²/n) at p = 0
    #[test]
    fn the_ends_are_those_of_the_score_interval() {
        for (count, high) in [(1, 0.793450686), (5, 0.434482465), (10, 0.277532800), (100, 0.036993498)] {
            assert!((doubt(count) - high).abs() < 1e-8, "{count}: {}", doubt(count));
        }
        assert_eq!(doubt(0), 1.0);
    }
}
