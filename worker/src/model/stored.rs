//! A tensor as its file holds it: element format, shape and bytes. What is done with it is the reader's affair.

use half::{bf16, f16};

/// Element formats that a weight may have in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Format {
    F32,
    F16,
    Bf16,
}

impl Format {
    /// As config files and tables write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    /// Bytes of `elements` elements.
    pub(super) fn bytes(self, elements: usize) -> usize {
        match self {
            Self::F32 => elements * 4,
            Self::F16 | Self::Bf16 => elements * 2,
        }
    }
}

/// A view of a file's bytes: a matrix [rows, columns] or a vector [columns], row after row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<'a> {
    pub(super) format: Format,
    /// Exactly `format.bytes(elements)`.
    pub(super) bytes: &'a [u8],
}

impl Stored<'_> {
    /// All elements widened to f32, exactly.
    pub(super) fn widened(&self) -> Vec<f32> {
        let halves = || self.bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        match self.format {
            Format::F32 => self.bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            Format::F16 => halves().map(|bits| f16::from_bits(bits).to_f32()).collect(),
            Format::Bf16 => halves().map(|bits| bf16::from_bits(bits).to_f32()).collect(),
        }
    }
}
