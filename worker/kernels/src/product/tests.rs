//! Products against sums in f64, for every format, around every block size; and alone as in any batch.

use half::f16;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::matrix::{Row, quantize_q8_0};

const FORMATS: [Format; 4] = [Format::F32, Format::F16, Format::Bf16, Format::Q8_0];

fn values(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1.0f32..1.0)).collect()
}

/// A matrix and its weights as the format holds them.
fn matrix(format: Format, outputs: usize, inputs: usize) -> (Matrix, Vec<Vec<f32>>) {
    let rows: Vec<Vec<f32>> = (0..outputs).map(|output| values(inputs, 100 + output as u64)).collect();
    let bytes: Vec<Vec<u8>> = rows
        .iter()
        .map(|row| match format {
            Format::F32 => row.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Format::F16 => row.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
            Format::Bf16 => row.iter().flat_map(|value| half::bf16::from_f32(*value).to_le_bytes()).collect(),
            Format::Q8_0 => quantize_q8_0(row),
        })
        .collect();
    let packed = Matrix::pack(
        format,
        outputs,
        inputs,
        |row| match format {
            Format::F32 => Row::F32(&bytes[row]),
            Format::F16 => Row::F16(&bytes[row]),
            Format::Bf16 => Row::Bf16(&bytes[row]),
            Format::Q8_0 => Row::Q8_0(&bytes[row]),
        },
        |_| (),
    );
    let packed = packed.unwrap();
    let mut held = vec![vec![0f32; inputs]; outputs];
    held.iter_mut().enumerate().for_each(|(output, row)| packed.row(output, row));
    for (held, value) in held.iter().flatten().zip(rows.iter().flatten()) {
        assert!((held - value).abs() < 0.01, "{format:?} holds {held} for {value}");
    }
    (packed, held)
}

fn check(format: Format, rows: usize, outputs: usize, inputs: usize) {
    let (matrix, weights) = matrix(format, outputs, inputs);
    let (x, bias) = (values(rows * inputs, 7), values(outputs, 8));
    let found = matrix.product(&x, rows, Some(&bias));
    let tolerance = match format {
        // Rows of bytes are off by up to half a step, 1/254, for each input.
        Format::Q8_0 => 0.008 * (inputs as f64).sqrt(),
        // Rows of bf16 by half of 1/128 of each.
        Format::Bf16 if bf16::is_fast() => 0.008 * (inputs as f64).sqrt(),
        Format::F32 | Format::F16 | Format::Bf16 => 1e-6 * inputs as f64,
    };
    for (row, found) in found.chunks_exact(outputs).enumerate() {
        let x = &x[row * inputs..(row + 1) * inputs];
        for (output, found) in found.iter().enumerate() {
            let exact: f64 = x.iter().zip(&weights[output]).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
            let exact = exact + f64::from(bias[output]);
            assert!((f64::from(*found) - exact).abs() < tolerance, "{format:?} {rows}: {found} for {exact}");
        }
    }
}

#[test]
fn products_are_the_sums_they_should_be() {
    for format in FORMATS {
        for rows in [1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 25, 50] {
            check(format, rows, 150, 96);
        }
        for (outputs, inputs) in [(1, 32), (16, 64), (17, 544), (260, 1056)] {
            check(format, 1, outputs, inputs);
            check(format, 14, outputs, inputs);
        }
    }
    for format in [Format::F32, Format::F16, Format::Bf16] {
        check(format, 1, 20, 7);
        check(format, 5, 33, 515);
        check(format, 30, 33, 515);
    }
}

#[test]
fn a_row_is_the_same_to_the_bit_alone_and_in_any_batch() {
    for format in FORMATS {
        let (matrix, _) = matrix(format, 100, 1120);
        let x = values(40 * 1120, 3);
        let together = |rows: usize| matrix.product(&x[..rows * 1120], rows, None);
        let all = together(40);
        for rows in [1, 2, 3, 4, 6, 8, 12, 13, 25] {
            assert!(all.starts_with(&together(rows)), "{format:?}: {rows} rows");
        }
    }
}

#[test]
fn a_value_that_is_no_number_reaches_every_output_of_its_row_and_no_other_row() {
    for format in FORMATS {
        let (matrix, _) = matrix(format, 20, 64);
        let mut x = values(3 * 64, 3);
        x[70] = f32::NAN;
        let out = matrix.product(&x, 3, None);
        assert!(out[20..40].iter().all(|value| value.is_nan()), "{format:?}");
        assert!(out[..20].iter().chain(&out[40..]).all(|value| value.is_finite()), "{format:?}");
    }
}

/// All kinds of lanes that this processor can run.
fn kinds() -> Vec<lanes::Kind> {
    let mut kinds = vec![lanes::kind(), lanes::Kind::Portable];
    #[cfg(target_arch = "x86_64")]
    if lanes::kind() == lanes::Kind::Avx512 {
        kinds.push(lanes::Kind::Avx2);
    }
    kinds
}

#[test]
fn every_kind_of_lanes_computes_the_same() {
    // Few enough multiply-adds for one thread, which is the one that is forced.
    for rows in [1, 2, 3, 5, 7, 9, 14, 20] {
        for kind in kinds() {
            lanes::FORCED.set(Some(kind));
            for (format, inputs) in [(Format::F32, 45), (Format::F16, 45), (Format::Bf16, 45), (Format::Q8_0, 64)] {
                check(format, rows, 33, inputs);
            }
            lanes::FORCED.set(None);
        }
    }
}

#[test]
fn fused_kinds_agree_to_the_bit() {
    for format in [Format::F32, Format::F16, Format::Bf16] {
        if format == Format::Bf16 && bf16::is_fast() {
            continue;
        }
        let (matrix, _) = matrix(format, 33, 45);
        let x = values(20 * 45, 3);
        for rows in [1, 3, 6, 8, 20] {
            let found = kinds().into_iter().filter(|kind| *kind != lanes::Kind::Portable).map(|kind| {
                lanes::FORCED.set(Some(kind));
                let product = matrix.product(&x[..rows * 45], rows, None);
                lanes::FORCED.set(None);
                product
            });
            let found: Vec<Vec<f32>> = found.collect();
            assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{format:?} {rows}");
        }
    }
}
