//! The tensors of a GGUF file under their Hugging Face names. All are checked when the file is opened: formats, whole blocks, and
//! that their bytes are there.

use super::super::LoadError;
use super::super::stored::{Format, RowOrder, Stored, row_bytes};
use crate::gguf::{Fault, Found, Gguf, GgufError, TensorInfo};

const SUPPORTED: &str = "F32, F16, BF16, Q4_0, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K";

pub(super) struct GgufTensors<'a> {
    file: &'a Gguf,
}

impl<'a> GgufTensors<'a> {
    pub(super) fn open(file: &'a Gguf) -> Result<Self, GgufError> {
        for (name, info) in file.tensors() {
            bytes(file, name, info).map_err(|fault| file.refused(fault))?;
        }
        Ok(Self { file })
    }

    /// The tensor that Hugging Face calls `name`, which must have exactly `shape`.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Stored<'a>, LoadError> {
        let missing = || LoadError::MissingTensor { name: name.to_owned(), expected: shape.to_vec() };
        let found = self.file.tensor(name)?.ok_or_else(missing)?;
        if found.info.shape != shape {
            let (expected, found) = (shape.to_vec(), found.info.shape.clone());
            return Err(LoadError::WrongShape { name: name.to_owned(), expected, found });
        }
        Ok(stored(self.file, &found).map_err(|fault| self.file.refused(fault))?)
    }
}

fn stored<'a>(file: &'a Gguf, found: &Found<'_>) -> Result<Stored<'a>, Fault> {
    let (format, bytes) = bytes(file, &found.name, found.info)?;
    let rows = found.info.shape.first().copied().unwrap_or_default();
    let order = match found.interleaved {
        None => RowOrder::Straight,
        Some(head_dim) if rows.is_multiple_of(head_dim) && head_dim.is_multiple_of(2) => {
            RowOrder::Interleaved { head_dim }
        }
        Some(head_dim) => return Err(Fault::Heads { tensor: found.name.clone(), rows, head_dim }),
    };
    Ok(Stored {
        format,
        row_bytes: row_bytes(format, &found.info.shape),
        order,
        lifted: found.lifted,
        bytes,
        file: Some(file.map()),
    })
}

/// A tensor's format and all its bytes.
fn bytes<'a>(file: &'a Gguf, name: &str, info: &TensorInfo) -> Result<(Format, &'a [u8]), Fault> {
    let tensor = name.to_owned();
    let Some(format) = format(info.element_type) else {
        return Err(Fault::ElementType { tensor, found: shown(info.element_type), supported: SUPPORTED });
    };
    let columns = info.shape.last().copied().unwrap_or_default();
    if !columns.is_multiple_of(format.block()) {
        return Err(Fault::Blocks { tensor, columns, format: format.name(), block: format.block() });
    }
    let length = format.bytes(info.shape.iter().product());
    Ok((format, file.bytes(info, length).ok_or(Fault::Outside { tensor })?))
}

/// ggml's numbers.
fn format(element_type: u32) -> Option<Format> {
    Some(match element_type {
        0 => Format::F32,
        1 => Format::F16,
        2 => Format::Q4_0,
        6 => Format::Q5_0,
        7 => Format::Q5_1,
        8 => Format::Q8_0,
        12 => Format::Q4K,
        13 => Format::Q5K,
        14 => Format::Q6K,
        30 => Format::Bf16,
        _ => return None,
    })
}

/// The formats that are met in published files but not read here have names; others their number.
fn shown(element_type: u32) -> String {
    let name = match element_type {
        3 => "Q4_1",
        10 => "Q2_K",
        11 => "Q3_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        29 => "IQ1_M",
        39 => "MXFP4",
        other => return format!("number {other}"),
    };
    name.to_owned()
}
