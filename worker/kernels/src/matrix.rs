//! A matrix of weights [outputs, inputs] in its stored format, packed for the product: tiles of 16 outputs, in each tile the inputs in
//! order, 16 weights beside each other for each. So a product reads memory from front to back, whatever the number of rows.
//!
//! | format | tile |
//! |---|---|
//! | f32, f16 | [inputs][16] |
//! | bf16 | [inputs / 2][16][2] |
//! | Q8_0 | [inputs / 32][8][16][4] bytes offset by 128, and apart from them the scales [inputs / 32][16] f16 |
//! | Q4_K, Q6_K | see [`k`] |

pub(crate) mod k;
mod pack;

pub use k::scale_and_minimum;
pub(crate) use k::{K_BLOCK, Q4K_BYTES, Q6K_BYTES};
pub use pack::{Row, quantize_q8_0};

use std::ops::Range;
use std::sync::OnceLock;

use half::f16;

use crate::lanes::LANES;
use crate::memory::{Memory, OutOfMemory};
use crate::parallel::{self, Shared};

/// Weights of one Q8_0 block, which share a scale.
pub const Q8_0_BLOCK: usize = 32;
/// Bytes of one Q8_0 block in a file: an f16 scale and 32 i8.
pub const Q8_0_BYTES: usize = 2 + Q8_0_BLOCK;

/// Bytes that are packed before their rows are done with.
const AT_ONCE: usize = 16 << 20;

/// Weight formats that products read directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    F32,
    F16,
    Bf16,
    /// Blocks of 32 i8 with an f16 scale.
    Q8_0,
    /// ggml's blocks of 256 elements of four bits.
    Q4K,
    /// ggml's blocks of 256 elements of six bits.
    Q6K,
}

impl Format {
    /// Inputs that share scales: a matrix has a multiple of them.
    pub fn block(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q8_0 => Q8_0_BLOCK,
            Self::Q4K | Self::Q6K => K_BLOCK,
        }
    }

    /// As config files and tables write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
            Self::Q6K => "q6_k",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Matrix {
    format: Format,
    outputs: usize,
    inputs: usize,
    weights: Memory,
    /// Only of blocks.
    scales: Option<Memory>,
    rounds: bool,
}

/// Why a matrix cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    #[error("{} needs a multiple of {} inputs, and more than none; the matrix has {inputs}", format.name(), format.block())]
    Blocks { format: Format, inputs: usize },
    #[error("{} is packed from its own blocks only", format.name())]
    NotBlocks { format: Format },
    #[error("a row has {found} bytes or elements, expected {expected}")]
    RowLength { found: usize, expected: usize },
}

