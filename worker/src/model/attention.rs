//! Attention of a batch's rows over the keys and values of their slots, which lie scattered. Never writes the store.

mod device;

use candle_core::{Result, Tensor, bail};
use specfuse_kernels::attention::{self, Cached, Span};
pub(super) use specfuse_kernels::attention::{AttentionRule, HeadShape};

use super::host;
use super::kv::LayerKv;
use super::pass::Pass;
use crate::engine::batch;
pub(super) use device::Gathers;

/// softmax(softcap(scale q kᵀ)) v for each row, over the newest `window` keys that the row may see: [rows, heads * head_dim].
pub(super) fn attend(
    queries: &Tensor, // [rows, heads * head_dim]
    kv: &LayerKv,
    pass: &Pass<'_>,
    rule: &AttentionRule,
) -> Result<Tensor> {
    match (kv, &pass.on_device) {
        (LayerKv::Host(kv), None) => {
            let cached = Cached { keys: kv.keys.floats(), values: kv.values.floats(), slots: kv.slots };
            let spans: Vec<_> = pass.batch.spans.iter().map(span).collect();
            host::apply(queries, "attention", rule.shape.width(), |queries| {
                attention::attend(rule, queries, cached, &spans).map_err(candle_core::Error::wrap)
            })
        }
        (LayerKv::Device(kv), Some(pass)) => device::attend(queries, kv, &pass.gathers, rule),
        (LayerKv::Host(_) | LayerKv::Device(_), _) => bail!("a store of another device"),
    }
}

fn span(span: &batch::Span) -> Span<'_> {
    Span { rows: span.rows, start: span.start, slots: &span.slots }
}

#[cfg(test)]
mod tests;
