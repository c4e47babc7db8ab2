//! Attention of ragged rows over keys and values that lie scattered in slots, without a copy of the whole: 32 keys at a time are
//! turned into columns, scored against all queries that share them, then the values are summed by weight. Causal by construction, for
//! a row at position p sees the slots of positions up to p and no other.
//!
//! Every score is one chain over the dimensions, every output one chain over the positions, and lanes are bound to absolute
//! positions: so a row's result does not depend on which rows are computed beside it. Keys outside a row's window weigh exactly 0.

mod scores;
mod values;

use std::cell::Cell;
use std::mem::MaybeUninit;

use crate::lanes::{self, Kernel, Lanes};
use crate::parallel::{self, Shared};

/// Queries that share the columns of a block of keys: as many rows of a span at once.
const QUERIES: usize = 64;
/// Keys that become columns at once; positions are aligned to it.
const KEYS: usize = 32;
/// Multiply-adds of one attention below which threads cost more than they save.
const PARALLEL_FROM: usize = 1 << 16;

/// Query heads and key heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadShape {
    pub heads: usize,
    /// Divides `heads`: query head h reads key head h / (heads / kv_heads).
    pub kv_heads: usize,
    pub head_dim: usize,
}

impl HeadShape {
    /// Elements of one row's queries.
    pub fn width(self) -> usize {
        self.heads * self.head_dim
    }

    /// Elements of one row's keys, or values.
    pub fn kv_width(self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Query heads that share a key head.
    pub fn group(self) -> usize {
        self.heads / self.kv_heads
    }
}

/// How one layer attends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionRule {
    pub shape: HeadShape,
    /// Factor of q kᵀ.
    pub scale: f32,
    /// c tanh(x / c) of every scaled q kᵀ.
    pub softcap: Option<f32>,
    /// Keys that a row sees, its own included; None: all before it.
    pub window: Option<usize>,
}

/// Consecutive rows of one sequence.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    pub rows: usize,
    /// Position of the first row.
    pub start: usize,
    /// The slot of every position up to the last row's.
    pub slots: &'a [u32],
}

/// Slots that lie together: a head's keys in them are read as one stream, and memory becomes real from the first slots on.
const TOGETHER: usize = 64;

/// Elements of the keys, or the values, of `slots` slots in one layer: [slots / 64][kv_heads][64][head_dim].
pub fn elements(shape: HeadShape, slots: usize) -> usize {
    slots.div_ceil(TOGETHER).saturating_mul(TOGETHER).saturating_mul(shape.kv_width())
}

/// Where the key, or the value, of a slot and a key head begins among them.
#[inline(always)]
pub fn place(shape: HeadShape, kv_head: usize, slot: usize) -> usize {
    ((slot / TOGETHER * shape.kv_heads + kv_head) * TOGETHER + slot % TOGETHER) * shape.head_dim
}

/// One layer's keys and values, [`elements`] each, laid out as [`place`] says.
#[derive(Clone, Copy, Debug)]
pub struct Cached<'a> {
    pub keys: &'a [f32],
    pub values: &'a [f32],
    pub slots: usize,
}

/// What does not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    #[error("{} query heads over {} key heads of {} elements", .0.heads, .0.kv_heads, .0.head_dim)]
    Heads(HeadShape),
    #[error("{queries} query elements for {rows} rows of {width}")]
    Queries { queries: usize, rows: usize, width: usize },
    #[error("{keys} key and {values} value elements for {slots} slots of {width}")]
    Cached { keys: usize, values: usize, slots: usize, width: usize },
    #[error("slot {slot} of {slots}")]
    Slot { slot: u32, slots: usize },
    #[error("a span of {rows} rows from position {start} names {named} slots")]
    Span { rows: usize, start: usize, named: usize },
}

