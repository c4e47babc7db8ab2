//! The length of the longest common subsequence, 64 cells of the table at a time (Hyyrö 2004): rows × columns / 64 steps. A row of the
//! table is a bit vector whose zeros say where it grows.

use std::collections::HashMap;

pub(super) fn longest_common(columns: &[u32], rows: &[u32]) -> usize {
    let words = columns.len().div_ceil(64);
    let places = Places::new(columns, words);
    let mut row = vec![u64::MAX; words];
    let mut scratch = vec![0_u64; words];
    for token in rows {
        match places.of.get(token) {
            None => {}
            Some(Occurrences::Dense(mask)) => advance(&mut row, mask),
            Some(Occurrences::Sparse(places)) => {
                places.iter().for_each(|place| set(&mut scratch, *place));
                advance(&mut row, &scratch);
                places.iter().for_each(|place| clear(&mut scratch, *place));
            }
        }
    }
    let valid = |word: usize| match columns.len() - 64 * word {
        bits @ 0..64 => (1 << bits) - 1,
        _ => u64::MAX,
    };
    row.iter().enumerate().map(|(word, bits)| (!bits & valid(word)).count_ones() as usize).sum()
}

/// V ← (V + (V & M)) | (V & ¬M), over all words
fn advance(row: &mut [u64], mask: &[u64]) {
    let mut carry = false;
    for (word, mask) in row.iter_mut().zip(mask) {
        let matched = *word & mask;
        let (sum, over) = word.overflowing_add(matched);
        let (sum, over_again) = sum.overflowing_add(u64::from(carry));
        carry = over || over_again;
        *word = sum | (*word & !mask);
    }
}

/// Where each token stands.
struct Places {
    of: HashMap<u32, Occurrences>,
}

/// A token that stands in more places than there are words has a mask of its own. There are at most 64 of these, so the masks take
/// no more room than the columns.
enum Occurrences {
    Dense(Vec<u64>),
    Sparse(Vec<usize>),
}

impl Places {
    fn new(columns: &[u32], words: usize) -> Self {
        let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
        for (place, token) in columns.iter().enumerate() {
            places.entry(*token).or_default().push(place);
        }
        let occurrences = |places: Vec<usize>| {
            if places.len() <= words {
                return Occurrences::Sparse(places);
            }
            let mut mask = vec![0; words];
            places.iter().for_each(|place| set(&mut mask, *place));
            Occurrences::Dense(mask)
        };
        Self { of: places.into_iter().map(|(token, places)| (token, occurrences(places))).collect() }
    }
}

fn set(bits: &mut [u64], place: usize) {
    if let Some(word) = bits.get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}

fn clear(bits: &mut [u64], place: usize) {
    if let Some(word) = bits.get_mut(place / 64) {
        *word &= !(1 << (place % 64));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::longest_common;

    /// The textbook table.
    fn by_table(a: &[u32], b: &[u32]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                table[i + 1][j + 1] = if x == y { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn bits_and_table_agree(
            a in prop::collection::vec(0_u32..6, 0..200),
            b in prop::collection::vec(0_u32..200, 0..300),
            c in prop::collection::vec(0_u32..3, 0..300),
        ) {
            for (x, y) in [(&a, &b), (&b, &a), (&a, &c), (&c, &a), (&b, &b)] {
                prop_assert_eq!(longest_common(x, y), by_table(x, y));
            }
        }
    }
}