impl Matrix {
    /// Packs `row(0)`, `row(1)` … `row(outputs - 1)`, on all threads. A row in another format is converted, but not to Q4_K or Q6_K.
    /// Tells `done` which rows will not be asked for again, some megabytes at a time.
    pub fn pack<'a>(
        format: Format,
        outputs: usize,
        inputs: usize,
        row: impl Fn(usize) -> Row<'a> + Sync,
        done: impl Fn(Range<usize>),
    ) -> Result<Self, PackError> {
        if inputs == 0 || !inputs.is_multiple_of(format.block()) {
            return Err(PackError::Blocks { format, inputs });
        }
        let mut matrix = Self::empty(format, outputs, inputs)?;
        let (per_tile, scales_per_tile) = (matrix.tile_bytes(), matrix.tile_scales());
        let weights = Shared::new(matrix.weights.slice_mut::<u8>());
        let scales = matrix.scales.as_mut().map(|scales| Shared::new(scales.slice_mut::<u16>()));
        let failed = OnceLock::new();
        let pack = |tile: usize| {
            let first = tile * LANES;
            let rows: Vec<Row<'a>> = (first..outputs.min(first + LANES)).map(&row).collect();
            // SAFETY: each tile is packed once, and the matrix outlives this.
            let weights = unsafe { weights.part(tile * per_tile, per_tile) };
            // SAFETY: the same.
            let scales = scales.map(|scales| unsafe { scales.part(tile * scales_per_tile, scales_per_tile) });
            if let Err(error) = pack::tile(format, inputs, &rows, weights, scales.unwrap_or_default()) {
                // Any one of several is reason enough.
                let _ = failed.set(error);
            }
        };
        let (tiles, at_once) = (outputs.div_ceil(LANES), (AT_ONCE / per_tile.max(1)).max(1));
        for from in (0..tiles).step_by(at_once) {
            let to = tiles.min(from + at_once);
            parallel::each(to - from, |tile| pack(from + tile));
            done(from * LANES..outputs.min(to * LANES));
        }
        match failed.into_inner() {
            None => Ok(matrix),
            Some(error) => Err(error),
        }
    }

    fn empty(format: Format, outputs: usize, inputs: usize) -> Result<Self, PackError> {
        let mut matrix = Self { format, outputs, inputs, weights: Memory::zeroed(0, 1)?, scales: None, rounds: false };
        let tiles = outputs.div_ceil(LANES);
        matrix.weights = Memory::zeroed(tiles, matrix.tile_bytes())?;
        if matrix.tile_scales() > 0 {
            matrix.scales = Some(Memory::zeroed(tiles, matrix.tile_scales() * size_of::<u16>())?);
        }
        Ok(matrix)
    }

    /// Lets a product round its rows to bf16, where the weights are bf16 and the processor is faster so.
    pub fn rounding_rows(self) -> Self {
        Self { rounds: true, ..self }
    }

    pub(crate) fn rounds(&self) -> bool {
        self.rounds
    }

    pub fn format(&self) -> Format {
        self.format
    }

    pub fn outputs(&self) -> usize {
        self.outputs
    }

    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Bytes that a product reads.
    pub fn bytes(&self) -> usize {
        self.weights.bytes() + self.scales.as_ref().map_or(0, Memory::bytes)
    }

    pub(crate) fn tiles(&self) -> usize {
        self.outputs.div_ceil(LANES)
    }

    fn tile_bytes(&self) -> usize {
        match self.format {
            Format::F32 => self.inputs * LANES * 4,
            Format::F16 => self.inputs * LANES * 2,
            Format::Bf16 => self.inputs.next_multiple_of(2) * LANES * 2,
            Format::Q8_0 => self.inputs * LANES,
            Format::Q4K => self.inputs / K_BLOCK * k::Q4K_TILE,
            Format::Q6K => self.inputs / K_BLOCK * k::Q6K_TILE,
        }
    }

    fn tile_scales(&self) -> usize {
        match self.format {
            Format::F32 | Format::F16 | Format::Bf16 => 0,
            Format::Q8_0 => self.inputs / Q8_0_BLOCK * LANES,
            Format::Q4K => self.inputs / K_BLOCK * k::Q4K_SCALES,
            Format::Q6K => self.inputs / K_BLOCK * k::Q6K_SCALES,
        }
    }

    /// The bytes of a tile, and its scales. A tile beyond the last is the last.
    pub(crate) fn tile(&self, tile: usize) -> (&[u8], &[u16]) {
        let tile = tile.min(self.tiles().saturating_sub(1));
        let (bytes, scales) = (self.tile_bytes(), self.tile_scales());
        let weights = &self.weights.slice()[tile * bytes..(tile + 1) * bytes];
        (weights, self.scales.as_ref().map_or(&[], |all| &all.slice()[tile * scales..(tile + 1) * scales]))
    }

    /// Writes the weights of one output, widened, to `row`, which has `inputs` elements. Panics beyond the last output.
    pub fn row(&self, output: usize, row: &mut [f32]) {
        assert!(output < self.outputs && row.len() == self.inputs, "no such row");
        let (weights, scales) = self.tile(output / LANES);
        let lane = output % LANES;
        let half_at = |index: usize| u16::from_le_bytes([weights[2 * index], weights[2 * index + 1]]);
        for (input, value) in row.iter_mut().enumerate() {
            let at = input * LANES + lane;
            *value = match self.format {
                Format::F32 => {
                    f32::from_le_bytes([weights[4 * at], weights[4 * at + 1], weights[4 * at + 2], weights[4 * at + 3]])
                }
                Format::F16 => f16::from_bits(half_at(at)).to_f32(),
                Format::Bf16 => half::bf16::from_bits(half_at((input / 2 * LANES + lane) * 2 + input % 2)).to_f32(),
                Format::Q8_0 => {
                    let scale = f16::from_bits(scales[input / Q8_0_BLOCK * LANES + lane]).to_f32();
                    let byte = weights[(input / 4 * LANES + lane) * 4 + input % 4];
                    scale * (f32::from(byte) - 128.0)
                }
                Format::Q4K => k::q4k_weight(weights, scales, input, lane),
                Format::Q6K => k::q6k_weight(weights, scales, input, lane),
            };
        }
    }
}

#[cfg(test)]
mod tests;