/// softmax(softcap(scale q kᵀ)) v for each row of the spans, over the newest `window` keys that the row may see.
/// `queries` and the result are [rows, heads * head_dim].
pub fn attend(
    rule: &AttentionRule,
    queries: &[f32],
    cached: Cached<'_>,
    spans: &[Span<'_>],
) -> Result<Vec<f32>, ShapeError> {
    let rows: usize = spans.iter().map(|span| span.rows).sum();
    let length = check(rule, queries, cached, spans, rows)?;
    let mut out = Vec::with_capacity(length);
    let units = units(rule, spans);
    let attention = Attention { rule, queries, cached, spans, out: Shared::new(out.spare_capacity_mut()) };
    let work = |index: usize| attention.compute(units[index]);
    let keys: usize = spans.iter().map(|span| span.rows * (span.start + span.rows)).sum();
    if keys * rule.shape.width() < PARALLEL_FROM {
        (0..units.len()).for_each(work);
    } else {
        parallel::each(units.len(), work);
    }
    // SAFETY: the units cover every row and head, and each writes its own.
    unsafe { out.set_len(length) };
    Ok(out)
}

fn check(
    rule: &AttentionRule,
    queries: &[f32],
    cached: Cached<'_>,
    spans: &[Span<'_>],
    rows: usize,
) -> Result<usize, ShapeError> {
    let HeadShape { heads, kv_heads, head_dim } = rule.shape;
    if [heads, kv_heads, head_dim].contains(&0) || !heads.is_multiple_of(kv_heads) {
        return Err(ShapeError::Heads(rule.shape));
    }
    let (width, kv_width, slots) = (rule.shape.width(), rule.shape.kv_width(), cached.slots);
    if rows.checked_mul(width) != Some(queries.len()) {
        return Err(ShapeError::Queries { queries: queries.len(), rows, width });
    }
    let (keys, values) = (cached.keys.len(), cached.values.len());
    if keys < elements(rule.shape, slots) || values < elements(rule.shape, slots) {
        return Err(ShapeError::Cached { keys, values, slots, width: kv_width });
    }
    for Span { rows, start, slots: named } in spans {
        if *rows == 0 || start.checked_add(*rows) != Some(named.len()) {
            return Err(ShapeError::Span { rows: *rows, start: *start, named: named.len() });
        }
        if let Some(slot) = named.iter().find(|slot| **slot as usize >= slots) {
            return Err(ShapeError::Slot { slot: *slot, slots });
        }
    }
    Ok(queries.len())
}

/// What one thread does at a time: some rows of a span, all query heads that share a key head.
#[derive(Clone, Copy)]
struct Unit {
    span: usize,
    /// Of the first row among all.
    first_row: usize,
    /// Within the span.
    from: usize,
    rows: usize,
    kv_head: usize,
}

/// Of each span the latest rows first: theirs are the longest.
fn units(rule: &AttentionRule, spans: &[Span<'_>]) -> Vec<Unit> {
    let at_once = (QUERIES / rule.shape.group()).max(1);
    let mut units = Vec::new();
    let mut before = 0;
    for (index, span) in spans.iter().enumerate() {
        for from in (0..span.rows).step_by(at_once).rev() {
            let rows = at_once.min(span.rows - from);
            let unit = |kv_head| Unit { span: index, first_row: before + from, from, rows, kv_head };
            units.extend((0..rule.shape.kv_heads).map(unit));
        }
        before += span.rows;
    }
    units
}

thread_local! {
    /// Taken by the unit that a thread works at, and put back.
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch::new()) };
}

#[derive(Default)]
struct Scratch {
    /// [queries][head_dim], scaled.
    queries: Vec<f32>,
    /// [head_dim][KEYS].
    columns: Vec<f32>,
    /// [queries][positions], scores and then weights.
    scores: Vec<f32>,
    /// Of each query.
    sums: Vec<f32>,
    /// [queries][head_dim in whole vectors].
    out: Vec<f32>,
    /// Values in whole vectors, where head_dim is none.
    padded: Vec<f32>,
}

impl Scratch {
    const fn new() -> Self {
        Self {
            queries: Vec::new(),
            columns: Vec::new(),
            scores: Vec::new(),
            sums: Vec::new(),
            out: Vec::new(),
            padded: Vec::new(),
        }
    }
}

struct Attention<'a> {
    rule: &'a AttentionRule,
    queries: &'a [f32],
    cached: Cached<'a>,
    spans: &'a [Span<'a>],
    out: Shared<MaybeUninit<f32>>,
}

