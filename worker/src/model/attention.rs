//! Attention of a batch's rows over the keys and values of their slots, which lie scattered. Never writes the store.

mod device;

use candle_core::{Result, Tensor};
use specfuse_kernels::attention::{self, Cached, Span};
pub(super) use specfuse_kernels::attention::{AttentionRule, HeadShape};

use super::host;
use super::kv::LayerKv;
use crate::engine::batch;

/// softmax(softcap(scale q kᵀ)) v for each row, over the newest `window` keys that the row may see: [rows, heads * head_dim].
pub(super) fn attend(
    queries: &Tensor, // [rows, heads * head_dim]
    kv: &LayerKv,
    spans: &[batch::Span],
    rule: &AttentionRule,
) -> Result<Tensor> {
    match kv {
        LayerKv::Host(kv) => {
            let cached = Cached { keys: kv.keys.floats(), values: kv.values.floats(), slots: kv.slots };
            let spans: Vec<_> = spans.iter().map(span).collect();
            host::apply(queries, "attention", rule.shape.width(), |queries| {
                attention::attend(rule, queries, cached, &spans).map_err(candle_core::Error::wrap)
            })
        }
        LayerKv::Device(kv) => device::attend(queries, kv, spans, rule),
    }
}

fn span(span: &batch::Span) -> Span<'_> {
    Span { rows: span.rows, start: span.start, slots: &span.slots }
}

#[cfg(test)]
mod tests;
