//! What a step must read and multiply, however it is computed.

use std::collections::BTreeMap;

use crate::engine::batch::{Batch, Span};
use crate::model::StepShape;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Weights of the layers and the head, once.
    pub weight_bytes: f64,
    /// In each layer, the keys and values of every slot that a row sees there, once.
    pub cache_bytes: f64,
    /// Two for each weight and row; those of the head for each row read.
    pub linear_operations: f64,
    /// In each layer, two for each key and each value element that a row and head sees there.
    pub attention_operations: f64,
}

impl Cost {
    pub(super) fn of(shape: &StepShape, batch: &Batch) -> Self {
        let mut layers: BTreeMap<Option<usize>, f64> = BTreeMap::new();
        for window in &shape.windows {
            *layers.entry(*window).or_default() += 1.0;
        }
        let over_layers = |of: &dyn Fn(usize) -> usize| -> f64 {
            layers.iter().map(|(window, layers)| layers * of(window.unwrap_or(usize::MAX)) as f64).sum()
        };
        let slots = over_layers(&|window| slots_seen(&batch.spans, window));
        let pairs = over_layers(&|window| pairs_seen(&batch.spans, window));
        let (rows, reads) = (batch.rows() as f64, batch.reads.len() as f64);
        Self {
            weight_bytes: shape.step_bytes as f64,
            cache_bytes: slots * shape.layer_slot_bytes as f64,
            linear_operations: 2.0 * (rows * shape.layer_weights as f64 + reads * shape.head_weights as f64),
            attention_operations: 4.0 * pairs * shape.layer_width as f64,
        }
    }

    pub(super) fn bytes(&self) -> f64 {
        self.weight_bytes + self.cache_bytes
    }
}

/// Slots that any row sees: spans may share theirs.
fn slots_seen(spans: &[Span], window: usize) -> usize {
    let seen =
        |span: &Span| span.slots.iter().copied().skip((span.start + 1).saturating_sub(window)).collect::<Vec<_>>();
    let mut slots: Vec<u32> = spans.iter().flat_map(seen).collect();
    slots.sort_unstable();
    slots.dedup();
    slots.len()
}

/// Of a row and a token that it sees.
fn pairs_seen(spans: &[Span], window: usize) -> usize {
    let of = |span: &Span| (span.start + 1..=span.start + span.rows).map(|before| before.min(window)).sum::<usize>();
    spans.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::batch::Row;

    /// Two sequences that share their first three slots: two rows of one, one row of the other.
    fn batch() -> Batch {
        let row = |read| Row { token: 0, write: None, read };
        let mut batch = Batch::default();
        batch.push(3, vec![0, 1, 2, 3, 4], &[row(false), row(true)]);
        batch.push(3, vec![0, 1, 2, 9], &[row(true)]);
        batch
    }

    fn shape(windows: &[Option<usize>]) -> StepShape {
        StepShape {
            step_bytes: 1000,
            layer_weights: 50,
            head_weights: 20,
            layer_width: 8,
            layer_slot_bytes: 16,
            windows: windows.to_vec(),
        }
    }

    #[test]
    fn without_windows_rows_see_all_before_them_and_shared_slots_count_once() {
        // Slots 0, 1, 2, 3, 4 and 9 in two layers; tokens seen: 4 + 5 and 4.
        let expected = Cost {
            weight_bytes: 1000.0,
            cache_bytes: 2.0 * 6.0 * 16.0,
            linear_operations: 2.0 * (3.0 * 50.0 + 2.0 * 20.0),
            attention_operations: 2.0 * 4.0 * 13.0 * 8.0,
        };
        assert_eq!(Cost::of(&shape(&[None, None]), &batch()), expected);
    }

    #[test]
    fn in_a_layer_with_a_window_only_what_it_lets_rows_see_counts() {
        // Window 2: rows 3 and 4 see the slots at 2, 3, 4; the other's row 3 those at 2, 3: slots 2, 3, 4, 9; tokens seen: 2 each.
        let cost = Cost::of(&shape(&[None, Some(2)]), &batch());
        assert_eq!(cost.cache_bytes, (6.0 + 4.0) * 16.0);
        assert_eq!(cost.attention_operations, 4.0 * (13.0 + 6.0) * 8.0);
        // A window longer than every context is none.
        assert_eq!(Cost::of(&shape(&[Some(5), Some(5)]), &batch()), Cost::of(&shape(&[None, None]), &batch()));
    }
}
