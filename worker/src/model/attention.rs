//! Attention of ragged rows over keys and values that lie scattered in slots. Reads them where they are: no copy is gathered.
//! Causal by construction, for a row at position p sees the slots of positions up to p and no other. Never writes the store.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::kv::{LayerKv, contiguous};
use crate::engine::batch::Span;

/// Multiply-adds of one attention below which threads cost more than they save.
const PARALLEL_FROM: usize = 1 << 17;
/// Sums run in this many lanes, so that the compiler can keep them in vector registers.
const LANES: usize = 16;

#[derive(Clone, Copy, Debug)]
pub(super) struct HeadShape {
    pub(super) heads: usize,
    /// Divides `heads`: query head h reads key head h / (heads / kv_heads).
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
}

impl HeadShape {
    /// Elements of one row's queries.
    pub(super) fn width(self) -> usize {
        self.heads * self.head_dim
    }

    /// Elements of one row's keys, or values.
    pub(super) fn kv_width(self) -> usize {
        self.kv_heads * self.head_dim
    }
}

/// How one layer attends.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttentionRule {
    pub(super) shape: HeadShape,
    /// Factor of q kᵀ.
    pub(super) scale: f32,
    /// c tanh(x / c) of every scaled q kᵀ.
    pub(super) softcap: Option<f32>,
    /// Keys that a row sees, its own included; None: all before it.
    pub(super) window: Option<usize>,
}

/// softmax(softcap(scale q kᵀ)) v for each row, over the newest `window` keys that the row may see.
pub(super) fn attend(
    queries: &Tensor, // [rows, heads * head_dim]
    kv: &LayerKv,
    spans: &[Span],
    rule: &AttentionRule,
) -> Result<Tensor> {
    queries.apply_op3_no_bwd(&kv.keys, &kv.values, &SlotAttention { spans, rule })
}

struct SlotAttention<'a> {
    spans: &'a [Span],
    rule: &'a AttentionRule,
}

impl CustomOp3 for SlotAttention<'_> {
    fn name(&self) -> &'static str {
        "slot-attention"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        queries_at: &Layout,
        keys: &CpuStorage,
        keys_at: &Layout,
        values: &CpuStorage,
        values_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let HeadShape { heads, kv_heads, head_dim } = self.rule.shape;
        let (rows, width) = queries_at.shape().dims2()?;
        let (slots, kv_width) = keys_at.shape().dims2()?;
        if width != heads * head_dim || kv_width != kv_heads * head_dim || keys_at.shape() != values_at.shape() {
            bail!("slot-attention: queries {:?} over keys {:?}", queries_at.shape(), keys_at.shape());
        }
        let seen = self.seen(rows, slots)?;
        let kernel = Kernel {
            queries: contiguous(queries, queries_at)?,
            keys: contiguous(keys, keys_at)?,
            values: contiguous(values, values_at)?,
            rule: self.rule,
        };
        let mut out = vec![0f32; rows * width];
        kernel.run(&seen, &mut out);
        Ok((CpuStorage::F32(out), (rows, width).into()))
    }
}

impl SlotAttention<'_> {
    /// For each row the slots that it sees. Checks every span against the rows and the store.
    fn seen(&self, rows: usize, slots: usize) -> Result<Vec<&[u32]>> {
        let mut seen = Vec::with_capacity(rows);
        for span in self.spans {
            if span.slots.iter().any(|slot| *slot as usize >= slots) {
                bail!("slot-attention: a span names a slot beyond {slots}");
            }
            for position in span.start..span.start + span.rows {
                let end = position + 1;
                let from = self.rule.window.map_or(0, |window| end.saturating_sub(window));
                match span.slots.get(from..end) {
                    Some(row) => seen.push(row),
                    None => bail!("slot-attention: position {position} with {} slots", span.slots.len()),
                }
            }
        }
        if seen.len() != rows {
            bail!("slot-attention: spans of {} rows for {rows} rows", seen.len());
        }
        Ok(seen)
    }
}

struct Kernel<'a> {
    queries: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    rule: &'a AttentionRule,
}

/// The query heads of one row that share a key head: they read its keys once.
struct Piece<'a> {
    queries: &'a [f32], // [heads / kv_heads, head_dim]
    slots: &'a [u32],
    kv_head: usize,
}

impl Kernel<'_> {
    fn run(&self, seen: &[&[u32]], out: &mut [f32]) {
        let HeadShape { heads, kv_heads, head_dim } = self.rule.shape;
        let width = heads / kv_heads * head_dim;
        let work = |scores: &mut Vec<f32>, (index, out): (usize, &mut [f32])| {
            let queries = &self.queries[index * width..(index + 1) * width];
            let piece = Piece { queries, slots: seen[index / kv_heads], kv_head: index % kv_heads };
            self.attend(&piece, scores, out);
        };
        let multiply_adds = 2 * heads * head_dim * seen.iter().map(|slots| slots.len()).sum::<usize>();
        if multiply_adds < PARALLEL_FROM {
            let mut scores = Vec::new();
            out.chunks_exact_mut(width).enumerate().for_each(|piece| work(&mut scores, piece));
        } else {
            out.par_chunks_exact_mut(width).enumerate().for_each_init(Vec::new, work);
        }
    }

    fn attend(&self, piece: &Piece<'_>, scores: &mut Vec<f32>, out: &mut [f32]) {
        let HeadShape { kv_heads, head_dim, .. } = self.rule.shape;
        let Piece { queries, slots, kv_head } = *piece;
        let at = |slot: u32| (slot as usize * kv_heads + kv_head) * head_dim;
        let cap = |score: f32| self.rule.softcap.map_or(score, |cap| cap * (score / cap).tanh());
        scores.clear();
        scores.resize(queries.len() / head_dim * slots.len(), 0.0); // [heads / kv_heads, slots]
        for (place, slot) in slots.iter().enumerate() {
            let key = &self.keys[at(*slot)..at(*slot) + head_dim];
            for (head, query) in queries.chunks_exact(head_dim).enumerate() {
                scores[head * slots.len() + place] = cap(dot(query, key) * self.rule.scale);
            }
        }
        scores.chunks_exact_mut(slots.len()).for_each(softmax);
        for (place, slot) in slots.iter().enumerate() {
            let value = &self.values[at(*slot)..at(*slot) + head_dim];
            for (head, out) in out.chunks_exact_mut(head_dim).enumerate() {
                add_scaled(out, value, scores[head * slots.len() + place]);
            }
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_blocks.zip(b_blocks) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

fn add_scaled(out: &mut [f32], value: &[f32], weight: f32) {
    for (out, value) in out.iter_mut().zip(value) {
        *out += weight * value;
    }
}

/// The largest score becomes exp(0), so nothing overflows.
fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0f32;
    for score in scores.iter_mut() {
        *score = (*score - most).exp();
        sum += *score;
    }
    let inverse = 1.0 / sum;
    for score in scores.iter_mut() {
        *score *= inverse;
    }
}

#[cfg(test)]
mod tests;
