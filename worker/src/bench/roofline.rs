//! What a step must read and multiply, however it is computed.

use crate::engine::batch::Batch;
use crate::model::Model;

#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Weights once, and the keys and values of every slot that a row sees once.
    pub bytes: f64,
    /// Two for each weight and row; those of the head for each row read.
    pub linear_operations: f64,
    /// Two for each key and each value element that a row and head sees.
    pub attention_operations: f64,
}

impl Cost {
    pub(super) fn of(model: &Model, batch: &Batch) -> Self {
        let shape = model.shape();
        let mut slots: Vec<u32> = batch.spans.iter().flat_map(|span| span.slots.iter().copied()).collect();
        slots.sort_unstable();
        slots.dedup();
        let seen: usize = batch.spans.iter().map(|span| (span.start + 1..=span.start + span.rows).sum::<usize>()).sum();
        Self {
            bytes: shape.step_bytes as f64 + slots.len() as f64 * model.bytes_per_token() as f64,
            linear_operations: 2.0
                * (batch.rows() as f64 * shape.layer_weights as f64
                    + batch.reads.len() as f64 * shape.head_weights as f64),
            attention_operations: 4.0 * seen as f64 * shape.attention_width as f64,
        }
    }
}
