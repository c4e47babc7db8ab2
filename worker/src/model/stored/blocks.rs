//! ggml's blocks of quantised elements, back to f32. The order of the operations is ggml's own, so that the numbers are its numbers
//! to the last bit. Layouts: `d`, `dmin` and `m` are f16 (little-endian), all else are bytes.

use half::f16;
use specfuse_kernels::matrix;

/// Elements of the small blocks, and of the K blocks.
const SMALL: usize = 32;
const K: usize = 256;

/// Appends the elements of every block of `BYTES` bytes.
pub(super) fn widen<const BYTES: usize, const ELEMENTS: usize>(
    bytes: &[u8],
    to: &mut Vec<f32>,
    block: impl Fn(&[u8; BYTES]) -> [f32; ELEMENTS],
) {
    let (blocks, _) = bytes.as_chunks::<BYTES>();
    to.extend(blocks.iter().flat_map(block));
}

/// Every block in another layout.
pub(super) fn converted<const FROM: usize, const TO: usize>(
    bytes: &[u8],
    block: impl Fn(&[u8; FROM]) -> [u8; TO],
) -> Vec<u8> {
    let (blocks, _) = bytes.as_chunks::<FROM>();
    blocks.iter().flat_map(block).collect()
}

fn half(low: u8, high: u8) -> f32 {
    f16::from_bits(u16::from_le_bytes([low, high])).to_f32()
}

/// d, 32 signed bytes: d q.
pub(super) fn q8_0(block: &[u8; 34]) -> [f32; SMALL] {
    let d = half(block[0], block[1]);
    std::array::from_fn(|i| f32::from(block[2 + i] as i8) * d)
}

/// The `i`-th of 32 nibbles: the low ones first, then the high ones.
fn nibble(quants: &[u8], i: usize) -> u8 {
    if i < SMALL / 2 { quants[i] & 0xf } else { quants[i - SMALL / 2] >> 4 }
}

/// d, 16 bytes of nibbles: d (q - 8).
pub(super) fn q4_0(block: &[u8; 18]) -> [f32; SMALL] {
    let d = half(block[0], block[1]);
    std::array::from_fn(|i| f32::from(nibble(&block[2..], i) as i8 - 8) * d)
}

/// As a Q8_0 block of the same scale.
pub(super) fn q4_0_as_q8_0(block: &[u8; 18]) -> [u8; 34] {
    signed(block, |i| nibble(&block[2..], i) as i8 - 8)
}

/// As a Q8_0 block of the same scale.
pub(super) fn q5_0_as_q8_0(block: &[u8; 22]) -> [u8; 34] {
    signed(block, |i| (nibble(&block[6..], i) | fifth(&block[2..6], i)) as i8 - 16)
}

fn signed(block: &[u8], element: impl Fn(usize) -> i8) -> [u8; 34] {
    std::array::from_fn(|at| if at < 2 { block[at] } else { element(at - 2).cast_unsigned() })
}

/// The fifth bit of the `i`-th element.
fn fifth(bits: &[u8], i: usize) -> u8 {
    (bits[i / 8] >> (i % 8) & 1) << 4
}

/// d, 4 bytes of fifth bits, 16 bytes of nibbles: d (q - 16).
pub(super) fn q5_0(block: &[u8; 22]) -> [f32; SMALL] {
    let d = half(block[0], block[1]);
    std::array::from_fn(|i| f32::from((nibble(&block[6..], i) | fifth(&block[2..6], i)) as i8 - 16) * d)
}

/// d, m, 4 bytes of fifth bits, 16 bytes of nibbles: d q + m.
pub(super) fn q5_1(block: &[u8; 24]) -> [f32; SMALL] {
    let (d, m) = (half(block[0], block[1]), half(block[2], block[3]));
    std::array::from_fn(|i| f32::from(nibble(&block[8..], i) | fifth(&block[4..8], i)) * d + m)
}

/// d scale and dmin minimum of the `group`-th 32 elements of a block that begins with d, dmin and 12 bytes of both.
fn scale_and_minimum(block: &[u8], group: usize) -> (f32, f32) {
    let (scale, minimum) = matrix::scale_and_minimum(&std::array::from_fn(|at| block[4 + at]), group);
    (half(block[0], block[1]) * f32::from(scale), half(block[2], block[3]) * f32::from(minimum))
}

/// The `i`-th of 256 nibbles: of each 32 bytes, the low ones first, then the high ones.
fn k_nibble(quants: &[u8], i: usize) -> u8 {
    let byte = quants[i / 64 * 32 + i % 32];
    if i % 64 < 32 { byte & 0xf } else { byte >> 4 }
}

/// d, dmin, 12 bytes of scales and minima, 128 bytes of nibbles: (d scale) q - (dmin minimum).
pub(super) fn q4k(block: &[u8; 144]) -> [f32; K] {
    std::array::from_fn(|i| {
        let (scale, minimum) = scale_and_minimum(block, i / 32);
        scale * f32::from(k_nibble(&block[16..], i)) - minimum
    })
}

/// The same with 32 bytes of fifth bits before the nibbles: bit g of byte j is that of element j of group g.
pub(super) fn q5k(block: &[u8; 176]) -> [f32; K] {
    std::array::from_fn(|i| {
        let (scale, minimum) = scale_and_minimum(block, i / 32);
        let fifth = (block[16 + i % 32] >> (i / 32) & 1) << 4;
        scale * f32::from(k_nibble(&block[48..], i) | fifth) - minimum
    })
}

/// 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales, d: (d scale) (q - 32). Of each 128 elements, the first
/// and the third 32 share the bytes of their nibbles with the ones after them; all four share the bytes of their pairs.
pub(super) fn q6k(block: &[u8; 210]) -> [f32; K] {
    let d = half(block[208], block[209]);
    std::array::from_fn(|i| {
        let (part, group, place) = (i / 128, i % 128 / 32, i % 32);
        let low = block[part * 64 + group % 2 * 32 + place];
        let low = if group < 2 { low & 0xf } else { low >> 4 };
        let high = block[128 + part * 32 + place] >> (2 * group) & 3;
        let scale = block[192 + i / 16] as i8;
        d * f32::from(scale) * f32::from((low | high << 4) as i8 - 32)
    })
}