/// A unit with what its loops need.
struct Task<'a> {
    rule: &'a AttentionRule,
    cached: Cached<'a>,
    kv_head: usize,
    /// Of the positions from `base` to the unit's last.
    slots: &'a [u32],
    /// A multiple of KEYS.
    base: usize,
    /// Position of the unit's first row.
    start: usize,
    rows: usize,
}

impl Task<'_> {
    fn queries(&self) -> usize {
        self.rows * self.rule.shape.group()
    }

    /// The key of a position counted from `base`.
    #[inline(always)]
    fn key(&self, position: usize) -> &[f32] {
        let at = place(self.rule.shape, self.kv_head, self.slots[position] as usize);
        &self.cached.keys[at..at + self.rule.shape.head_dim]
    }

    /// The value of a position counted from `base`.
    #[inline(always)]
    fn value(&self, position: usize) -> &[f32] {
        let at = place(self.rule.shape, self.kv_head, self.slots[position] as usize);
        &self.cached.values[at..at + self.rule.shape.head_dim]
    }

    /// Positions, up to a multiple of KEYS.
    fn padded(&self) -> usize {
        self.slots.len().next_multiple_of(KEYS)
    }

    /// Which of the positions from `base` on a query sees.
    fn seen(&self, query: usize) -> std::ops::Range<usize> {
        let end = self.start + query / self.rule.shape.group() + 1;
        let from = self.rule.window.map_or(0, |window| end.saturating_sub(window));
        from - self.base.min(from)..end - self.base
    }
}

impl Attention<'_> {
    fn compute(&self, unit: Unit) {
        let span = self.spans[unit.span];
        let start = span.start + unit.from;
        let base = self.rule.window.map_or(0, |window| (start + 1).saturating_sub(window)) / KEYS * KEYS;
        let task = Task {
            rule: self.rule,
            cached: self.cached,
            kv_head: unit.kv_head,
            slots: &span.slots[base..start + unit.rows],
            base,
            start,
            rows: unit.rows,
        };
        let mut scratch = SCRATCH.take();
        self.gather(unit, &mut scratch.queries);
        lanes::run(Heads { task: &task, scratch: &mut scratch });
        self.deliver(unit, &scratch);
        SCRATCH.set(scratch);
    }

    /// The unit's queries, scaled: row after row, head after head.
    fn gather(&self, unit: Unit, queries: &mut Vec<f32>) {
        let shape = self.rule.shape;
        let width = shape.group() * shape.head_dim;
        queries.clear();
        for row in unit.first_row..unit.first_row + unit.rows {
            let at = row * shape.width() + unit.kv_head * width;
            queries.extend(self.queries[at..at + width].iter().map(|query| query * self.rule.scale));
        }
    }

    fn deliver(&self, unit: Unit, scratch: &Scratch) {
        let shape = self.rule.shape;
        let width = shape.group() * shape.head_dim;
        let padded = shape.head_dim.next_multiple_of(lanes::LANES);
        for row in 0..unit.rows {
            let at = (unit.first_row + row) * shape.width() + unit.kv_head * width;
            // SAFETY: no other unit has these heads of this row.
            let out = unsafe { self.out.part(at, width) };
            for (head, out) in out.chunks_exact_mut(shape.head_dim).enumerate() {
                let query = row * shape.group() + head;
                let inverse = 1.0 / scratch.sums[query];
                for (out, sum) in out.iter_mut().zip(&scratch.out[query * padded..]) {
                    out.write(sum * inverse);
                }
            }
        }
    }
}

/// Scores, weights and sums of a task.
struct Heads<'a> {
    task: &'a Task<'a>,
    scratch: &'a mut Scratch,
}

impl Kernel for Heads<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { task, scratch } = self;
        scores::compute::<L>(task, scratch);
        scores::weigh::<L>(task, scratch);
        values::sum::<L>(task, scratch);
    }
}

#[cfg(test)]
mod tests;
