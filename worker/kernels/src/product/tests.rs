//! Products against sums in f64, for every format, around every block size; and alone as in any batch.

use std::borrow::Cow;

use half::f16;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::matrix::{K_BLOCK, Q4K_BYTES, Q6K_BYTES, Row};

const FLOATS: [Format; 3] = [Format::F32, Format::F16, Format::Bf16];
const BLOCKS: [Format; 3] = [Format::Q8_0, Format::Q4K, Format::Q6K];

fn values(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1.0f32..1.0)).collect()
}

/// Blocks with scales that make weights around 1.
fn k_blocks(format: Format, inputs: usize, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut block = |bytes: usize, halves: &[usize]| {
        let mut block: Vec<u8> = (0..bytes).map(|_| rng.random()).collect();
        for at in halves {
            block[*at..at + 2].copy_from_slice(&f16::from_f32(rng.random_range(0.0001..0.0005)).to_le_bytes());
        }
        block
    };
    let one = |_| if format == Format::Q4K { block(Q4K_BYTES, &[0, 2]) } else { block(Q6K_BYTES, &[208]) };
    (0..inputs / K_BLOCK).flat_map(one).collect()
}

/// A matrix and its weights as the format holds them.
fn matrix(format: Format, outputs: usize, inputs: usize) -> (Matrix, Vec<Vec<f32>>) {
    let row = |output: usize| match format {
        Format::Q4K | Format::Q6K => Row::Stored(Cow::Owned(k_blocks(format, inputs, 100 + output as u64))),
        Format::F32 | Format::F16 | Format::Bf16 | Format::Q8_0 => Row::Widened(values(inputs, 100 + output as u64)),
    };
    let packed = Matrix::pack(format, outputs, inputs, row, |_| ()).unwrap();
    let mut held = vec![vec![0f32; inputs]; outputs];
    held.iter_mut().enumerate().for_each(|(output, row)| packed.row(output, row));
    for (output, held) in held.iter().enumerate() {
        if let Row::Widened(values) = row(output) {
            let far = held.iter().zip(&values).find(|(held, value)| (*held - *value).abs() > 0.01);
            assert!(far.is_none(), "{format:?} holds {far:?}");
        }
    }
    (packed, held)
}

fn check(format: Format, rows: usize, outputs: usize, inputs: usize) {
    let (matrix, weights) = matrix(format, outputs, inputs);
    check_product(&matrix, &weights, rows);
    if format == Format::Bf16 {
        check_product(&matrix.rounding_rows(), &weights, rows);
    }
}

fn check_product(matrix: &Matrix, weights: &[Vec<f32>], rows: usize) {
    let (format, outputs, inputs) = (matrix.format(), matrix.outputs(), matrix.inputs());
    let (x, bias) = (values(rows * inputs, 7), values(outputs, 8));
    let found = matrix.product(&x, rows, Some(&bias));
    let tolerance = match format {
        // Rows of bytes are off by up to half a step, 1/254, for each input.
        Format::Q8_0 | Format::Q4K | Format::Q6K => 0.008 * (inputs as f64).sqrt(),
        // Rows of bf16 by half of 1/128 of each.
        Format::Bf16 if matrix.rounds() && bf16::is_fast() => 0.008 * (inputs as f64).sqrt(),
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
    for format in FLOATS.into_iter().chain(BLOCKS) {
        let whole = |inputs: usize| inputs.next_multiple_of(format.block());
        for rows in [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 17, 22, 25, 50] {
            check(format, rows, 150, whole(96));
        }
        for (outputs, inputs) in [(1, 32), (16, 64), (17, 544), (260, 1056)] {
            check(format, 1, outputs, whole(inputs));
            check(format, 14, outputs, whole(inputs));
        }
    }
    for format in FLOATS {
        check(format, 1, 20, 7);
        check(format, 5, 33, 515);
        check(format, 30, 33, 515);
    }
}

#[test]
fn a_row_is_the_same_to_the_bit_alone_and_in_any_batch() {
    for format in FLOATS.into_iter().chain(BLOCKS) {
        let inputs = 1120usize.next_multiple_of(format.block());
        let x = values(40 * inputs, 3);
        for matrix in [matrix(format, 100, inputs).0, matrix(format, 100, inputs).0.rounding_rows()] {
            let together = |rows: usize| matrix.product(&x[..rows * inputs], rows, None);
            let all = together(40);
            for rows in [1, 2, 3, 4, 6, 8, 12, 13, 25] {
                assert!(all.starts_with(&together(rows)), "{format:?}: {rows} rows");
            }
        }
    }
}

#[test]
fn a_value_that_is_no_number_reaches_every_output_of_its_row_and_no_other_row() {
    for format in FLOATS.into_iter().chain(BLOCKS) {
        let inputs = 64usize.next_multiple_of(format.block());
        let matrix = matrix(format, 20, inputs).0.rounding_rows();
        let mut x = values(3 * inputs, 3);
        x[inputs + 6] = f32::NAN;
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
            for format in FLOATS {
                check(format, rows, 33, 45);
            }
            for format in BLOCKS {
                check(format, rows, 3, 2 * format.block());
            }
            lanes::FORCED.set(None);
        }
    }
}

#[test]
fn fused_kinds_agree_to_the_bit() {
    for format in FLOATS {
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
