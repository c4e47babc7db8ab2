//! Attention with the operations that every device has: spans of equal length are gathered into one batch, padded to the longest
//! context among them, and masked.

use candle_core::{D, DType, Result, Tensor};

use super::{AttentionRule, HeadShape};
use crate::engine::batch::Span;
use crate::model::kv::DeviceKv;

/// As [`super::attend`].
pub(super) fn attend(queries: &Tensor, kv: &DeviceKv, spans: &[Span], rule: &AttentionRule) -> Result<Tensor> {
    let mut starts = Vec::with_capacity(spans.len());
    let mut rows = 0;
    for span in spans {
        starts.push(rows);
        rows += span.rows;
    }
    let mut lengths: Vec<usize> = spans.iter().map(|span| span.rows).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut parts = Vec::new();
    let mut order = vec![0u32; rows];
    let mut done = 0;
    for length in lengths {
        let alike: Vec<(usize, &Span)> =
            starts.iter().copied().zip(spans).filter(|(_, span)| span.rows == length).collect();
        for row in alike.iter().flat_map(|(start, _)| *start..start + length) {
            order[row] = done;
            done += 1;
        }
        parts.push(batched(queries, kv, &alike, rule)?);
    }
    let attended = Tensor::cat(&parts, 0)?;
    if parts.len() == 1 {
        return Ok(attended);
    }
    attended.index_select(&Tensor::new(order, queries.device())?, 0)
}

/// Spans of the same number of rows, each with the row it starts at: [spans * rows, heads * head_dim].
fn batched(queries: &Tensor, kv: &DeviceKv, spans: &[(usize, &Span)], rule: &AttentionRule) -> Result<Tensor> {
    let HeadShape { heads, kv_heads, head_dim } = rule.shape;
    let (count, rows) = (spans.len(), spans.first().map_or(0, |(_, span)| span.rows));
    let longest = spans.iter().map(|(_, span)| span.slots.len()).max().unwrap_or(0);
    let device = queries.device();
    let taken: Vec<u32> = spans.iter().flat_map(|(start, _)| *start as u32..(start + rows) as u32).collect();
    let queries = queries.index_select(&Tensor::new(taken, device)?, 0)?;
    let grouped = (count, rows, kv_heads, heads / kv_heads * head_dim);
    // [count, kv_heads, rows * group, head_dim]
    let queries = queries.reshape(grouped)?.transpose(1, 2)?.contiguous()?;
    let queries = queries.reshape((count * kv_heads, rows * (heads / kv_heads), head_dim))?;
    let slots: Vec<u32> = spans.iter().flat_map(|(_, span)| padded(&span.slots, longest)).collect();
    let slots = Tensor::new(slots, device)?;
    let gathered = |tensor: &Tensor| {
        let rows = tensor.index_select(&slots, 0)?.reshape((count, longest, kv_heads, head_dim))?;
        rows.transpose(1, 2)?.contiguous()?.reshape((count * kv_heads, longest, head_dim))
    };
    let scores =
        (queries.matmul(&gathered(&kv.keys)?.transpose(1, 2)?)?.to_dtype(DType::F32)? * f64::from(rule.scale))?;
    let scores = match rule.softcap {
        Some(cap) => ((scores / f64::from(cap))?.tanh()? * f64::from(cap))?,
        None => scores,
    };
    let scores = scores.reshape((count, kv_heads, rows, heads / kv_heads, longest))?;
    let scores = scores.broadcast_add(&mask(spans, longest, rule.window, device)?)?;
    let weights = candle_nn::ops::softmax(&scores, D::Minus1)?.to_dtype(queries.dtype())?;
    let weights = weights.reshape((count * kv_heads, rows * (heads / kv_heads), longest))?;
    let attended = weights.matmul(&gathered(&kv.values)?)?; // [count * kv_heads, rows * group, head_dim]
    let attended =
        attended.reshape((count, kv_heads, rows, heads / kv_heads * head_dim))?.transpose(1, 2)?.contiguous()?;
    attended.reshape((count * rows, heads * head_dim))
}

fn padded(slots: &[u32], length: usize) -> impl Iterator<Item = u32> {
    slots.iter().copied().chain(std::iter::repeat_n(0, length - slots.len()))
}

/// 0 where a row sees a position, -∞ elsewhere: [spans, 1, rows, 1, positions].
fn mask(
    spans: &[(usize, &Span)],
    longest: usize,
    window: Option<usize>,
    device: &candle_core::Device,
) -> Result<Tensor> {
    let rows = spans.first().map_or(0, |(_, span)| span.rows);
    let mut mask = Vec::with_capacity(spans.len() * rows * longest);
    for (_, span) in spans {
        for end in span.start + 1..=span.start + rows {
            let from = window.map_or(0, |window| end.saturating_sub(window));
            let sees = |position| if (from..end).contains(&position) { 0f32 } else { f32::NEG_INFINITY };
            mask.extend((0..longest).map(sees));
        }
    }
    Tensor::from_vec(mask, (spans.len(), 1, rows, 1, longest), device)
}
