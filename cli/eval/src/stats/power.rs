//! How many questions a difference needs to be seen.

use super::Z_ALPHA;

/// Standard normal quantile of 0.8: seen four times in five.
const Z_POWER: f64 = 0.841621233572914;
/// Pairs that differ: with fewer no exact test is below 5 %, even if all agree (2 / 2^5 = 0.0625, 2 / 2^6 = 0.03125).
const LEAST_DIFFERENT: f64 = 6.0;

/// Questions that a two-sided test at 5 % needs to see the observed mean difference with a power of 80 %. None without a difference.
///
/// For pairs of right and wrong, with ψ the share of pairs that differ and δ the mean difference,
///
///   n = (z_α √ψ + z_β √(ψ - δ²))² / δ²
///
/// (R. J. Connor, "Sample size for testing differences in proportions for the paired-sample design", Biometrics 43, 1987). ψ is the mean
/// square of the differences and ψ - δ² their variance: in these terms it holds for other qualities too. It takes the observed
/// difference for the true one, so it is a guide for the next evaluation, not a finding of this one. It is never less than what makes
/// six pairs differ, if as many of them differ as here.
pub fn questions_needed(differences: &[f64]) -> Option<u64> {
    let count = differences.len() as f64;
    let mean = super::mean(differences)?;
    let mean_square = differences.iter().map(|difference| difference * difference).sum::<f64>() / count;
    let spread = Z_ALPHA * mean_square.sqrt() + Z_POWER * (mean_square - mean * mean).max(0.0).sqrt();
    let different = differences.iter().filter(|difference| **difference != 0.0).count() as f64 / count;
    let needed = (spread / mean).powi(2).max(LEAST_DIFFERENT / different).ceil();
    (mean.abs() > 1e-9 && needed.is_finite()).then_some(needed as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ψ = 0.2, δ = 0.1: (1.959964 · 0.447214 + 0.841621 · 0.435890)² / 0.01 = 154.60.
    #[test]
    fn a_difference_of_right_and_wrong_needs_what_the_formula_says() {
        let differences = [vec![1.0; 30], vec![-1.0; 10], vec![0.0; 160]].concat();
        assert_eq!(questions_needed(&differences), Some(155));
        let opposite: Vec<f64> = differences.iter().map(|difference| -difference).collect();
        assert_eq!(questions_needed(&opposite), Some(155));
    }

    #[test]
    fn half_the_difference_needs_about_four_times_the_questions() {
        let wide = [vec![1.0; 60], vec![-1.0; 40], vec![0.0; 400]].concat();
        let narrow = [vec![1.0; 55], vec![-1.0; 45], vec![0.0; 400]].concat();
        let ratio = questions_needed(&narrow).unwrap() as f64 / questions_needed(&wide).unwrap() as f64;
        assert!((ratio - 4.0).abs() < 0.1, "{ratio}");
    }

    #[test]
    fn no_difference_needs_no_number() {
        assert_eq!(questions_needed(&[]), None);
        assert_eq!(questions_needed(&[0.0; 9]), None);
        assert_eq!(questions_needed(&[1.0, -1.0]), None);
        assert_eq!(questions_needed(&[1.0, 1.0]), Some(6));
        assert_eq!(questions_needed(&[1.0, 0.0, 0.0, 0.0]), Some(29));
    }
}
