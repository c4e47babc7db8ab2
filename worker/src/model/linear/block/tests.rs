//! Packed blocks stand for the numbers that ggml's definition gives them.

use super::*;

#[test]
fn every_block_format_is_packed_without_loss_or_next_to_none() {
    let (outputs, inputs) = (21, 512);
    let values: Vec<f32> = (0..outputs * inputs).map(|at| (at as f32 * 0.37).sin() * (at % 13) as f32).collect();
    for format in
        [Format::Q4_0, Format::Q5_0, Format::Q8_0, Format::Q4K, Format::Q6K, Format::Q5_1, Format::Q5K, Format::Bf16]
    {
        let matrix = Tensor::from_slice(&values, (outputs, inputs), &Device::Cpu).unwrap();
        let bytes = QTensor::quantize(&matrix, format.ggml()).unwrap().data().unwrap().into_owned();
        let stored = Stored::straight(format, &[outputs, inputs], &bytes);
        let parts = [Part { name: "one".to_owned(), rows: outputs }];
        let packed = packed(&[stored], &parts, inputs, format.packed()).unwrap();
        let mut found = vec![0f32; inputs];
        for output in 0..outputs {
            packed.row(output, &mut found);
            let mut expected = Vec::new();
            format.widen(stored.row(output), &mut expected);
            let share = if matches!(format, Format::Q5_1 | Format::Q5K) { 1.0 / 2048.0 } else { 0.0 };
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= expected.abs() * share, "{format:?}: {found} for {expected}");
            }
        }
    }
}
