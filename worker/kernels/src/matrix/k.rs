//! ggml's K blocks of 256 elements, sixteen outputs beside each other. Four inputs of an output are neighbours, as one instruction
//! multiplies them; all numbers are as the file has them, so nothing is rounded.
//!
//! | format | tile | scales, as u16 |
//! |---|---|---|
//! | Q4_K | [inputs / 8][16][4] nibbles: inputs 0–3 of eight low, 4–7 high | [inputs / 256]: d [16], dmin [16], [8][16] scale and minimum × 256 |
//! | Q6_K | [inputs / 16]: two of the same with the low four bits, then [16][4] pairs of the upper two, of inputs 0–3 lowest | [inputs / 256]: d [16], [8][16] two i8 scales of 16 inputs each |
//!
//! A weight is d scale q - dmin minimum, or d scale (q - 32).

use half::f16;

use crate::lanes::LANES;

/// Weights of a block.
pub(crate) const K_BLOCK: usize = 256;
/// Bytes of a Q4_K block in a file: d, dmin, 12 of scales and minima, 128 of nibbles.
pub(crate) const Q4K_BYTES: usize = 144;
/// Bytes of a Q6_K block in a file: 128 of nibbles, 64 of pairs of bits, 16 of scales, d.
pub(crate) const Q6K_BYTES: usize = 210;

/// Bytes of four inputs of all outputs.
const FOUR: usize = LANES * 4;
/// Bytes of a block of all outputs.
pub(super) const Q4K_TILE: usize = K_BLOCK / 8 * FOUR;
pub(super) const Q6K_TILE: usize = K_BLOCK / 16 * 3 * FOUR;
/// Scales of a block of all outputs.
pub(crate) const Q4K_SCALES: usize = 10 * LANES;
pub(crate) const Q6K_SCALES: usize = 9 * LANES;

/// Adds an output's low four bits of the weight of input `input`: to the low or the high half of its byte.
fn put_nibble(tile: &mut [u8], input: usize, lane: usize, nibble: u8) {
    let (at, shift) = nibble_at(input, lane);
    tile[at] |= nibble << shift;
}

/// The byte of an input's low four bits among those of eight inputs each, and the shift in it.
fn nibble_at(input: usize, lane: usize) -> (usize, usize) {
    (input / 8 * FOUR + lane * 4 + input % 4, input / 4 % 2 * 4)
}

/// Of Q6_K: the same in its tile, and the byte and shift of the upper two bits.
fn six_bits_at(input: usize, lane: usize) -> ((usize, usize), (usize, usize)) {
    let part = input / 16 * 3 * FOUR;
    let (low, shift) = nibble_at(input % 16, lane);
    ((part + low, shift), (part + 2 * FOUR + lane * 4 + input % 4, input / 4 % 4 * 2))
}

/// The six-bit scale and minimum of the `group`-th 32 elements of eight, in 12 bytes: the upper two bits of the last four groups are those of
/// the first eight bytes.
pub fn scale_and_minimum(packed: &[u8; 12], group: usize) -> (u8, u8) {
    if group < 4 {
        return (packed[group] & 63, packed[group + 4] & 63);
    }
    let low = packed[group + 4];
    (low & 0xf | packed[group - 4] >> 6 << 4, low >> 4 | packed[group] >> 6 << 4)
}

/// Packs the blocks of one output.
pub(super) fn pack_q4k(bytes: &[u8], lane: usize, weights: &mut [u8], scales: &mut [u16]) {
    let tiles = weights.chunks_exact_mut(Q4K_TILE).zip(scales.chunks_exact_mut(Q4K_SCALES));
    for (block, (weights, scales)) in bytes.as_chunks::<Q4K_BYTES>().0.iter().zip(tiles) {
        scales[lane] = u16::from_le_bytes([block[0], block[1]]);
        scales[LANES + lane] = u16::from_le_bytes([block[2], block[3]]);
        for group in 0..8 {
            let (scale, minimum) = scale_and_minimum(&std::array::from_fn(|at| block[4 + at]), group);
            scales[(2 + group) * LANES + lane] = u16::from_le_bytes([scale, minimum]);
        }
        for input in 0..K_BLOCK {
            // Of each 32 bytes the low nibbles come first, then the high ones.
            let byte = block[16 + input / 64 * 32 + input % 32];
            put_nibble(weights, input, lane, if input % 64 < 32 { byte & 0xf } else { byte >> 4 });
        }
    }
}

/// Packs the blocks of one output.
pub(super) fn pack_q6k(bytes: &[u8], lane: usize, weights: &mut [u8], scales: &mut [u16]) {
    let tiles = weights.chunks_exact_mut(Q6K_TILE).zip(scales.chunks_exact_mut(Q6K_SCALES));
    for (block, (weights, scales)) in bytes.chunks_exact(Q6K_BYTES).zip(tiles) {
        scales[lane] = u16::from_le_bytes([block[208], block[209]]);
        for (pair, of_pair) in block[192..208].chunks_exact(2).enumerate() {
            scales[(1 + pair) * LANES + lane] = u16::from_le_bytes([of_pair[0], of_pair[1]]);
        }
        for input in 0..K_BLOCK {
            // Of each 128 elements, the first and the third 32 share the bytes of their nibbles with the second and the fourth; all
            // four share those of their pairs.
            let (part, group, place) = (input / 128, input % 128 / 32, input % 32);
            let low = block[part * 64 + group % 2 * 32 + place];
            let high = block[128 + part * 32 + place] >> (2 * group) & 3;
            let ((at, shift), (high_at, high_shift)) = six_bits_at(input, lane);
            weights[at] |= (if group < 2 { low & 0xf } else { low >> 4 }) << shift;
            weights[high_at] |= high << high_shift;
        }
    }
}

/// The d of an output at the beginning of a block's scales, or what else lies so.
fn half_at(scales: &[u16], at: usize) -> f32 {
    f16::from_bits(scales[at]).to_f32()
}

/// d scale and dmin minimum of an output and the 32 inputs around `input`.
pub(crate) fn q4k_scales(scales: &[u16], input: usize, lane: usize) -> (f32, f32) {
    let scales = &scales[input / K_BLOCK * Q4K_SCALES..][..Q4K_SCALES];
    let [scale, minimum] = scales[(2 + input % K_BLOCK / 32) * LANES + lane].to_le_bytes();
    (half_at(scales, lane) * f32::from(scale), half_at(scales, LANES + lane) * f32::from(minimum))
}

/// d scale of an output and the 16 inputs around `input`.
pub(crate) fn q6k_scale(scales: &[u16], input: usize, lane: usize) -> f32 {
    let scales = &scales[input / K_BLOCK * Q6K_SCALES..][..Q6K_SCALES];
    let pair = scales[(1 + input % K_BLOCK / 32) * LANES + lane].to_le_bytes();
    half_at(scales, lane) * f32::from(pair[input / 16 % 2].cast_signed())
}

pub(super) fn q4k_weight(weights: &[u8], scales: &[u16], input: usize, lane: usize) -> f32 {
    let (at, shift) = nibble_at(input, lane);
    let (scale, minimum) = q4k_scales(scales, input, lane);
    scale * f32::from(weights[at] >> shift & 0xf) - minimum
}

pub(super) fn q6k_weight(weights: &[u8], scales: &[u16], input: usize, lane: usize) -> f32 {
    let ((at, shift), (high_at, high_shift)) = six_bits_at(input, lane);
    let bits = weights[at] >> shift & 0xf | (weights[high_at] >> high_shift & 3) << 4;
    q6k_scale(scales, input, lane) * (f32::from(bits) - 32.0)
}
