//! A tensor as its file holds it: element format, bytes and the order of its rows. What is done with it is the reader's affair.

mod blocks;

use std::ops::Range;

use candle_core::quantized::GgmlDType;
use half::{bf16, f16};
use memmap2::Mmap;
use specfuse_kernels::matrix;

use crate::mapped;

/// Element formats that a weight may have in a file: floats, and ggml's blocks of quantised elements with a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    F32,
    F16,
    Bf16,
    Q4_0,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
}

impl Format {
    pub(crate) const ALL: [Self; 10] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::Q4_0,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// By its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// As config files and tables write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q4_0 => "q4_0",
            Self::Q5_0 => "q5_0",
            Self::Q5_1 => "q5_1",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
        }
    }

    pub(crate) fn is_float(self) -> bool {
        self.block() == 1
    }

    /// What candle calls it.
    pub(super) fn ggml(self) -> GgmlDType {
        match self {
            Self::F32 => GgmlDType::F32,
            Self::F16 => GgmlDType::F16,
            Self::Bf16 => GgmlDType::BF16,
            Self::Q4_0 => GgmlDType::Q4_0,
            Self::Q5_0 => GgmlDType::Q5_0,
            Self::Q5_1 => GgmlDType::Q5_1,
            Self::Q8_0 => GgmlDType::Q8_0,
            Self::Q4K => GgmlDType::Q4K,
            Self::Q5K => GgmlDType::Q5K,
            Self::Q6K => GgmlDType::Q6K,
        }
    }

    /// What our kernels call it; None: they have no such format.
    pub(super) fn in_kernels(self) -> Option<matrix::Format> {
        match self {
            Self::F32 => Some(matrix::Format::F32),
            Self::F16 => Some(matrix::Format::F16),
            Self::Bf16 => Some(matrix::Format::Bf16),
            Self::Q8_0 => Some(matrix::Format::Q8_0),
            Self::Q4K => Some(matrix::Format::Q4K),
            Self::Q6K => Some(matrix::Format::Q6K),
            Self::Q4_0 | Self::Q5_0 | Self::Q5_1 | Self::Q5K => None,
        }
    }

    /// What our kernels hold it as: itself or, where they have no such format, one that loses nothing (Q8_0 of Q4_0 and Q5_0) or next
    /// to nothing (f16 of Q5_1 and Q5_K).
    pub(crate) fn packed(self) -> matrix::Format {
        let nearest = if matches!(self, Self::Q4_0 | Self::Q5_0) { matrix::Format::Q8_0 } else { matrix::Format::F16 };
        self.in_kernels().unwrap_or(nearest)
    }

    /// Elements of a block, which shares a scale and cannot be split. A row has whole blocks.
    pub(super) fn block(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q4_0 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Bytes of a block.
    pub(super) fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q4_0 => 18,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Bytes of `elements` elements, which are whole blocks.
    pub(super) fn bytes(self, elements: usize) -> usize {
        elements / self.block() * self.block_bytes()
    }

    /// Appends the elements of whole blocks, as f32.
    pub(super) fn widen(self, bytes: &[u8], to: &mut Vec<f32>) {
        let halves = || bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        match self {
            Self::F32 => to.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            Self::F16 => to.extend(halves().map(|bits| f16::from_bits(bits).to_f32())),
            Self::Bf16 => to.extend(halves().map(|bits| bf16::from_bits(bits).to_f32())),
            Self::Q4_0 => blocks::widen(bytes, to, blocks::q4_0),
            Self::Q5_0 => blocks::widen(bytes, to, blocks::q5_0),
            Self::Q5_1 => blocks::widen(bytes, to, blocks::q5_1),
            Self::Q8_0 => blocks::widen(bytes, to, blocks::q8_0),
            Self::Q4K => blocks::widen(bytes, to, blocks::q4k),
            Self::Q5K => blocks::widen(bytes, to, blocks::q5k),
            Self::Q6K => blocks::widen(bytes, to, blocks::q6k),
        }
    }
}

/// Where the model's rows lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowOrder {
    /// One after the other.
    Straight,
    /// Within each head of `head_dim` rows (even), the two rotary halves alternate: the model's rows 0, 1, 2, .. are the file's
    /// 0, 2, 4, .. and its rows from `head_dim / 2` on the file's 1, 3, 5, ..
    Interleaved { head_dim: usize },
    /// Each begins at one of the file's first `starts` elements, as a hash of its number says.
    Anywhere { starts: usize },
}

