use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

use super::*;

#[test]
fn blocks_widen_to_the_numbers_that_another_implementation_gives() {
    // Three rows of two K blocks, of all sizes and signs.
    let values: Vec<f32> = (0..1536).map(|i| ((i * 7919) % 1009) as f32 / 300.0 - 1.5 + (i as f32).sin()).collect();
    let tensor = Tensor::from_vec(values, (3, 512), &Device::Cpu).unwrap();
    for (format, dtype) in [
        (Format::F32, GgmlDType::F32),
        (Format::F16, GgmlDType::F16),
        (Format::Bf16, GgmlDType::BF16),
        (Format::Q4_0, GgmlDType::Q4_0),
        (Format::Q5_0, GgmlDType::Q5_0),
        (Format::Q5_1, GgmlDType::Q5_1),
        (Format::Q8_0, GgmlDType::Q8_0),
        (Format::Q4K, GgmlDType::Q4K),
        (Format::Q5K, GgmlDType::Q5K),
        (Format::Q6K, GgmlDType::Q6K),
    ] {
        let quantized = QTensor::quantize(&tensor, dtype).unwrap();
        assert_eq!((format.block(), format.block_bytes()), (dtype.block_size(), dtype.type_size()), "{format:?}");
        let bytes = quantized.data().unwrap();
        assert_eq!(format.bytes(1536), bytes.len(), "{format:?}");
        let stored = Stored::straight(format, &[3, 512], &bytes);
        let expected = quantized.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(stored.widened(), expected, "{format:?}");
        assert_eq!((stored.row(2).len(), stored.row(3).len()), (format.bytes(512), 0), "{format:?}");
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn interleaved_rows_come_back_half_by_half_in_every_head() {
    let bytes = bytes(&[0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0].map(|row| row + 0.5));
    let order = RowOrder::Interleaved { head_dim: 8 };
    let stored = Stored { order, ..Stored::straight(Format::F32, &[8, 1], &bytes) };
    assert_eq!(stored.widened(), [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]);
    let two_heads = Stored { order: RowOrder::Interleaved { head_dim: 4 }, ..stored };
    assert_eq!(two_heads.widened(), [0.5, 1.5, 4.5, 5.5, 2.5, 3.5, 6.5, 7.5]);
    // A vector's rows are its elements.
    let vector = Stored { order, ..Stored::straight(Format::F32, &[8], &bytes) };
    assert_eq!(vector.widened(), stored.widened());
}

#[test]
fn what_the_file_has_more_is_taken_off() {
    let bytes = bytes(&[1.0, 1.25, 0.5]);
    let stored = Stored { lifted: 1.0, ..Stored::straight(Format::F32, &[3], &bytes) };
    assert_eq!(stored.widened(), [0.0, 0.25, -0.5]);
}

#[test]
fn random_rows_lie_within_the_pool_and_apart() {
    let bytes = bytes(&std::array::from_fn::<f32, 40, _>(|i| i as f32));
    let order = RowOrder::Anywhere { starts: 33 };
    let stored = Stored { order, ..Stored::straight(Format::F32, &[20, 8], &bytes) };
    let starts: std::collections::BTreeSet<_> = (0..20)
        .map(|row| {
            let mut values = Vec::new();
            Format::F32.widen(stored.row(row), &mut values);
            assert!(values.len() == 8 && values.windows(2).all(|pair| pair[0] + 1.0 == pair[1]), "{row}: {values:?}");
            values[0] as usize
        })
        .collect();
    assert!(starts.len() > 10, "{starts:?}");
    assert_eq!(stored.widened_rows(20).len(), 160, "more than there are bytes of");
}

#[test]
fn what_was_forgotten_is_read_again_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    // A matrix of pages and a bit, which begins in the middle of one.
    let (rows, columns, before) = (9, 2048, 100);
    let bytes: Vec<u8> = (0..before + rows * columns * 2).map(|i| (i * 31 % 251) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    let map = crate::mapped::map(&path).unwrap();
    let matrix = Stored { file: Some(&map), ..Stored::straight(Format::F16, &[rows, columns], &map[before..]) };
    for forgotten in [0..9, 2..3, 4..4, 8..10, 20..30] {
        matrix.forget(forgotten);
        for row in 0..rows {
            let from = before + row * columns * 2;
            assert_eq!(matrix.row(row), &bytes[from..from + columns * 2], "{row}");
        }
        assert!(matrix.row(rows).is_empty());
    }
}

#[test]
fn rows_of_vectors_are_elements_and_whole_blocks() {
    for (format, shape, expected) in [
        (Format::F32, &[5][..], 4),
        (Format::Bf16, &[5, 3], 6),
        (Format::Q8_0, &[5, 64], 68),
        (Format::Q4K, &[5, 512], 288),
        (Format::Q8_0, &[64], 34),
    ] {
        assert_eq!(row_bytes(format, shape), expected, "{format:?} {shape:?}");
    }
}
