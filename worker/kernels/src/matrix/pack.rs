//! Sixteen rows of a file laid beside each other as one tile.

use half::{bf16, f16};

use super::{Format, PackError, Q8_0_BLOCK, Q8_0_BYTES};
use crate::lanes::LANES;

/// One output's weights as a file has them, little-endian, or widened already.
#[derive(Clone, Debug)]
pub enum Row<'a> {
    F32(&'a [u8]),
    F16(&'a [u8]),
    Bf16(&'a [u8]),
    Q8_0(&'a [u8]),
    Widened(Vec<f32>),
}

impl Row<'_> {
    fn check(&self, inputs: usize) -> Result<(), PackError> {
        let (found, expected) = match self {
            Self::F32(bytes) => (bytes.len(), inputs * 4),
            Self::F16(bytes) | Self::Bf16(bytes) => (bytes.len(), inputs * 2),
            Self::Q8_0(bytes) => (bytes.len(), inputs.div_ceil(Q8_0_BLOCK) * Q8_0_BYTES),
            Self::Widened(values) => (values.len(), inputs),
        };
        if found == expected { Ok(()) } else { Err(PackError::RowLength { found, expected }) }
    }

    fn widened(&self) -> Vec<f32> {
        match self {
            Self::F32(bytes) => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            Self::F16(bytes) => halves(bytes).map(|bits| f16::from_bits(bits).to_f32()).collect(),
            Self::Bf16(bytes) => halves(bytes).map(|bits| bf16::from_bits(bits).to_f32()).collect(),
            Self::Q8_0(bytes) => {
                let block = |block: &[u8]| {
                    let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
                    block[2..].iter().map(|byte| scale * f32::from(byte.cast_signed())).collect::<Vec<_>>()
                };
                bytes.chunks_exact(Q8_0_BYTES).flat_map(block).collect()
            }
            Self::Widened(values) => values.clone(),
        }
    }
}

fn halves(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]))
}

/// The Q8_0 blocks of values whose count is a multiple of 32: scale = largest magnitude / 127, values rounded as ggml does, halves
/// away from zero. A block with a value that is no finite number has no scale: it stays NaN.
pub fn quantize_q8_0(values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() / Q8_0_BLOCK * Q8_0_BYTES);
    for block in values.chunks_exact(Q8_0_BLOCK) {
        let most = block.iter().fold(0f32, |most, value| most.max(value.abs()));
        let scale = if block.iter().all(|value| value.is_finite()) { most / 127.0 } else { f32::NAN };
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        bytes.extend(f16::from_f32(scale).to_le_bytes());
        bytes.extend(block.iter().map(|value| ((value * inverse).round() as i8).cast_unsigned()));
    }
    bytes
}

/// Packs up to 16 rows; outputs without a row are zero.
pub(super) fn tile(
    format: Format,
    inputs: usize,
    rows: &[Row<'_>],
    weights: &mut [u8],
    scales: &mut [u16],
) -> Result<(), PackError> {
    for (lane, row) in rows.iter().enumerate() {
        row.check(inputs)?;
        match (format, row) {
            (Format::F32, Row::F32(bytes)) => fours(bytes, lane, weights),
            (Format::F16, Row::F16(bytes)) => twos(bytes, lane, weights),
            (Format::Bf16, Row::Bf16(bytes)) => pairs(bytes, lane, weights),
            (Format::Q8_0, Row::Q8_0(bytes)) => blocks(bytes, lane, weights, scales),
            (Format::F32, other) => fours(&to_bytes(&other.widened(), f32::to_le_bytes), lane, weights),
            (Format::F16, other) => {
                twos(&to_bytes(&other.widened(), |value| f16::from_f32(value).to_le_bytes()), lane, weights);
            }
            (Format::Bf16, other) => {
                pairs(&to_bytes(&other.widened(), |value| bf16::from_f32(value).to_le_bytes()), lane, weights);
            }
            (Format::Q8_0, other) => blocks(&quantize_q8_0(&other.widened()), lane, weights, scales),
        }
    }
    Ok(())
}

fn to_bytes<const N: usize>(values: &[f32], bytes: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| bytes(*value)).collect()
}

fn fours(bytes: &[u8], lane: usize, weights: &mut [u8]) {
    for (from, to) in bytes.chunks_exact(4).zip(weights.chunks_exact_mut(LANES * 4)) {
        to[lane * 4..lane * 4 + 4].copy_from_slice(from);
    }
}

fn twos(bytes: &[u8], lane: usize, weights: &mut [u8]) {
    for (from, to) in bytes.chunks_exact(2).zip(weights.chunks_exact_mut(LANES * 2)) {
        to[lane * 2..lane * 2 + 2].copy_from_slice(from);
    }
}

/// An odd last element has a zero beside it.
fn pairs(bytes: &[u8], lane: usize, weights: &mut [u8]) {
    for (from, to) in bytes.chunks(4).zip(weights.chunks_exact_mut(LANES * 4)) {
        to[lane * 4..lane * 4 + from.len()].copy_from_slice(from);
    }
}

fn blocks(bytes: &[u8], lane: usize, weights: &mut [u8], scales: &mut [u16]) {
    let tiles = weights.chunks_exact_mut(Q8_0_BLOCK * LANES).zip(scales.chunks_exact_mut(LANES));
    for (block, (weights, scales)) in bytes.chunks_exact(Q8_0_BYTES).zip(tiles) {
        scales[lane] = u16::from_le_bytes([block[0], block[1]]);
        for (four, to) in block[2..].chunks_exact(4).zip(weights.chunks_exact_mut(LANES * 4)) {
            for (to, byte) in to[lane * 4..lane * 4 + 4].iter_mut().zip(four) {
                // i8 + 128, as u8.
                *to = byte ^ 0x80;
            }
        }
    }
}
