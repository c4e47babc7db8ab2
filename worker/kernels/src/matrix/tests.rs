//! Packing keeps every weight, converts what is in another format, and refuses what does not fit.

use std::borrow::Cow;

use super::*;

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn every_weight_is_where_its_output_finds_it() {
    let rows: Vec<Vec<f32>> =
        (0..37).map(|row| (0..9).map(|input| ((row * 9 + input) % 251) as f32).collect()).collect();
    let stored: Vec<Vec<u8>> = rows.iter().map(|row| bytes(row)).collect();
    for format in [Format::F32, Format::F16, Format::Bf16] {
        let row = |row: usize| match format {
            Format::F32 => Row::Stored(Cow::Borrowed(stored[row].as_slice())),
            Format::F16 | Format::Bf16 | Format::Q8_0 | Format::Q4K | Format::Q6K => Row::Widened(rows[row].clone()),
        };
        let matrix = Matrix::pack(format, 37, 9, row, |_| ()).unwrap();
        let mut found = vec![0f32; 9];
        for (output, expected) in rows.iter().enumerate() {
            matrix.row(output, &mut found);
            assert_eq!(found, *expected, "{format:?}");
        }
    }
}

#[test]
fn blocks_of_bytes_are_kept_and_made() {
    let values: Vec<f32> = (0..64).map(|input| (input as f32 - 20.0) * 0.5).collect();
    let blocks = quantize_q8_0(&values);
    assert_eq!(blocks.len(), 2 * Q8_0_BYTES);
    let kept = Matrix::pack(Format::Q8_0, 1, 64, |_| Row::Stored(Cow::Borrowed(&blocks)), |_| ()).unwrap();
    let made = Matrix::pack(Format::Q8_0, 1, 64, |_| Row::Widened(values.clone()), |_| ()).unwrap();
    let (mut a, mut b) = (vec![0f32; 64], vec![0f32; 64]);
    kept.row(0, &mut a);
    made.row(0, &mut b);
    assert_eq!(a, b);
    for (found, value) in a.iter().zip(&values) {
        assert!((found - value).abs() <= 21.5 / 127.0 / 2.0 + 0.02, "{found} for {value}");
    }
}

#[test]
fn rows_and_blocks_of_the_wrong_length_are_refused() {
    let short = Matrix::pack(Format::F32, 2, 3, |_| Row::Stored(Cow::Borrowed(&[0; 8])), |_| ()).unwrap_err();
    assert!(matches!(short, PackError::RowLength { found: 8, expected: 12 }));
    let odd = Matrix::pack(Format::Q8_0, 2, 33, |_| Row::Widened(vec![0.0; 33]), |_| ()).unwrap_err();
    assert!(matches!(odd, PackError::Blocks { format: Format::Q8_0, inputs: 33 }));
    let none = Matrix::pack(Format::F32, 2, 0, |_| Row::Widened(vec![]), |_| ()).unwrap_err();
    assert!(matches!(none, PackError::Blocks { format: Format::F32, inputs: 0 }));
    let plain = Matrix::pack(Format::Q4K, 1, 256, |_| Row::Widened(vec![0.0; 256]), |_| ()).unwrap_err();
    assert!(matches!(plain, PackError::NotBlocks { format: Format::Q4K }));
}

#[test]
fn a_block_with_a_value_that_is_no_number_stays_none() {
    let mut values = vec![0.5f32; 64];
    for bad in [f32::NAN, f32::INFINITY] {
        values[40] = bad;
        let bytes = quantize_q8_0(&values);
        let matrix = Matrix::pack(Format::Q8_0, 1, 64, |_| Row::Stored(Cow::Borrowed(&bytes)), |_| ()).unwrap();
        let mut row = [0f32; 64];
        matrix.row(0, &mut row);
        assert!(row[..32].iter().all(|value| (value - 0.5).abs() < 1e-3), "{row:?}");
        assert!(row[32..].iter().all(|value| value.is_nan()), "{row:?}");
        assert!(matrix.product(&[1.0; 64], 1, None)[0].is_nan());
    }
}