impl RowOrder {
    /// Where the model's row `row` begins in the file, in bytes.
    pub(super) fn place(self, row: usize, row_bytes: usize, element: usize) -> usize {
        match self {
            Self::Straight => row * row_bytes,
            Self::Interleaved { head_dim } => {
                let (head, within, half) = (row / head_dim, row % head_dim, head_dim / 2);
                (head * head_dim + 2 * (within % half) + within / half) * row_bytes
            }
            // Fibonacci hashing.
            Self::Anywhere { starts } => row.wrapping_mul(0x9e37_79b9) % starts.max(1) * element,
        }
    }
}

/// A view of a file's bytes: a matrix, or a vector whose elements are rows of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<'a> {
    pub(super) format: Format,
    /// Bytes of a row, which has whole blocks.
    pub(super) row_bytes: usize,
    pub(super) order: RowOrder,
    /// What the file's values have more than the model's; not 0 for some norms only.
    pub(super) lifted: f32,
    /// Whole rows.
    pub(super) bytes: &'a [u8],
    /// The mapped file that the bytes are part of.
    pub(super) file: Option<&'a Mmap>,
}

impl<'a> Stored<'a> {
    /// Bytes of a tensor of `shape` in the model's own order.
    pub(super) fn straight(format: Format, shape: &[usize], bytes: &'a [u8]) -> Self {
        Self { format, row_bytes: row_bytes(format, shape), order: RowOrder::Straight, lifted: 0.0, bytes, file: None }
    }

    /// The bytes of one row, in the model's order; empty beyond the last.
    pub(super) fn row(&self, row: usize) -> &'a [u8] {
        let start = self.order.place(row, self.row_bytes, self.format.block_bytes());
        self.bytes.get(start..start + self.row_bytes).unwrap_or_default()
    }

    /// A row as Q8_0 blocks of the same scales, of formats with fewer bits.
    pub(super) fn row_as_q8_0(&self, row: usize) -> Option<Vec<u8>> {
        match self.format {
            Format::Q4_0 => Some(blocks::converted(self.row(row), blocks::q4_0_as_q8_0)),
            Format::Q5_0 => Some(blocks::converted(self.row(row), blocks::q5_0_as_q8_0)),
            Format::F32
            | Format::F16
            | Format::Bf16
            | Format::Q5_1
            | Format::Q8_0
            | Format::Q4K
            | Format::Q5K
            | Format::Q6K => None,
        }
    }

    /// Rows that will not be read again soon: their pages need not stay in memory.
    pub(super) fn forget(&self, rows: Range<usize>) {
        if let (Some(file), Some(bytes)) =
            (self.file, self.bytes.get(rows.start * self.row_bytes..rows.end * self.row_bytes))
        {
            mapped::forget(file, bytes);
        }
    }

    /// All elements in the model's order as f32. Not of rows that lie anywhere: how many there are, their bytes do not say.
    pub(super) fn widened(&self) -> Vec<f32> {
        self.widened_rows(self.bytes.len().checked_div(self.row_bytes).unwrap_or_default())
    }

    /// The elements of the model's first rows as f32: floats exactly, blocks as ggml defines them. Rows that are not there are missing.
    pub(super) fn widened_rows(&self, rows: usize) -> Vec<f32> {
        let row = self.row_bytes / self.format.block_bytes() * self.format.block();
        // Some of the rows may not be there.
        let mut values = Vec::with_capacity(rows.saturating_mul(row).min(self.bytes.len()));
        (0..rows).for_each(|row| self.format.widen(self.row(row), &mut values));
        if self.lifted != 0.0 {
            values.iter_mut().for_each(|value| *value -= self.lifted);
        }
        values
    }
}

/// Bytes of a row of a tensor: of a vector's element.
pub(super) fn row_bytes(format: Format, shape: &[usize]) -> usize {
    let columns = if shape.len() > 1 { shape.last().copied().unwrap_or(1) } else { 1 };
    if columns < format.block() { format.block_bytes() } else { format.bytes(columns) }
}

#[cfg(test)]
mod tests;
