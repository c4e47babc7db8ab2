use candle_core::{DType, Device};

use super::*;

const SHAPE: HeadShape = HeadShape { heads: 4, kv_heads: 2, head_dim: 18 };

fn rule(window: Option<usize>) -> AttentionRule {
    AttentionRule { shape: SHAPE, scale: 1.0 / (SHAPE.head_dim as f32).sqrt(), softcap: None, window }
}

fn tensor(rows: usize, width: usize, seed: f32) -> Tensor {
    let values: Vec<f32> = (0..rows * width).map(|i| (i as f32 * 0.37 + seed).sin() * 1.5).collect();
    Tensor::from_vec(values, (rows, width), &Device::Cpu).unwrap()
}

/// softmax(q kᵀ / √d) v of one row, in f64, by the book.
fn by_the_book(query: &[f32], keys: &[Vec<f32>], values: &[Vec<f32>], seen: &[u32]) -> Vec<f64> {
    let HeadShape { heads, kv_heads, head_dim } = SHAPE;
    let mut out = Vec::new();
    for head in 0..heads {
        let at = head / (heads / kv_heads) * head_dim;
        let score = |slot: &u32| {
            let key = &keys[*slot as usize][at..at + head_dim];
            let query = &query[head * head_dim..(head + 1) * head_dim];
            (query.iter().zip(key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum::<f64>() / (head_dim as f64).sqrt())
                .exp()
        };
        let weights: Vec<f64> = seen.iter().map(score).collect();
        let total: f64 = weights.iter().sum();
        out.extend((at..at + head_dim).map(|dim| {
            let value = |slot: &u32| f64::from(values[*slot as usize][dim]);
            seen.iter().zip(&weights).map(|(slot, weight)| weight * value(slot)).sum::<f64>() / total
        }));
    }
    out
}

fn check(spans: &[Span], window: Option<usize>) {
    let rows: usize = spans.iter().map(|span| span.rows).sum();
    let queries = tensor(rows, 72, 0.1);
    let kv = LayerKv { keys: tensor(600, 36, 0.2), values: tensor(600, 36, 0.3) };
    let found = attend(&queries, &kv, spans, &rule(window)).unwrap().to_vec2::<f32>().unwrap();
    let (queries, keys, values) =
        (queries.to_vec2().unwrap(), kv.keys.to_vec2().unwrap(), kv.values.to_vec2().unwrap());
    let positions =
        spans.iter().flat_map(|span| (span.start..span.start + span.rows).map(move |position| (span, position)));
    for (row, (span, position)) in positions.enumerate() {
        let from = window.map_or(0, |window| (position + 1).saturating_sub(window));
        let expected = by_the_book(&queries[row], &keys, &values, &span.slots[from..=position]);
        for (found, expected) in found[row].iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5, "row {row}: {found} for {expected}");
        }
    }
}

fn span(rows: usize, start: usize, step: u32) -> Span {
    Span { rows, start, slots: (0..(start + rows) as u32).map(|slot| slot * step % 600).collect() }
}

#[test]
fn ragged_spans_attend_to_their_own_slots() {
    check(&[span(1, 0, 7), span(3, 4, 11), span(1, 20, 1)], None);
}

#[test]
fn a_window_counts_the_row_itself() {
    check(&[span(9, 3, 7)], Some(4));
    check(&[span(2, 0, 1)], Some(1));
}

#[test]
fn many_rows_run_in_parallel_to_the_same_end() {
    check(&[span(40, 300, 7), span(1, 500, 3)], None);
}

#[test]
fn large_scores_do_not_overflow() {
    let queries = (tensor(1, 72, 0.1) * 1e4).unwrap();
    let kv = LayerKv { keys: (tensor(8, 36, 0.2) * 1e4).unwrap(), values: tensor(8, 36, 0.3) };
    let out = attend(&queries, &kv, &[span(1, 7, 1)], &rule(None)).unwrap().to_vec2::<f32>().unwrap();
    assert!(out[0].iter().all(|x| x.is_finite()));
}

#[test]
fn spans_that_do_not_fit_are_errors() {
    let queries = tensor(2, 72, 0.1);
    let zeros = || Tensor::zeros((8, 36), DType::F32, &Device::Cpu).unwrap();
    let kv = LayerKv { keys: zeros(), values: zeros() };
    let attend = |span: Span| attend(&queries, &kv, &[span], &rule(None));
    assert!(attend(span(1, 0, 1)).is_err());
    assert!(attend(Span { rows: 2, start: 0, slots: vec![0, 8] }).is_err());
    assert!(attend(Span { rows: 2, start: 1, slots: vec![0, 1] }).is_err());
    assert!(attend(span(2, 0, 1)).is_ok());
}
