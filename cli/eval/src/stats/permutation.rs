//! The sign-flip test, exact: if neither of two answerers is better, each pair's difference could as well have had the other sign.

/// More differences than this are not counted through: there are 2^n signs.
pub const MOST: usize = 16;
/// Sums nearer than this are equal.
const ROUNDING: f64 = 1e-9;

/// Two-sided p: of all ways to set the signs, the share whose sum is as far from zero as the sum that was seen, or further. Pairs that do
/// not differ have no sign. None with more than [`MOST`] that differ. Of differences of one size it is McNemar's exact p.
pub fn p(differences: &[f64]) -> Option<f64> {
    let mut sizes: Vec<f64> = differences.iter().copied().filter(|difference| difference.abs() > ROUNDING).collect();
    if sizes.len() > MOST || sizes.iter().any(|size| !size.is_finite()) {
        return None;
    }
    sizes.sort_by(f64::total_cmp);
    let seen = sizes.iter().sum::<f64>().abs();
    let ways = 1_u32 << sizes.len();
    let sum = |signs: u32| -> f64 {
        let signed = sizes.iter().enumerate().map(|(place, size)| if signs >> place & 1 == 1 { -size } else { *size });
        signed.sum()
    };
    let as_far = (0..ways).filter(|signs| sum(*signs).abs() >= seen - ROUNDING).count();
    Some(as_far as f64 / f64::from(ways))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::mcnemar;

    #[test]
    fn few_signs_are_counted_by_hand() {
        assert_eq!((p(&[]), p(&[0.0; 40]), p(&[0.3])), (Some(1.0), Some(1.0), Some(1.0)));
        assert_eq!(p(&[0.1, 0.2, 0.3]), Some(2.0 / 8.0));
        // ±(1 + 2 + 4 + 8) and ±(-1 + 2 + 4 + 8)
        assert_eq!(p(&[-1.0, 2.0, 4.0, 8.0]), Some(4.0 / 16.0));
        assert_eq!(p(&[0.5; 17]), None);
    }

    proptest! {
        #[test]
        fn of_right_and_wrong_it_is_mcnemars(better in 0usize..=8, worse in 0usize..=8, equal in 0usize..30) {
            let differences = [vec![1.0; better], vec![-1.0; worse], vec![0.0; equal]].concat();
            let exact = p(&differences).unwrap();
            prop_assert!((exact - mcnemar::p(better, worse)).abs() < 1e-9, "{}", exact);
        }
    }
}
