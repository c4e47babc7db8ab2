//! Attention with the operations that every device has: spans of as many rows and about as long a context are gathered into one
//! batch, padded to the longest among them, and masked. Their number grows with the lengths that spans have, and with the sequences
//! only where one batch would take too much memory.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::{AttentionRule, HeadShape};
use crate::engine::batch::Span;
use crate::model::kv::{DeviceKv, check_slots};

/// Positions, padding included, of a gather of more spans than one: a GiB of keys and values where a token has 4 KiB in a layer.
const POSITIONS: usize = 1 << 18;
/// Contexts of up to this length go together however much shorter some are.
const SHORT: usize = 64;

/// A span, and the row that it begins at.
type Placed<'a> = (u32, &'a Span);

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
        let batches = alike(placed);
        let rows = || batches.iter().flatten().flat_map(|(first, span)| *first..first + span.rows as u32);
        let straight = rows().is_sorted();
        let mut order = vec![0; next as usize];
        for (place, row) in (0u32..).zip(rows()) {
            order[row as usize] = place;
        }
        let whole = straight && batches.len() == 1;
        let gather = |spans: &Vec<Placed<'_>>| Gather::new(spans, windows, whole, device);
        let order = if straight { None } else { Some(Tensor::new(order, device)?) };
        Ok(Self { batches: batches.iter().map(gather).collect::<Result<_>>()?, order })
    }
}

/// Spans that are gathered together: of as many rows, and in their order where one batch takes them all.
fn alike(mut spans: Vec<Placed<'_>>) -> Vec<Vec<Placed<'_>>> {
    spans.sort_by_key(|(_, span)| span.rows);
    let of_as_many_rows = spans.chunk_by(|(_, a), (_, b)| a.rows == b.rows).map(<[_]>::to_vec);
    of_as_many_rows.flat_map(about_as_long).collect()
}

/// At most twice as long as the shortest beside it, unless that is short; in batches of about as many where one would be too large.
fn about_as_long(mut spans: Vec<Placed<'_>>) -> Vec<Vec<Placed<'_>>> {
    let length = |(_, span): &Placed<'_>| span.slots.len();
    let alike = |shortest: usize, longest: usize| longest <= SHORT.max(2 * shortest);
    let (shortest, longest) = (spans.iter().map(length).min(), spans.iter().map(length).max());
    let (shortest, longest) = (shortest.unwrap_or(0), longest.unwrap_or(0));
    if alike(shortest, longest) && spans.len().saturating_mul(longest) <= POSITIONS {
        return vec![spans];
    }
    spans.sort_by_key(length);
    let mut groups: Vec<Vec<Placed<'_>>> = Vec::new();
    for span in spans {
        match groups.last_mut() {
            Some(group) if alike(group.first().map_or(0, length), length(&span)) => group.push(span),
            Some(_) | None => groups.push(vec![span]),
        }
    }
    groups.iter().flat_map(|group| evenly(group, group.last().map_or(0, length))).collect()
}

/// As few batches as there is room for, of sizes that differ by their last's only.
fn evenly<'a>(group: &[Placed<'a>], longest: usize) -> Vec<Vec<Placed<'a>>> {
    let most = (POSITIONS / longest.max(1)).max(1);
    let batches = group.len().div_ceil(most).max(1);
    group.chunks(group.len().div_ceil(batches).max(1)).map(<[_]>::to_vec).collect()
}

impl Gather {
    /// `spans`: with the row that each begins at; `whole`: they are the batch.
    fn new(spans: &[Placed<'_>], windows: &[Option<usize>], whole: bool, device: &Device) -> Result<Self> {
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
fn mask(spans: &[Placed<'_>], longest: usize, window: Option<usize>) -> Vec<f32> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn span(rows: usize, length: usize) -> Span {
        Span { rows, start: length - rows, slots: vec![0; length] }
    }

    /// How long the contexts are that are gathered together.
    fn lengths(spans: &[Span]) -> Vec<Vec<usize>> {
        let batches = alike((0u32..).zip(spans).collect());
        batches.iter().map(|batch| batch.iter().map(|(_, span)| span.slots.len()).collect()).collect()
    }

    #[test]
    fn a_long_context_does_not_pad_the_short_ones_beside_it() {
        let spans = [span(1, 30_000), span(1, 10), span(3, 500), span(1, 64), span(1, 100), span(1, 70), span(3, 900)];
        assert_eq!(lengths(&spans), [vec![10, 64], vec![70, 100], vec![30_000], vec![500, 900]]);
    }

    #[test]
    fn contexts_about_as_long_stay_together_and_in_their_order() {
        assert_eq!(lengths(&[span(1, 900), span(1, 500), span(1, 1000)]), [[900, 500, 1000]]);
        assert_eq!(lengths(&[span(1, 60), span(1, 1)]), [[60, 1]]);
    }

    #[test]
    fn however_many_long_contexts_there_are_a_gather_is_bounded() {
        let spans: Vec<Span> = (0..40).map(|more| span(1, 30_000 + more)).chain([span(1, 200_000)]).collect();
        let batches = lengths(&spans);
        assert!(batches.iter().all(|batch| batch.len() == 1 || batch.len() * batch[batch.len() - 1] <= POSITIONS));
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 41);
        // Eight would fit: 40 in five batches of as many, and the one that is far longer.
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 8, 8, 8, 1]);
        assert_eq!(lengths(&(0..65).map(|_| span(1, 4096)).collect::<Vec<_>>()).iter().map(Vec::len).max(), Some(33));
    }
}
