//! Sixteen rows of a file laid beside each other as one tile.

use std::borrow::Cow;

use half::{bf16, f16};

use super::{Format, K_BLOCK, PackError, Q4K_BYTES, Q6K_BYTES, Q8_0_BLOCK, Q8_0_BYTES, k};
use crate::lanes::LANES;

/// One output's weights.
#[derive(Clone, Debug)]
pub enum Row<'a> {
    /// In the matrix's own format as files have it, little-endian.
    Stored(Cow<'a, [u8]>),
    Widened(Vec<f32>),
}

impl Format {
    /// Bytes of a file's row.
    pub(crate) fn row_bytes(self, inputs: usize) -> usize {
        match self {
            Self::F32 => inputs * 4,
            Self::F16 | Self::Bf16 => inputs * 2,
            Self::Q8_0 => inputs / Q8_0_BLOCK * Q8_0_BYTES,
            Self::Q4K => inputs / K_BLOCK * Q4K_BYTES,
            Self::Q6K => inputs / K_BLOCK * Q6K_BYTES,
        }
    }
}

/// A row's bytes in this format.
fn stored<'a>(format: Format, inputs: usize, row: &'a Row<'_>) -> Result<Cow<'a, [u8]>, PackError> {
    let (found, expected) = match row {
        Row::Stored(bytes) => (bytes.len(), format.row_bytes(inputs)),
        Row::Widened(values) => (values.len(), inputs),
    };
    if found != expected {
        return Err(PackError::RowLength { found, expected });
    }
    Ok(match (row, format) {
        (Row::Stored(bytes), _) => Cow::Borrowed(bytes),
        (Row::Widened(values), Format::F32) => to_bytes(values, f32::to_le_bytes),
        (Row::Widened(values), Format::F16) => to_bytes(values, |value| f16::from_f32(value).to_le_bytes()),
        (Row::Widened(values), Format::Bf16) => to_bytes(values, |value| bf16::from_f32(value).to_le_bytes()),
        (Row::Widened(values), Format::Q8_0) => Cow::Owned(quantize_q8_0(values)),
        (Row::Widened(_), Format::Q4K | Format::Q6K) => return Err(PackError::NotBlocks { format }),
    })
}

fn to_bytes<const N: usize>(values: &[f32], bytes: impl Fn(f32) -> [u8; N]) -> Cow<'static, [u8]> {
    Cow::Owned(values.iter().flat_map(|value| bytes(*value)).collect())
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
        let bytes = stored(format, inputs, row)?;
        match format {
            Format::F32 => fours(&bytes, lane, weights),
            Format::F16 => twos(&bytes, lane, weights),
            Format::Bf16 => pairs(&bytes, lane, weights),
            Format::Q8_0 => blocks(&bytes, lane, weights, scales),
            Format::Q4K => k::pack_q4k(&bytes, lane, weights, scales),
            Format::Q6K => k::pack_q6k(&bytes, lane, weights, scales),
        }
    }
    Ok(())
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
