//! What a scorer's voice counts under hedge (section 6): members whose drafts the others prefer gain weight.

use crate::rank::Row;

/// A scored round as the weights see it, one entry for each active member.
#[derive(Clone, Copy, Debug)]
pub struct Board<'a> {
    pub rows: &'a [Row],
    /// Each member's candidate; None: its draft failed or was void.
    pub candidate_of: &'a [Option<usize>],
}

/// The weights to rank round `round` with, from those before it. Members without a candidate win no comparison and
/// are compared with by none.
pub fn hedge(weights: &[f64], board: Board<'_>, rate: f64, round: u32) -> Vec<f64> {
    let members = weights.len() as f64;
    if members < 2.0 {
        return normalised(weights);
    }
    let step = rate / 10.0 * members.recip().sqrt() / f64::from(round.max(1));
    let pairs = (members - 1.0).powi(2);
    let growth: Vec<f64> = (0..weights.len()).map(|i| step * wins(board, i).max(1) as f64 / pairs).collect();
    // A common factor cancels in the sum to one; without the largest no rate overflows.
    let largest = growth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let grown: Vec<f64> = weights.iter().zip(&growth).map(|(weight, g)| weight * (g - largest).exp()).collect();
    normalised(&grown)
}

/// The same proportions with sum one; even where the weights have no sum to divide by.
pub fn normalised(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    if total > 0.0 && total.is_finite() {
        weights.iter().map(|weight| weight / total).collect()
    } else {
        vec![1.0 / weights.len() as f64; weights.len()]
    }
}

/// #{(j, k) : j ≠ i, k ≠ i, m_j(i) ≥ m_j(k)}
fn wins(board: Board<'_>, i: usize) -> usize {
    let Some(own) = board.candidate_of.get(i).copied().flatten() else { return 0 };
    let rivals: Vec<usize> = others(board.candidate_of, i).filter_map(|rival| *rival).collect();
    others(board.rows, i)
        .flatten()
        .filter_map(|row| row.get(own).map(|mine| (row, mine)))
        .map(|(row, mine)| rivals.iter().filter(|&&rival| row.get(rival).is_some_and(|theirs| mine >= theirs)).count())
        .sum()
}

fn others<T>(all: &[T], i: usize) -> impl Iterator<Item = &T> {
    all.iter().enumerate().filter(move |(other, _)| *other != i).map(|(_, item)| item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: &[f64], expected: &[f64]) {
        let near = actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-12);
        assert!(near, "{actual:?} is not {expected:?}");
    }

    #[test]
    fn a_member_wins_where_the_others_prefer_its_draft() {
        let rows = [Some(vec![-1.0, -2.0, -3.0]), Some(vec![-1.0, -2.0, -1.0]), Some(vec![-5.0, -4.0, -4.0])];
        let board = Board { rows: &rows, candidate_of: &[Some(0), Some(1), Some(2)] };
        // 0: scorer 1 prefers it to 1 and ties it with 2, scorer 2 to none; 1: scorer 0 prefers it to 2, scorer 2 to 0
        // and ties it with 2; 2: scorer 0 prefers it to none, scorer 1 to 1 and ties it with 0.
        assert_eq!([wins(board, 0), wins(board, 1), wins(board, 2)], [2, 3, 2]);
    }

    #[test]
    fn weights_follow_the_equation() {
        let rows = [Some(vec![-1.0, -2.0]), Some(vec![-3.0, -4.0])];
        let board = Board { rows: &rows, candidate_of: &[Some(0), Some(1)] };
        // K = 2: member 0 wins its one comparison, member 1 none, which counts as one: nothing moves.
        close(&hedge(&[0.5, 0.5], board, 10.0, 1), &[0.5, 0.5]);

        let rows = [Some(vec![-1.0, -2.0, -3.0]), Some(vec![-1.0, -2.0, -1.0]), Some(vec![-5.0, -4.0, -4.0])];
        let board = Board { rows: &rows, candidate_of: &[Some(0), Some(1), Some(2)] };
        let grown = |wins: f64| (2.0 * (1.0_f64 / 3.0).sqrt() / 2.0 * wins / 4.0).exp() / 3.0;
        let total = 2.0 * grown(2.0) + grown(3.0);
        let expected = [grown(2.0) / total, grown(3.0) / total, grown(2.0) / total];
        close(&hedge(&[1.0 / 3.0; 3], board, 20.0, 2), &expected);
    }

    #[test]
    fn abstentions_and_missing_drafts_count_for_nobody() {
        let rows = [None, Some(vec![-1.0, -2.0]), None];
        let board = Board { rows: &rows, candidate_of: &[Some(0), Some(1), None] };
        assert_eq!([wins(board, 0), wins(board, 1), wins(board, 2)], [1, 0, 0]);
    }

    #[test]
    fn authors_of_one_candidate_tie_with_each_other() {
        let rows = [Some(vec![-1.0, -2.0]), Some(vec![-1.0, -2.0]), Some(vec![-1.0, -2.0])];
        let board = Board { rows: &rows, candidate_of: &[Some(0), Some(0), Some(1)] };
        assert_eq!([wins(board, 0), wins(board, 1), wins(board, 2)], [4, 4, 0]);
    }

    #[test]
    fn the_rest_sum_to_one_again_when_a_member_leaves() {
        close(&normalised(&[0.2, 0.6]), &[0.25, 0.75]);
        close(&normalised(&[0.0, 0.0]), &[0.5, 0.5]);
    }

    #[test]
    fn a_huge_rate_does_not_overflow() {
        let rows = [Some(vec![-1.0, -2.0, -3.0]), Some(vec![-1.0, -2.0, -3.0]), Some(vec![-1.0, -2.0, -3.0])];
        let board = Board { rows: &rows, candidate_of: &[Some(0), Some(1), Some(2)] };
        close(&hedge(&[1.0 / 3.0; 3], board, 1e9, 1), &[1.0, 0.0, 0.0]);
    }

    #[test]
    fn the_order_of_members_does_not_matter() {
        let rows = [Some(vec![-1.0, -2.0, -3.0]), Some(vec![-2.5, -2.0, -1.0]), None];
        let turned = [rows[2].clone(), rows[0].clone(), rows[1].clone()];
        let one = hedge(&[0.5, 0.3, 0.2], Board { rows: &rows, candidate_of: &[Some(0), Some(1), Some(2)] }, 10.0, 3);
        let other =
            hedge(&[0.2, 0.5, 0.3], Board { rows: &turned, candidate_of: &[Some(2), Some(0), Some(1)] }, 10.0, 3);
        close(&[other[1], other[2], other[0]], &one);
    }
}
