//! What a scorer's voice counts where nothing is known of it but this generation: how often it has ordered two candidates as all the
//! others together do. The weight is the logarithm of the odds that it does, which is how independent votes of known reliability are
//! best added up (Nitzan and Paroush, 1982).

use crate::rank::{self, Row};

/// Below this no voice falls: half of the time right, a scorer would have none.
const QUIETEST: f64 = 0.05;

/// How often a scorer has agreed with the others, in pairs of candidates; a tie counts half.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreement {
    pub agreed: f64,
    pub pairs: f64,
}

impl Agreement {
    #[must_use]
    pub fn with(self, later: Self) -> Self {
        Self { agreed: self.agreed + later.agreed, pairs: self.pairs + later.pairs }
    }

    /// Before any pair one agrees and one does not.
    fn probability(self) -> f64 {
        (1.0 + self.agreed) / (2.0 + self.pairs)
    }
}

/// How the scorers agree in one round; one entry for each row, none for who abstained or stood alone.
pub fn agreements(rows: &[Row]) -> Vec<Agreement> {
    let weights = vec![1.0; rows.len()];
    let others_of = |scorer: usize| {
        let without: Vec<Row> =
            rows.iter().enumerate().map(|(place, row)| row.clone().filter(|_| place != scorer)).collect();
        rank::aggregate(&without, &weights)
    };
    let agreement = |(scorer, row): (usize, &Row)| match (row, others_of(scorer)) {
        (Some(row), Some(others)) => compare(row, &others),
        (Some(_) | None, _) => Agreement::default(),
    };
    rows.iter().enumerate().map(agreement).collect()
}

/// The weights that follow, in the same proportions for whoever agrees alike; their sum is one.
pub fn weights(agreements: &[Agreement]) -> Vec<f64> {
    let odds = |agreement: &Agreement| {
        let p = agreement.probability();
        (p / (1.0 - p)).ln().max(QUIETEST)
    };
    crate::weights::normalised(&agreements.iter().map(odds).collect::<Vec<_>>())
}

fn compare(row: &[f64], others: &[f64]) -> Agreement {
    let mut agreement = Agreement::default();
    for (first, (a, x)) in row.iter().zip(others).enumerate() {
        for (b, y) in row.iter().zip(others).skip(first + 1) {
            agreement.pairs += 1.0;
            agreement.agreed += match ((a - b) * (x - y)).partial_cmp(&0.0) {
                Some(std::cmp::Ordering::Greater) => 1.0,
                Some(std::cmp::Ordering::Less) => 0.0,
                Some(std::cmp::Ordering::Equal) | None => 0.5,
            };
        }
    }
    agreement
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_orders_candidates_as_the_others_do_gains_a_voice() {
        let rows = [Some(vec![-1.0, -2.0, -3.0]), Some(vec![-1.0, -3.0, -4.0]), Some(vec![-5.0, -2.0, -1.0]), None];
        let found = agreements(&rows);
        assert_eq!(found.iter().map(|it| it.pairs).collect::<Vec<_>>(), [3.0, 3.0, 3.0, 0.0]);
        // To the first the others' means are (-3, -2.5, -2.5): 0, 0 and a tie; to the second (-3, -2, -2).
        assert_eq!(found.iter().map(|it| it.agreed).collect::<Vec<_>>(), [0.5, 0.5, 0.0, 0.0]);
        let rows = [Some(vec![-1.0, -2.0]), Some(vec![-1.0, -3.0]), Some(vec![-2.0, -1.8])];
        let given = weights(&agreements(&rows));
        assert!(given[0] == given[1] && given[0] > given[2] && given[2] > 0.0, "{given:?}");
    }

    #[test]
    fn the_weight_is_the_logarithm_of_the_odds() {
        let given = weights(&[Agreement { agreed: 3.0, pairs: 3.0 }, Agreement { agreed: 1.0, pairs: 1.0 }]);
        let (four, two) = (4.0_f64.ln(), 2.0_f64.ln());
        assert!((given[0] - four / (four + two)).abs() < 1e-12, "{given:?}");
        assert_eq!(weights(&[Agreement::default(); 2]), [0.5, 0.5], "nothing is known yet");
    }
}
