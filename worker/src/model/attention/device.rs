//! Attention with the operations that every device has: spans of equal length are gathered into one batch, padded to the longest
//! context among them, and masked. Their number does not grow with the sequences, but with the lengths that spans have.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::{AttentionRule, HeadShape};
use crate::engine::batch::Span;
use crate::model::kv::{DeviceKv, check_slots};

/// What every layer gathers for a batch's spans.
pub(in crate::model) struct Gathers {
    batches: Vec<Gather>,
    /// Each row's place in the batches laid one after the other; None: its own.
    order: Option<Tensor>, // [rows]
}

/// Spans of the same number of rows.
struct Gather {
    count: usize,
    rows: usize,
    longest: usize,
    /// The batch's rows; None: all of them in order.
    taken: Option<Tensor>, // [count * rows]
    /// Of every position, padded with the span's own last: what a sequence does not see can be no other's.
    slots: Tensor, // [count * longest]
    /// By window: 0 where a row sees a position, -∞ elsewhere.
    masks: Vec<(Option<usize>, Tensor)>, // [1, count, rows, 1, longest]
}

impl Gathers {
    /// Fails for a span that does not know all its slots, or knows one beyond the `held`.
    pub(in crate::model) fn new(
        spans: &[Span],
        windows: &[Option<usize>],
        held: usize,
        device: &Device,
    ) -> Result<Self> {
        let mut next = 0;
        let mut placed = Vec::with_capacity(spans.len());
        for span in spans {
            if span.slots.len() != span.start + span.rows {
                bail!("{} slots for {} positions", span.slots.len(), span.start + span.rows);
            }
            check_slots(&span.slots, held)?;
            placed.push((next, span));
            next += span.rows as u32;
        }
        // Stable: spans of one length stay in their order.
        placed.sort_by_key(|(_, span)| span.rows);
        let straight = placed.is_sorted_by_key(|(first, _)| *first);
        let mut order = vec![0; next as usize];
        for (place, row) in (0u32..).zip(placed.iter().flat_map(|(first, span)| *first..first + span.rows as u32)) {
            order[row as usize] = place;
        }
        let batches: Vec<&[(u32, &Span)]> = placed.chunk_by(|(_, a), (_, b)| a.rows == b.rows).collect();
        let whole = straight && batches.len() == 1;
        let gather = |spans| Gather::new(spans, windows, whole, device);
        let order = if straight { None } else { Some(Tensor::new(order, device)?) };
        Ok(Self { batches: batches.into_iter().map(gather).collect::<Result<_>>()?, order })
    }
}

impl Gather {
    /// `spans`: with the row that each begins at; `whole`: they are the batch.
    fn new(spans: &[(u32, &Span)], windows: &[Option<usize>], whole: bool, device: &Device) -> Result<Self> {
        let (count, rows) = (spans.len(), spans.first().map_or(0, |(_, span)| span.rows));
        let longest = spans.iter().map(|(_, span)| span.slots.len()).max().unwrap_or(0);
        let slots: Vec<u32> = spans.iter().flat_map(|(_, span)| padded(&span.slots, longest)).collect();
        let taken = || spans.iter().flat_map(|(first, _)| *first..first + rows as u32).collect::<Vec<u32>>();
        let taken = if whole { None } else { Some(Tensor::new(taken(), device)?) };
        let mut masks: Vec<(Option<usize>, Tensor)> = Vec::new();
        for window in windows {
            if !masks.iter().any(|(known, _)| known == window) {
                let mask = Tensor::from_vec(mask(spans, longest, *window), (1, count, rows, 1, longest), device)?;
                masks.push((*window, mask));
            }
        }
        Ok(Self { count, rows, longest, taken, slots: Tensor::new(slots, device)?, masks })
    }

    /// [count * rows, heads * head_dim]
    fn attend(&self, queries: &Tensor, kv: &DeviceKv, rule: &AttentionRule) -> Result<Tensor> {
        let HeadShape { heads, kv_heads, head_dim } = rule.shape;
        let (count, rows, longest, group) = (self.count, self.rows, self.longest, heads / kv_heads);
        let Some((_, mask)) = self.masks.iter().find(|(window, _)| *window == rule.window) else {
            bail!("no mask for a window of {:?}", rule.window);
        };
        let queries = match &self.taken {
            Some(taken) => queries.index_select(taken, 0)?,
            None => queries.clone(),
        };
        let queries = queries.reshape((count * rows, kv_heads, group * head_dim))?.transpose(0, 1)?.contiguous()?;
        let queries = queries.reshape((kv_heads * count, rows * group, head_dim))?;
        let (keys, values) = kv.gather(&self.slots, count)?;
        let scores = queries.matmul(&keys.t()?)?.to_dtype(DType::F32)?; // [kv_heads * count, rows * group, longest]
        let scores = match rule.softcap {
            Some(cap) => ((scores * f64::from(rule.scale / cap))?.tanh()? * f64::from(cap))?,
            None => (scores * f64::from(rule.scale))?,
        };
        let scores = scores.reshape((kv_heads, count, rows, group, longest))?.broadcast_add(mask)?;
        let weights = candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(queries.dtype())?;
        let weights = weights.reshape((kv_heads * count, rows * group, longest))?;
        let attended = weights.matmul(&values)?.reshape((kv_heads, count * rows, group * head_dim))?;
        attended.transpose(0, 1)?.contiguous()?.reshape((count * rows, heads * head_dim))
    }
}

/// As [`super::attend`].
pub(super) fn attend(queries: &Tensor, kv: &DeviceKv, gathers: &Gathers, rule: &AttentionRule) -> Result<Tensor> {
    let attended = gathers.batches.iter().map(|gather| gather.attend(queries, kv, rule)).collect::<Result<Vec<_>>>()?;
    let attended = Tensor::cat(&attended, 0)?;
    match &gathers.order {
        Some(order) => attended.index_select(order, 0),
        None => Ok(attended),
    }
}

fn padded(slots: &[u32], length: usize) -> impl Iterator<Item = u32> {
    let last = slots.last().copied().unwrap_or_default();
    slots.iter().copied().chain(std::iter::repeat_n(last, length - slots.len()))
}

/// [spans, rows, positions]
fn mask(spans: &[(u32, &Span)], longest: usize, window: Option<usize>) -> Vec<f32> {
    let mut mask = Vec::new();
    for (_, span) in spans {
        for end in span.start + 1..=span.start + span.rows {
            let from = window.map_or(0, |window| end.saturating_sub(window));
            let sees = |position| if (from..end).contains(&position) { 0f32 } else { f32::NEG_INFINITY };
            mask.extend((0..longest).map(sees));
        }
    }
    mask
}
