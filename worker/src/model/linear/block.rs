//! One matrix in memory, [outputs, inputs]: packed for our kernels, or on a device, in floats or in ggml's blocks.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::{QMatMul, QStorage, QTensor};
use candle_core::{Device, Module, Result, Tensor, bail};
use half::f16;
use specfuse_kernels::matrix::{self, Matrix, PackError, Row};

use super::Part;
use crate::model::stored::{Format, Stored};
use crate::model::weights::{Target, Weights};
use crate::model::{LoadError, host};

pub(super) enum Block {
    Packed(Matrix),
    /// On a device.
    Quantized {
        product: QMatMul,
        weights: Arc<QTensor>,
        format: Format,
    },
    /// [outputs, inputs], in the dtype that the device computes in.
    Device(Tensor),
}

impl Block {
    /// The rows of the parts, one part after the other, all of one target format.
    pub(super) fn load(
        weights: &mut Weights<'_>,
        target: Target,
        parts: &[Part],
        inputs: usize,
    ) -> std::result::Result<Self, LoadError> {
        let device = weights.device().clone();
        let unusable = |source| LoadError::unusable(parts, source);
        match target {
            Target::Packed(format) => {
                let rounding = weights.rounds();
                let packed = packed(&weights.matrices(parts, inputs)?, parts, inputs, format);
                let packed = packed.map(|matrix| if rounding { matrix.rounding_rows() } else { matrix });
                packed.map(Self::Packed).map_err(|source| LoadError::pack(parts, source))
            }
            Target::Quantized(format) => {
                let bytes = blocks(&weights.matrices(parts, inputs)?, parts, inputs, format).map_err(unusable)?;
                quantized(&bytes, (total(parts), inputs), format, &device).map_err(unusable)
            }
            Target::Device(dtype) => {
                let matrices = weights.matrices(parts, inputs)?;
                let on_device = |(stored, part): (&Stored<'_>, &Part)| {
                    let tensor = Tensor::from_vec(stored.widened_rows(part.rows), (part.rows, inputs), &Device::Cpu)?;
                    stored.forget(0..part.rows);
                    tensor.to_dtype(dtype)?.to_device(&device)
                };
                let tensors: Result<Vec<_>> = matrices.iter().zip(parts).map(on_device).collect();
                tensors.and_then(|tensors| Tensor::cat(&tensors, 0)).map(Self::Device).map_err(unusable)
            }
        }
    }

    /// x wᵀ + b.
    pub(super) fn forward(&self, x: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        match self {
            Self::Packed(matrix) => {
                let rows = x.dim(0)?;
                let bias = bias.map(Tensor::to_vec1::<f32>).transpose()?;
                host::apply(x, "product", matrix.outputs(), |x| {
                    if x.len() != rows * matrix.inputs() {
                        bail!(
                            "a product of {} elements with {} inputs for each of {rows} rows",
                            x.len(),
                            matrix.inputs()
                        );
                    }
                    Ok(matrix.product(x, rows, bias.as_deref()))
                })
            }
            Self::Quantized { product, .. } => added(spoiled(product.forward(x)?, x)?, bias),
            Self::Device(weight) => added(x.matmul(&weight.t()?)?, bias),
        }
    }

    /// The rows of these outputs: [outputs named, inputs].
    pub(super) fn rows(&self, outputs: &[u32]) -> Result<Tensor> {
        match self {
            Self::Packed(matrix) => {
                if let Some(output) = outputs.iter().find(|output| **output as usize >= matrix.outputs()) {
                    bail!("row {output} of {}", matrix.outputs());
                }
                let rows = specfuse_kernels::rows::each_row(outputs.len(), matrix.inputs(), |index, row| {
                    matrix.row(outputs[index] as usize, row);
                });
                Tensor::from_vec(rows, (outputs.len(), matrix.inputs()), &Device::Cpu)
            }
            Self::Quantized { weights, .. } => weights.embedding(&Tensor::new(outputs, &weights.device())?),
            Self::Device(weight) => weight.index_select(&Tensor::new(outputs, weight.device())?, 0),
        }
    }

    pub(super) fn format(&self) -> &'static str {
        match self {
            Self::Packed(matrix) => matrix.format().name(),
            Self::Quantized { format, .. } => format.name(),
            Self::Device(weight) => weight.dtype().as_str(),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Packed(matrix) => matrix.bytes() as u64,
            Self::Quantized { weights, .. } => weights.storage_size_in_bytes() as u64,
            Self::Device(weight) => (weight.elem_count() * weight.dtype().size_in_bytes()) as u64,
        }
    }
}

