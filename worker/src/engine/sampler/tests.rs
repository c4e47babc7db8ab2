use super::*;

fn sampling(temperature: f32) -> Sampling {
    Sampling { temperature, top_p: 1.0, top_k: 0, min_p: 0.0, seed: 7 }
}

/// Logits whose softmax is the given distribution.
fn logits(distribution: &[f64]) -> Vec<f32> {
    distribution.iter().map(|p| p.ln() as f32).collect()
}

fn kept_tokens(distribution: &[f64], sampling: Sampling) -> Vec<u32> {
    let mut tokens: Vec<u32> = kept(&logits(distribution), &sampling).into_iter().map(|(token, _)| token).collect();
    tokens.sort_unstable();
    tokens
}

#[test]
fn argmax_takes_the_lowest_id_on_a_tie() {
    assert_eq!(Sampler::new(sampling(0.0)).draw(&[1.0, 3.0, 3.0, 2.0]), 1);
}

#[test]
fn draws_follow_the_distribution() {
    let expected = [0.5, 0.25, 0.15, 0.07, 0.03];
    let logits = logits(&expected);
    let mut sampler = Sampler::new(sampling(1.0));
    let mut counts = [0f64; 5];
    let draws = 20_000;
    for _ in 0..draws {
        counts[sampler.draw(&logits) as usize] += 1.0;
    }
    let chi_square: f64 = counts
        .iter()
        .zip(expected)
        .map(|(count, p)| (count - p * f64::from(draws)).powi(2) / (p * f64::from(draws)))
        .sum();
    // 99.9 % of a fair sampler's draws stay below this, with four degrees of freedom.
    assert!(chi_square < 18.5, "{chi_square}: {counts:?}");
}

#[test]
fn temperature_sharpens_and_flattens() {
    let share = |temperature| {
        let weights = kept(&logits(&[0.8, 0.2]), &sampling(temperature));
        weights[0].1 / (weights[0].1 + weights[1].1)
    };
    assert!((share(1.0) - 0.8).abs() < 1e-6);
    assert!((share(0.5) - 0.64 / 0.68).abs() < 1e-6);
    assert!((share(100.0) - 0.5).abs() < 0.01);
}

#[test]
fn top_k_keeps_the_most_probable_and_the_lower_id_on_a_tie() {
    let distribution = [0.1, 0.3, 0.2, 0.2, 0.2];
    let top_k = |top_k| kept_tokens(&distribution, Sampling { top_k, ..sampling(1.0) });
    assert_eq!(top_k(1), [1]);
    assert_eq!(top_k(3), [1, 2, 3]);
    assert_eq!(top_k(0), [0, 1, 2, 3, 4]);
    assert_eq!(top_k(9), [0, 1, 2, 3, 4]);
}

#[test]
fn top_p_keeps_the_fewest_that_reach_it() {
    let distribution = [0.05, 0.5, 0.1, 0.35];
    let top_p = |top_p| kept_tokens(&distribution, Sampling { top_p, ..sampling(1.0) });
    assert_eq!(top_p(1e-6), [1]);
    assert_eq!(top_p(0.45), [1]);
    assert_eq!(top_p(0.55), [1, 3]);
    assert_eq!(top_p(0.9), [1, 2, 3]);
    assert_eq!(top_p(1.0), [0, 1, 2, 3]);
}

#[test]
fn top_p_acts_on_what_top_k_leaves() {
    let both = Sampling { top_k: 2, top_p: 0.6, ..sampling(1.0) };
    // 0.4 and 0.35 become 0.53 and 0.47.
    assert_eq!(kept_tokens(&[0.4, 0.35, 0.25], both), [0, 1]);
    assert_eq!(kept_tokens(&[0.4, 0.35, 0.25], Sampling { top_p: 0.5, ..both }), [0]);
}

#[test]
fn min_p_is_relative_to_the_most_probable() {
    let min_p = |min_p| kept_tokens(&[0.5, 0.3, 0.2], Sampling { min_p, ..sampling(1.0) });
    assert_eq!(min_p(0.5), [0, 1]);
    assert_eq!(min_p(0.7), [0]);
    assert_eq!(min_p(1.0), [0]);
    assert_eq!(min_p(0.0), [0, 1, 2]);
}

#[test]
fn a_seed_is_a_text() {
    let logits = logits(&[0.25; 4]);
    let text = |seed| {
        let mut sampler = Sampler::new(Sampling { seed, ..sampling(1.0) });
        (0..20).map(|_| sampler.draw(&logits)).collect::<Vec<_>>()
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn log_probabilities_are_the_plain_softmax_s() {
    let logits = [1000.0, 1001.0, 998.0];
    let row = Row::new(&logits).unwrap();
    let total = (1f64 + 1f64.exp() + (-2f64).exp()).ln();
    assert!((f64::from(row.logprob(1)) - (1.0 - total)).abs() < 1e-6);
    let any = ((1f64 + (-2f64).exp()).ln()) - total;
    assert!((f64::from(row.logprob_of_any(&[0, 2, 0])) - any).abs() < 1e-6);
    assert_eq!(row.logprob(3), f32::NEG_INFINITY);
}

#[test]
fn a_logit_that_is_no_number_is_an_error() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(Row::new(&[0.0, bad]).unwrap_err(), NotFinite);
    }
    assert!(Row::new(&[]).is_err());
}
