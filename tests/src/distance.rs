//! How far computed numbers are from expected ones. What is no number is far from everything.

use anyhow::{Result, ensure};

/// The largest difference of two lists of equal length; not a number where one of them has such.
pub fn distance(found: &[f64], expected: &[f64]) -> Result<f64> {
    ensure!(found.len() == expected.len(), "{} values, expected {}", found.len(), expected.len());
    let worse = |most: f64, off: f64| if off <= most || most.is_nan() { most } else { off };
    Ok(found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, worse))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_or_is_missing_is_never_close() {
        assert_eq!(distance(&[1.0, 2.0], &[1.5, 2.0]).unwrap(), 0.5);
        assert!(distance(&[f64::NAN, 2.0], &[1.0, 2.0]).unwrap().is_nan());
        assert!(distance(&[1.0, 2.0], &[1.0, f64::NAN]).unwrap().is_nan());
        assert!(distance(&[1.0], &[1.0, 2.0]).is_err());
    }
}
