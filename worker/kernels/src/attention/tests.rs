//! Attention against the book in f64, over ragged spans, windows and caps; and a row alone as beside any others.

use super::*;

const SLOTS: usize = 600;

fn values(count: usize, seed: f32) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.37 + seed).sin() * 1.5).collect()
}

fn rule(head_dim: usize, window: Option<usize>, softcap: Option<f32>) -> AttentionRule {
    let shape = HeadShape { heads: 4, kv_heads: 2, head_dim };
    AttentionRule { shape, scale: 1.0 / (head_dim as f32).sqrt(), softcap, window }
}

fn slots(count: usize, step: usize) -> Vec<u32> {
    (0..count).map(|slot| (slot * step % SLOTS) as u32).collect()
}

/// One row, in f64.
fn by_the_book(rule: &AttentionRule, query: &[f32], keys: &[f32], values: &[f32], seen: &[u32]) -> Vec<f64> {
    let HeadShape { heads, head_dim, .. } = rule.shape;
    let mut out = Vec::new();
    for head in 0..heads {
        let at = |slot: &u32| place(rule.shape, head / rule.shape.group(), *slot as usize);
        let score = |slot: &u32| {
            let query = &query[head * head_dim..(head + 1) * head_dim];
            let dot: f64 = query.iter().zip(&keys[at(slot)..]).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
            let score = dot * f64::from(rule.scale);
            rule.softcap.map_or(score, |cap| f64::from(cap) * (score / f64::from(cap)).tanh()).exp()
        };
        let weights: Vec<f64> = seen.iter().map(score).collect();
        let total: f64 = weights.iter().sum();
        out.extend((0..head_dim).map(|dim| {
            let value = |slot: &u32| f64::from(values[at(slot) + dim]);
            seen.iter().zip(&weights).map(|(slot, weight)| weight * value(slot)).sum::<f64>() / total
        }));
    }
    out
}

fn check(rule: &AttentionRule, shapes: &[(usize, usize, usize)]) {
    let width = rule.shape.width();
    let rows: usize = shapes.iter().map(|(rows, ..)| rows).sum();
    let queries = values(rows * width, 0.1);
    let (keys, vals) = (values(elements(rule.shape, SLOTS), 0.2), values(elements(rule.shape, SLOTS), 0.3));
    let slots: Vec<Vec<u32>> = shapes.iter().map(|(rows, start, step)| slots(start + rows, *step)).collect();
    let spans: Vec<Span<'_>> =
        shapes.iter().zip(&slots).map(|((rows, start, _), slots)| Span { rows: *rows, start: *start, slots }).collect();
    let cached = Cached { keys: &keys, values: &vals, slots: SLOTS };
    let found = attend(rule, &queries, cached, &spans).unwrap();
    let mut row = 0;
    for span in &spans {
        for position in span.start..span.start + span.rows {
            let from = rule.window.map_or(0, |window| (position + 1).saturating_sub(window));
            let query = &queries[row * width..(row + 1) * width];
            let expected = by_the_book(rule, query, &keys, &vals, &span.slots[from..=position]);
            for (found, expected) in found[row * width..].iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "row {row}: {found} for {expected}");
            }
            // Alone it is the same to the bit.
            let alone = Span { rows: 1, start: position, slots: &span.slots[..=position] };
            assert_eq!(attend(rule, query, cached, &[alone]).unwrap(), found[row * width..(row + 1) * width]);
            row += 1;
        }
    }
}

#[test]
fn ragged_spans_attend_to_their_own_slots() {
    for head_dim in [6, 16, 18, 64, 80, 128] {
        check(&rule(head_dim, None, None), &[(1, 0, 7), (3, 4, 11), (1, 20, 1), (70, 90, 13), (1, 333, 17)]);
    }
}

#[test]
fn a_window_hides_what_is_older() {
    for window in [1, 5, 31, 32, 33, 100] {
        check(&rule(64, Some(window), None), &[(1, 0, 7), (40, 170, 11), (1, 255, 1), (3, 60, 7)]);
    }
}

#[test]
fn scores_are_capped() {
    check(&rule(32, None, Some(0.7)), &[(1, 0, 7), (5, 44, 11)]);
    check(&rule(32, Some(9), Some(50.0)), &[(20, 44, 11)]);
}

#[test]
fn a_key_that_is_no_number_reaches_the_rows_that_see_it_and_no_other() {
    let rule = rule(16, None, None);
    let (queries, mut keys, values) = (values(8 * 64, 0.1), values(640 * 32, 0.2), values(640 * 32, 0.3));
    keys[5 * 16] = f32::NAN;
    let slots = slots(8, 1);
    let spans = [Span { rows: 8, start: 0, slots: &slots }];
    let out = attend(&rule, &queries, Cached { keys: &keys, values: &values, slots: SLOTS }, &spans).unwrap();
    for (row, out) in out.chunks_exact(64).enumerate() {
        assert_eq!(out[..32].iter().any(|value| value.is_nan()), row >= 5, "row {row}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let rule = rule(16, None, None);
    let (queries, cached) = (values(64, 0.1), values(640 * 32, 0.2));
    let cached = Cached { keys: &cached, values: &cached, slots: SLOTS };
    let attend = |rows: usize, start: usize, slots: &[u32]| {
        attend(&rule, &queries, cached, &[Span { rows, start, slots }]).unwrap_err()
    };
    assert_eq!(attend(2, 0, &[0, 1]), ShapeError::Queries { queries: 64, rows: 2, width: 64 });
    assert_eq!(attend(1, 2, &[0, 1]), ShapeError::Span { rows: 1, start: 2, named: 2 });
    assert_eq!(attend(1, 1, &[0, 600]), ShapeError::Slot { slot: 600, slots: SLOTS });
    assert_eq!(attend(1, usize::MAX, &[]), ShapeError::Span { rows: 1, start: usize::MAX, named: 0 });
}

#[test]
fn heads_that_do_not_divide_are_refused() {
    for (heads, kv_heads, head_dim) in [(5, 2, 16), (0, 2, 16), (4, 0, 16), (4, 2, 0)] {
        let shape = HeadShape { heads, kv_heads, head_dim };
        let rule = AttentionRule { shape, ..rule(16, None, None) };
        let (queries, kv) = (values(shape.width(), 0.1), values(640 * 32, 0.2));
        let cached = Cached { keys: &kv, values: &kv, slots: SLOTS };
        let spans = [Span { rows: 1, start: 0, slots: &[3] }];
        assert_eq!(attend(&rule, &queries, cached, &spans).unwrap_err(), ShapeError::Heads(shape));
    }
}

#[test]
fn every_kind_of_lanes_attends_the_same() {
    let mut kinds = vec![lanes::Kind::Portable];
    #[cfg(target_arch = "x86_64")]
    if lanes::kind() == lanes::Kind::Avx512 {
        kinds.push(lanes::Kind::Avx2);
    }
    for kind in kinds {
        lanes::FORCED.set(Some(kind));
        for head_dim in [6, 16, 40] {
            // Few enough multiply-adds for one thread, which is the one that is forced.
            check(&rule(head_dim, None, None), &[(1, 0, 7), (3, 4, 11), (1, 40, 1)]);
            check(&rule(head_dim, Some(9), Some(3.0)), &[(5, 44, 11)]);
        }
        lanes::FORCED.set(None);
    }
}
