//! The operations that every device has give what the kernels give.

use candle_core::{DType, Device};

use super::*;
use crate::engine::batch::Batch;
use crate::model::kv::KvStore;
use crate::model::options::Compute;

const SLOTS: usize = 300;

fn tensor(rows: usize, width: usize, seed: f32) -> Tensor {
    let values: Vec<f32> = (0..rows * width).map(|i| (i as f32 * 0.37 + seed).sin() * 1.5).collect();
    Tensor::from_vec(values, (rows, width), &Device::Cpu).unwrap()
}

fn span(rows: usize, start: usize, step: usize) -> batch::Span {
    let slots = (0..start + rows).map(|slot| (slot * step % SLOTS) as u32).collect();
    batch::Span { rows, start, slots }
}

/// A store whose slots are all written, and passes over it.
struct Written {
    compute: Compute,
    store: KvStore,
}

impl Written {
    fn new(shape: HeadShape, kernels: bool) -> Self {
        let compute = Compute { device: Device::Cpu, dtype: DType::F32, kernels };
        let store = KvStore::zeroed(1, SLOTS, shape, &compute).unwrap();
        let mut written = Self { compute, store };
        let (keys, values) = (tensor(SLOTS, shape.kv_width(), 0.2), tensor(SLOTS, shape.kv_width(), 0.3));
        written.write(&keys, &values, (0..SLOTS as u32).map(Some).collect());
        written
    }

    fn write(&mut self, keys: &Tensor, values: &Tensor, writes: Vec<Option<u32>>) {
        let batch = Batch { writes, ..Batch::default() };
        let pass = Pass::new(&batch, &[], &[], &self.store, &self.compute).unwrap();
        self.store.layers_mut().next().unwrap().write(keys, values, &pass).unwrap();
    }

    fn attend(&mut self, queries: &Tensor, spans: &[batch::Span], rule: &AttentionRule) -> Result<Tensor> {
        let batch = Batch { spans: spans.to_vec(), ..Batch::default() };
        let pass = Pass::new(&batch, &[], &[None, rule.window], &self.store, &self.compute)?;
        attend(queries, self.store.layers_mut().next().unwrap(), &pass, rule)
    }
}

#[test]
fn a_device_attends_as_the_kernels_do() {
    let shape = HeadShape { heads: 6, kv_heads: 2, head_dim: 18 };
    let (mut kernels, mut device) = (Written::new(shape, true), Written::new(shape, false));
    for spans in [
        // Lengths mixed, ascending, and all equal.
        vec![span(1, 0, 7), span(3, 4, 11), span(1, 250, 1), span(3, 90, 13), span(20, 40, 17)],
        vec![span(1, 8, 7), span(2, 4, 11), span(3, 90, 13)],
        (0..64).map(|context| span(1, 2 * context, 7)).collect(),
    ] {
        let queries = tensor(spans.iter().map(|span| span.rows).sum(), shape.width(), 0.1);
        for (window, softcap) in [(None, None), (Some(7), None), (None, Some(0.8)), (Some(64), Some(30.0))] {
            let rule = AttentionRule { shape, scale: 0.23, softcap, window };
            let of = |written: &mut Written| -> Vec<f32> {
                written.attend(&queries, &spans, &rule).unwrap().flatten_all().unwrap().to_vec1().unwrap()
            };
            for (found, expected) in of(&mut device).iter().zip(of(&mut kernels)) {
                assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
            }
        }
    }
}

#[test]
fn on_a_device_a_key_that_is_no_number_stays_with_the_sequences_that_see_it() {
    let shape = HeadShape { heads: 2, kv_heads: 1, head_dim: 4 };
    let mut device = Written::new(shape, false);
    let nan = Tensor::full(f32::NAN, (1, 4), &Device::Cpu).unwrap();
    device.write(&nan, &nan, vec![Some(0)]);
    let spans = [batch::Span { rows: 1, start: 0, slots: vec![9] }, span(1, 20, 1)];
    let rule = AttentionRule { shape, scale: 1.0, softcap: None, window: None };
    let attended = device.attend(&tensor(2, 8, 0.0), &spans, &rule).unwrap().to_vec2::<f32>().unwrap();
    assert!(attended[0].iter().all(|x| x.is_finite()) && attended[1].iter().all(|x| x.is_nan()), "{attended:?}");
}

#[test]
fn queries_and_spans_of_another_shape_are_refused() {
    let shape = HeadShape { heads: 2, kv_heads: 1, head_dim: 4 };
    let rule = AttentionRule { shape, scale: 1.0, softcap: None, window: None };
    for kernels in [true, false] {
        let mut store = Written::new(shape, kernels);
        let mut refuses = |rows, span| assert!(store.attend(&tensor(rows, 8, 0.0), &[span], &rule).is_err());
        refuses(2, span(1, 0, 1));
        refuses(1, batch::Span { rows: 1, start: 1, slots: vec![0, SLOTS as u32] });
        refuses(1, batch::Span { rows: 1, start: 2, slots: vec![0, 1] });
    }
}
