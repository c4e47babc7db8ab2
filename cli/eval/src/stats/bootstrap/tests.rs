use proptest::prelude::*;

use super::*;

fn right_and_wrong(right: usize, of: usize) -> Vec<f64> {
    (0..of).map(|index| f64::from(u8::from(index < right))).collect()
}

fn near(a: f64, b: f64, by: f64) {
    assert!((a - b).abs() <= by, "{a} is not within {by} of {b}");
}

/// The closed form: a mean of 0/1 values has the standard error sqrt(p (1 - p) / n).
#[test]
fn an_interval_of_right_and_wrong_is_that_of_the_standard_error() {
    for (right, of) in [(120, 400), (350, 500), (1000, 2000)] {
        let share = right as f64 / of as f64;
        let error = (share * (1.0 - share) / of as f64).sqrt();
        let interval = mean_interval(&right_and_wrong(right, of), 1).unwrap();
        // Half a step of the lattice, and a little for the resampling.
        let tolerance = 0.5 / of as f64 + 0.06 * error;
        near(interval.low, share - 1.959964 * error, tolerance);
        near(interval.high, share + 1.959964 * error, tolerance);
    }
}

/// `scipy.stats.binom.ppf([0.025, 0.975], n, k / n)`
#[test]
fn an_interval_of_right_and_wrong_is_that_of_the_binomial() {
    for (right, of, low, high) in
        [(7, 20, 3.0, 11.0), (45, 60, 38.0, 51.0), (120, 400, 102.0, 138.0), (3, 200, 0.0, 7.0)]
    {
        let interval = mean_interval(&right_and_wrong(right, of), 7).unwrap();
        near(interval.low * of as f64, low, 1.0 + 1e-9);
        near(interval.high * of as f64, high, 1.0 + 1e-9);
    }
}

#[test]
fn drawing_counts_and_drawing_values_have_one_distribution() {
    let sample = [right_and_wrong(30, 80), vec![0.5; 20]].concat();
    let counts = [(0.0, 50), (0.5, 20), (1.0, 30)];
    let mut sorted = sample.clone();
    sorted.sort_by(f64::total_cmp);
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let by_counts: Vec<f64> = (0..20_000).map(|_| mean_by_counts(&counts, 100, &mut random)).collect();
    let by_draws: Vec<f64> = (0..20_000).map(|_| mean_by_draws(&sorted, &mut [0; 100], &mut random)).collect();
    let spread = |means: &[f64]| {
        let centre = mean(means).unwrap();
        (centre, mean(&means.iter().map(|mean| (mean - centre).powi(2)).collect::<Vec<_>>()).unwrap().sqrt())
    };
    let ((centre, deviation), (other_centre, other_deviation)) = (spread(&by_counts), spread(&by_draws));
    let expected = spread(&sample).1 / 10.0;
    near(centre, 0.4, 0.002);
    near(other_centre, 0.4, 0.002);
    near(deviation, expected, 0.02 * expected);
    near(other_deviation, expected, 0.02 * expected);
}

#[test]
fn an_interval_of_many_distinct_values_is_that_of_the_standard_error() {
    let values: Vec<f64> = (0..500).map(|index| f64::from(index * 37 % 500) / 500.0).collect();
    let centre = mean(&values).unwrap();
    let error = (values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / 500.0 / 500.0).sqrt();
    let interval = mean_interval(&values, 3).unwrap();
    near(interval.low, centre - 1.959964 * error, 0.08 * error);
    near(interval.high, centre + 1.959964 * error, 0.08 * error);
}

#[test]
fn what_does_not_vary_is_certain_but_for_right_and_wrong() {
    assert_eq!(mean_interval(&[], 1), None);
    assert_eq!(mean_difference(&[], 1), None);
    for value in [0.1, 0.9, 0.3] {
        for size in [1, 2, 300] {
            let interval = mean_interval(&vec![value; size], 1).unwrap();
            near(interval.low, value, 1e-12);
            near(interval.high, value, 1e-12);
        }
    }
    let nothing = mean_difference(&[0.0; 40], 1).unwrap();
    assert_eq!((nothing.mean, nothing.p), (0.0, 1.0));
    let doubt = wilson::doubt(40);
    assert_eq!(nothing.interval, Interval { low: -doubt, high: doubt });
    assert_eq!(mean_interval(&[0.0; 40], 1), Some(Interval { low: 0.0, high: doubt }));
    assert_eq!(mean_interval(&[1.0; 40], 1), Some(Interval { low: 1.0 - doubt, high: 1.0 }));
    assert_eq!(mean_difference(&[1.0; 40], 1).unwrap().interval, Interval { low: 1.0 - doubt, high: 1.0 });
}

/// 30 pairs better, 10 worse, 160 equal: z = 20 / sqrt(40 - 20² / 200) = 3.244, two-sided p = 0.00118.
#[test]
fn a_difference_has_the_p_of_the_normal_approximation() {
    let differences = [vec![1.0; 30], vec![-1.0; 10], vec![0.0; 160]].concat();
    let difference = mean_difference(&differences, 11).unwrap();
    near(difference.mean, 0.1, 1e-12);
    assert!(difference.p > 0.0002 && difference.p < 0.003, "{}", difference.p);
    let error = ((40.0 / 200.0 - 0.01) / 200.0f64).sqrt();
    near(difference.interval.low, 0.1 - 1.959964 * error, 0.006);
    near(difference.interval.high, 0.1 + 1.959964 * error, 0.006);
    let balanced =
        [vec![0.25; 20], vec![-0.25; 20], vec![0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.4, -0.4, 0.5, -0.5]].concat();
    assert!(mean_difference(&balanced, 11).unwrap().p > 0.8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_interval_holds_the_mean_and_follows_from_seed_and_values_alone(
        values in proptest::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.0..1.0f64], 1..60),
        seed in any::<u64>(),
    ) {
        let interval = mean_interval(&values, seed).unwrap();
        let centre = mean(&values).unwrap();
        prop_assert!(interval.low <= centre + 1e-12 && centre <= interval.high + 1e-12);
        let mut turned = values.clone();
        turned.reverse();
        prop_assert_eq!(mean_interval(&turned, seed), Some(interval));
    }

    #[test]
    fn a_difference_turned_round_is_as_probable(
        differences in proptest::collection::vec(prop_oneof![Just(0.0), Just(1.0), Just(-1.0)], 1..60),
        seed in any::<u64>(),
    ) {
        let one = mean_difference(&differences, seed).unwrap();
        let other = mean_difference(&differences.iter().map(|value| -value).collect::<Vec<_>>(), seed).unwrap();
        prop_assert!((one.mean + other.mean).abs() < 1e-12);
        prop_assert!((one.p - other.p).abs() < 0.05, "{} {}", one.p, other.p);
        prop_assert!(one.p > 0.0 && one.p <= 1.0);
    }
}