/// Candle rounds rows to bytes, and NaN to 0: a row with a value that is no finite number must not come out as one of numbers. All rows
/// are marked: reading back whether one must be would cost more on a device.
fn spoiled(y: Tensor, x: &Tensor) -> Result<Tensor> {
    y.broadcast_add(&(x.sum_keepdim(1)? * 0.0)?)
}

fn added(y: Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

fn total(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.rows).sum()
}

/// The part that has a row of the whole, and the row's place in it.
fn locate(parts: &[Part], mut row: usize) -> (usize, usize) {
    for (index, part) in parts.iter().enumerate() {
        if row < part.rows {
            return (index, row);
        }
        row -= part.rows;
    }
    (parts.len(), row)
}

fn packed(
    stored: &[Stored<'_>],
    parts: &[Part],
    inputs: usize,
    format: matrix::Format,
) -> std::result::Result<Matrix, PackError> {
    let row = |row: usize| {
        let (part, row) = locate(parts, row);
        stored.get(part).map_or(Row::Widened(Vec::new()), |stored| packing(stored, row, format))
    };
    let done = |rows: Range<usize>| {
        let mut before = 0;
        for (stored, part) in stored.iter().zip(parts) {
            let within = |row: usize| row.clamp(before, before + part.rows) - before;
            stored.forget(within(rows.start)..within(rows.end));
            before += part.rows;
        }
    };
    Matrix::pack(format, total(parts), inputs, row, done)
}

/// A row as the kernels pack it: as it is, or as near to it as the format can be.
fn packing<'a>(stored: &Stored<'a>, row: usize, format: matrix::Format) -> Row<'a> {
    let bytes = stored.row(row);
    if stored.format.in_kernels() == Some(format) {
        return Row::Stored(Cow::Borrowed(bytes));
    }
    if let (matrix::Format::Q8_0, Some(blocks)) = (format, stored.row_as_q8_0(row)) {
        return Row::Stored(Cow::Owned(blocks));
    }
    let mut values = Vec::new();
    stored.format.widen(bytes, &mut values);
    if format == matrix::Format::Q4K {
        // A row that cannot be quantised has no whole blocks, which the kernels refuse.
        return Row::Stored(Cow::Owned(quantized_row(&values, Format::Q4K).unwrap_or_default()));
    }
    Row::Widened(values)
}

/// The rows in ggml's blocks, quantised where they are not yet.
fn blocks(stored: &[Stored<'_>], parts: &[Part], inputs: usize, format: Format) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(total(parts) * format.bytes(inputs));
    for (stored, part) in stored.iter().zip(parts) {
        for row in 0..part.rows {
            if stored.format == format {
                bytes.extend(stored.row(row));
            } else {
                let mut values = Vec::with_capacity(inputs);
                stored.format.widen(stored.row(row), &mut values);
                bytes.extend(quantized_row(&values, format)?);
            }
        }
        stored.forget(0..part.rows);
    }
    Ok(bytes)
}

/// The blocks of a row; those with a value that is no finite number have no scale.
fn quantized_row(values: &[f32], format: Format) -> Result<Vec<u8>> {
    let row = Tensor::new(values, &Device::Cpu)?;
    let mut bytes = QTensor::quantize(&row, format.ggml())?.data()?.into_owned();
    let blocks = bytes.chunks_exact_mut(format.block_bytes());
    for (block, values) in blocks.zip(values.chunks_exact(format.block())) {
        if values.iter().any(|value| !value.is_finite()) {
            // The blocks that weights are quantised to here, Q4_K, begin with their scale.
            block[..2].copy_from_slice(&f16::NAN.to_le_bytes());
        }
    }
    Ok(bytes)
}

fn quantized(bytes: &[u8], shape: (usize, usize), format: Format, device: &Device) -> Result<Block> {
    let storage = QStorage::from_data(Cow::Borrowed(bytes), device, format.ggml())?;
    let weights = Arc::new(QTensor::new(storage, shape)?);
    Ok(Block::Quantized { product: QMatMul::from_arc(Arc::clone(&weights))?, weights, format })
}

#[cfg(test)]
mod tests;
