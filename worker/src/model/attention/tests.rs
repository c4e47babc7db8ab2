//! The operations that every device has give what the kernels give.

use candle_core::{DType, Device};

use super::*;
use crate::model::kv::{DeviceKv, KvStore};

const SLOTS: usize = 300;

fn tensor(rows: usize, width: usize, seed: f32) -> Tensor {
    let values: Vec<f32> = (0..rows * width).map(|i| (i as f32 * 0.37 + seed).sin() * 1.5).collect();
    Tensor::from_vec(values, (rows, width), &Device::Cpu).unwrap()
}

fn span(rows: usize, start: usize, step: usize) -> batch::Span {
    let slots = (0..start + rows).map(|slot| (slot * step % SLOTS) as u32).collect();
    batch::Span { rows, start, slots }
}

#[test]
fn a_device_attends_as_the_kernels_do() {
    let shape = HeadShape { heads: 6, kv_heads: 2, head_dim: 18 };
    let spans = [span(1, 0, 7), span(3, 4, 11), span(1, 250, 1), span(3, 90, 13), span(20, 40, 17)];
    let rows = spans.iter().map(|span| span.rows).sum();
    let (keys, values) = (tensor(SLOTS, shape.kv_width(), 0.2), tensor(SLOTS, shape.kv_width(), 0.3));
    let writes: Vec<Option<u32>> = (0..SLOTS as u32).map(Some).collect();
    let mut store = KvStore::zeroed(1, SLOTS, shape, (DType::F32, &Device::Cpu)).unwrap();
    let host = store.layers_mut().next().unwrap();
    host.write(&keys, &values, &writes).unwrap();
    let mut device = DeviceKv::zeroed(SLOTS, shape.kv_width(), DType::F32, &Device::Cpu).unwrap();
    device.write(&keys, &values, &writes).unwrap();
    let device = LayerKv::Device(device);
    let queries = tensor(rows, shape.width(), 0.1);
    for (window, softcap) in [(None, None), (Some(7), None), (None, Some(0.8)), (Some(64), Some(30.0))] {
        let rule = AttentionRule { shape, scale: 0.23, softcap, window };
        let of = |kv: &LayerKv| attend(&queries, kv, &spans, &rule).unwrap().to_vec2::<f32>().unwrap();
        for (found, expected) in of(&device).iter().flatten().zip(of(host).iter().flatten()) {
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }
}

#[test]
fn queries_of_another_shape_are_refused() {
    let shape = HeadShape { heads: 2, kv_heads: 1, head_dim: 4 };
    let mut store = KvStore::zeroed(1, 4, shape, (DType::F32, &Device::Cpu)).unwrap();
    let rule = AttentionRule { shape, scale: 1.0, softcap: None, window: None };
    let kv = store.layers_mut().next().unwrap();
    assert!(attend(&tensor(2, 8, 0.0), kv, &[span(1, 0, 1)], &rule).is_err());
    assert!(attend(&tensor(1, 8, 0.0), kv, &[batch::Span { rows: 1, start: 1, slots: vec![0, 4] }], &rule).is_err());
}
