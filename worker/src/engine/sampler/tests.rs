use super::*;

fn sampling(temperature: f32) -> Sampling {
    Sampling { temperature, seed: 7, ..Sampling::default() }
}

fn sampler(sampling: Sampling) -> Sampler {
    Sampler::new(sampling, &[], 0)
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
    assert_eq!(sampler(sampling(0.0)).draw(&[1.0, 3.0, 3.0, 2.0]), 1);
}

#[test]
fn the_most_probable_tokens_come_first_and_of_equals_the_lower_id() {
    let logits = [0.5, 3.0, -1.0, 3.0, 0.5, 2.0];
    let row = Row::new(&logits).unwrap();
    let tokens = |count| row.most_probable(count).iter().map(|one| one.token).collect::<Vec<_>>();
    assert_eq!(tokens(0), [0; 0]);
    assert_eq!(tokens(1), [1]);
    assert_eq!(tokens(4), [1, 3, 5, 0]);
    assert_eq!(tokens(9), [1, 3, 5, 0, 4, 2]);
}

#[test]
fn the_most_probable_tokens_are_those_of_a_direct_softmax() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let logits: Vec<f32> = (0..1000).map(|_| rng.random_range(-8f32..8.0)).collect();
    let total: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    let mut expected: Vec<(u32, f64)> =
        (0u32..).zip(logits.iter().map(|logit| (f64::from(*logit).exp() / total).ln())).collect();
    expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let found = Row::new(&logits).unwrap().most_probable(20);
    assert_eq!(found.len(), 20);
    for (found, (token, logprob)) in found.iter().zip(expected) {
        assert!(found.token == token && (f64::from(found.logprob) - logprob).abs() < 1e-4, "{found:?} {logprob}");
    }
}

/// The probabilities that the rules leave of logits, written down from their definitions and not from the sampler.
fn exact(logits: &[f32], sampling: &Sampling, context: &[u32], answer_from: usize) -> Vec<f64> {
    let weight = |(token, logit): (u32, &f32)| {
        let mut logit = f64::from(*logit);
        let times = context[answer_from..].iter().filter(|seen| **seen == token).count() as f64;
        if context.contains(&token) {
            let penalty = f64::from(sampling.repetition_penalty);
            logit = if logit > 0.0 { logit / penalty } else { logit * penalty };
        }
        logit -= f64::from(sampling.presence_penalty) * times.min(1.0) + f64::from(sampling.frequency_penalty) * times;
        logit +=
            sampling.logit_bias.iter().filter(|(id, _)| *id == token).map(|(_, bias)| f64::from(*bias)).sum::<f64>();
        (logit / f64::from(sampling.temperature)).exp()
    };
    let normal = |weights: Vec<f64>| -> Vec<f64> {
        let total: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    };
    let mut p = normal((0u32..).zip(logits).map(weight).collect());
    let rank = |p: &[f64]| {
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|a, b| p[*b].total_cmp(&p[*a]).then(a.cmp(b)));
        order
    };
    if sampling.top_k > 0 {
        rank(&p).into_iter().skip(sampling.top_k).for_each(|token| p[token] = 0.0);
        p = normal(p);
    }
    let mut reached = 0.0;
    for token in rank(&p) {
        let enough = reached >= f64::from(sampling.top_p);
        reached += p[token];
        if enough {
            p[token] = 0.0;
        }
    }
    let most = p.iter().copied().fold(0.0, f64::max);
    normal(p.into_iter().map(|p| if p < f64::from(sampling.min_p) * most { 0.0 } else { p }).collect())
}

#[test]
fn draws_follow_the_exact_distribution() {
    let logits = [2.0, 1.5, 0.6, 0.0, -0.4, -1.0, -1.2, 1.1];
    let context = [0, 3, 5, 7, 0, 1, 1, 4];
    let answer_from = 4;
    let plain = || sampling(1.0);
    for (rule, sampling) in [
        ("plain", plain()),
        ("temperature", sampling(0.6)),
        ("top_k", Sampling { top_k: 4, ..plain() }),
        ("top_p", Sampling { top_p: 0.8, ..plain() }),
        ("min_p", Sampling { min_p: 0.2, ..plain() }),
        ("repetition", Sampling { repetition_penalty: 1.7, ..plain() }),
        ("presence", Sampling { presence_penalty: 1.3, ..plain() }),
        ("frequency", Sampling { frequency_penalty: -0.4, ..plain() }),
        ("bias", Sampling { logit_bias: vec![(0, -1.5), (6, 2.5)], ..plain() }),
        (
            "all",
            Sampling {
                temperature: 1.4,
                top_k: 6,
                top_p: 0.9,
                min_p: 0.1,
                repetition_penalty: 1.2,
                presence_penalty: 0.5,
                frequency_penalty: 0.3,
                logit_bias: vec![(2, 0.7)],
                seed: 11,
            },
        ),
    ] {
        let expected = exact(&logits, &sampling, &context, answer_from);
        let draws = 20_000;
        let mut counts = [0f64; 8];
        // Each draw is the first of a draft of its own: the next one's penalties would count this one.
        for seed in 0..draws {
            let sampling = Sampling { seed, ..sampling.clone() };
            counts[Sampler::new(sampling, &context, answer_from).draw(&logits) as usize] += 1.0;
        }
        let possible = || counts.iter().zip(&expected).filter(|(_, p)| **p > 0.0);
        assert_eq!(possible().map(|(count, _)| count).sum::<f64>(), draws as f64, "{rule}: {counts:?} {expected:?}");
        let expected_count = |p: &f64| p * draws as f64;
        let chi_square: f64 =
            possible().map(|(count, p)| (count - expected_count(p)).powi(2) / expected_count(p)).sum();
        // 99.9 % of a fair sampler's draws stay below these, by degrees of freedom.
        let bound = [10.8, 13.8, 16.3, 18.5, 20.5, 22.5, 24.3][possible().count() - 2];
        assert!(chi_square < bound, "{rule}: {chi_square}: {counts:?} {expected:?}");
    }
}

#[test]
fn draws_of_one_generator_follow_the_distribution() {
    let expected = [0.5, 0.25, 0.15, 0.07, 0.03];
    let logits = logits(&expected);
    let mut sampler = sampler(sampling(1.0));
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
    assert_eq!(kept_tokens(&[0.4, 0.35, 0.25], both.clone()), [0, 1]);
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
        let mut sampler = sampler(Sampling { seed, ..sampling(1.0) });
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
