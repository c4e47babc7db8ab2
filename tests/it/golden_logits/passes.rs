//! The decoder alone: the rows of a case in one pass, token by token, after a cached prefix, and among other sequences.

use std::ops::Range;

use anyhow::{Result, ensure};
use specfuse_tests::distance::distance;
use specfuse_worker::engine::batch::{Batch, Row};
use specfuse_worker::model::{KvStore, Model};

use super::case::{Case, TOLERANCE, log_softmax};

/// Sequences that lie interleaved in one store.
const SEQUENCES: usize = 4;

/// Some rows of a sequence; the earlier ones are in the store.
#[derive(Clone)]
struct Pass<'a> {
    tokens: &'a [u32],
    slots: Vec<u32>,
    rows: Range<usize>,
}

impl<'a> Pass<'a> {
    /// The whole sequence, in the slots that are its share, first or last slot first: nothing may depend on where keys lie.
    fn whole(tokens: &'a [u32], share: usize, backwards: bool) -> Self {
        let mut slots: Vec<u32> = (0..tokens.len()).map(|place| (place * SEQUENCES + share) as u32).collect();
        if backwards {
            slots.reverse();
        }
        Self { tokens, slots, rows: 0..tokens.len() }
    }

    fn part(&self, rows: Range<usize>) -> Self {
        Self { rows, ..self.clone() }
    }
}

pub(super) fn compare(case: &Case) -> Result<()> {
    let (model, length) = (case.model()?, case.tokens.len());
    let check = |how: &str, first: usize, found: &[Vec<f64>]| {
        let expected = case.logprobs.get(first..first + found.len()).unwrap_or_default();
        ensure!(found.len() == expected.len(), "{how}: {} rows, expected {}", found.len(), expected.len());
        for (position, (found, expected)) in (first..).zip(found.iter().zip(expected)) {
            let off = distance(found, expected)?;
            ensure!(off <= TOLERANCE, "{how}: off by {off:e} at position {position}");
        }
        Ok(())
    };
    let whole = Pass::whole(&case.tokens, 0, false);
    let store = || Ok::<KvStore, anyhow::Error>(model.store(SEQUENCES * length)?);
    check("one pass", 0, &forward(&model, &mut store()?, &[&whole])?[0])?;

    let mut kept = store()?;
    for position in 0..length {
        let one = forward(&model, &mut kept, &[&whole.part(position..position + 1)])?;
        check("token by token", position, &one[0])?;
    }

    let mut kept = store()?;
    let prefix = length / 3;
    forward(&model, &mut kept, &[&whole.part(0..prefix)])?;
    check("after a cached prefix", prefix, &forward(&model, &mut kept, &[&whole.part(prefix..length)])?[0])?;

    let reversed: Vec<u32> = case.tokens.iter().rev().copied().collect();
    let other = Pass::whole(&reversed[..length - 5], 1, false);
    let scattered = Pass::whole(&case.tokens, 3, true);
    check("beside another", 0, &forward(&model, &mut store()?, &[&other, &scattered])?[1])?;

    let (third, fourth) = (Pass::whole(&case.tokens[7..], 2, false), Pass::whole(&case.tokens[..9], 0, true));
    let among = forward(&model, &mut store()?, &[&fourth, &scattered, &other, &third])?;
    check("among three others", 0, &among[1])
}

/// The log-probabilities after all rows of each pass.
fn forward(model: &Model, store: &mut KvStore, passes: &[&Pass<'_>]) -> Result<Vec<Vec<Vec<f64>>>> {
    let mut batch = Batch::default();
    for pass in passes {
        let row = |position: usize| Row { token: pass.tokens[position], write: Some(pass.slots[position]), read: true };
        let rows: Vec<Row> = pass.rows.clone().map(row).collect();
        batch.push_part(pass.tokens.len(), pass.rows.start, pass.slots[..pass.rows.end].to_vec(), &rows);
    }
    let logits = model.forward(&batch, store)?;
    let mut next = 0..batch.rows();
    let mut take =
        |pass: &&Pass<'_>| next.by_ref().take(pass.rows.len()).map(|row| log_softmax(logits.row(row))).collect();
    Ok(passes.iter().map(&mut take).collect())
}
