//! Affine corrections: with them every member's mean log-probabilities have the ensemble's mean and spread.
//!
//! For member j with mean mu_j and standard deviation sigma_j: scale = sigma / sigma_j and shift = mu - scale * mu_j, where mu and
//! sigma are the means of the members'.

use std::collections::BTreeMap;

use super::scores::Scores;

/// Passages that it takes.
const LEAST: usize = 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum FitError {
    #[error(
        "the members can all score {0} passages of the text; at least {LEAST} are needed: give a longer text, in words that they know"
    )]
    TooFew(usize),
    #[error("{0} gives every passage the same log-probability")]
    Constant(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Correction {
    pub(super) scale: f64,
    pub(super) shift: f64,
}

/// Whether a text with so many passages can be enough.
pub(super) fn suffices(passages: usize) -> Result<(), FitError> {
    if passages < LEAST { Err(FitError::TooFew(passages)) } else { Ok(()) }
}

pub(super) fn fit(scores: &Scores) -> Result<BTreeMap<String, Correction>, FitError> {
    let members: Vec<(&String, f64, f64)> =
        scores.iter().map(|(member, means)| (member, mean(means), deviation(means))).collect();
    let passages = scores.values().map(Vec::len).min().unwrap_or(0);
    suffices(passages)?;
    if let Some((constant, ..)) = members.iter().find(|(_, _, sigma)| *sigma <= f64::EPSILON) {
        return Err(FitError::Constant((*constant).clone()));
    }
    let mu = mean(&members.iter().map(|(_, mu, _)| *mu).collect::<Vec<_>>());
    let sigma = mean(&members.iter().map(|(_, _, sigma)| *sigma).collect::<Vec<_>>());
    let correction = |(member, own_mu, own_sigma): (&String, f64, f64)| {
        let scale = sigma / own_sigma;
        (member.clone(), Correction { scale, shift: mu - scale * own_mu })
    };
    Ok(members.into_iter().map(correction).collect())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(members: &[(&str, f64, f64)]) -> Scores {
        let of =
            |mean: f64, deviation: f64| (0..40).map(move |i| mean + if i % 2 == 0 { deviation } else { -deviation });
        members.iter().map(|(name, mean, deviation)| ((*name).to_owned(), of(*mean, *deviation).collect())).collect()
    }

    #[test]
    fn corrected_members_have_one_mean_and_one_spread() {
        let scores = scores(&[("a", -1.0, 0.5), ("b", -3.0, 1.5)]);
        let corrections = fit(&scores).unwrap();
        assert_eq!(corrections["a"], Correction { scale: 2.0, shift: 0.0 });
        for (member, means) in &scores {
            let Correction { scale, shift } = corrections[member];
            let corrected: Vec<f64> = means.iter().map(|value| scale * value + shift).collect();
            assert!((mean(&corrected) + 2.0).abs() < 1e-12 && (deviation(&corrected) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn members_alike_are_left_as_they_are() {
        let corrections = fit(&scores(&[("a", -1.5, 0.5), ("b", -1.5, 0.5)])).unwrap();
        assert_eq!(corrections["b"], Correction { scale: 1.0, shift: 0.0 });
    }

    #[test]
    fn what_cannot_be_fitted_is_said() {
        assert!(
            matches!(fit(&scores(&[("a", -1.0, 0.5), ("b", -1.0, 0.0)])), Err(FitError::Constant(name)) if name == "b")
        );
        let few = BTreeMap::from([("a".to_owned(), vec![-1.0, -2.0])]);
        assert!(matches!(fit(&few), Err(FitError::TooFew(2))));
    }
}
