//! The header of a GGUF file: keys with their values, and where each tensor lies. Trusts no count and no length: everything is
//! checked against the bytes that are there before it is used, and arrays stay in the file until they are asked for.

use std::{collections::BTreeMap, ops::Range};

use super::fault::Fault;
use super::value::{Kind, Scalar, Value};

const MAGIC: &[u8] = b"GGUF";
const VERSIONS: Range<u32> = 2..4;
const ALIGNMENT: &str = "general.alignment";
const DEFAULT_ALIGNMENT: u64 = 32;
const MAX_ALIGNMENT: u64 = 1 << 20;
const MAX_DIMENSIONS: u32 = 4;

#[derive(Debug)]
pub(super) struct Header {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) tensors: BTreeMap<String, TensorInfo>,
    /// Where the tensors' bytes start in the file.
    pub(super) data: usize,
}

/// A tensor as the header declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorInfo {
    /// Rows first, as everywhere in this program (a GGUF file has the columns first). At least one dimension, none 0, and the
    /// product fits a usize.
    pub(crate) shape: Vec<usize>,
    /// ggml's number of the element format.
    pub(crate) element_type: u32,
    /// From the start of the tensors' bytes.
    pub(crate) offset: u64,
}

impl Header {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader { bytes, at: 0 };
        if bytes.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(Fault::Magic);
        }
        reader.at = MAGIC.len();
        let version = reader.u32("the version")?;
        if !VERSIONS.contains(&version) {
            return Err(Fault::Version { found: version });
        }
        let tensor_count = reader.u64("the number of tensors")?;
        let value_count = reader.u64("the number of keys")?;
        let mut values = BTreeMap::new();
        for _ in 0..value_count {
            let key = reader.text("a key")?.to_owned();
            let value = reader.value(&key)?;
            if values.insert(key.clone(), value).is_some() {
                return Err(Fault::Twice { what: "key", name: key });
            }
        }
        let alignment = alignment(&values)?;
        let mut tensors = BTreeMap::new();
        for _ in 0..tensor_count {
            let name = reader.text("a tensor's name")?.to_owned();
            let info = reader.tensor(&name, alignment)?;
            if tensors.insert(name.clone(), info).is_some() {
                return Err(Fault::Twice { what: "tensor", name });
            }
        }
        let data = (reader.at as u64).next_multiple_of(alignment) as usize;
        Ok(Self { values, tensors, data })
    }
}

fn alignment(values: &BTreeMap<String, Value>) -> Result<u64, Fault> {
    let Some(value) = values.get(ALIGNMENT) else { return Ok(DEFAULT_ALIGNMENT) };
    match value.count() {
        Some(found) if found > 0 && found <= MAX_ALIGNMENT && found.is_multiple_of(8) => Ok(found),
        found => Err(Fault::Alignment { found: found.unwrap_or_default(), most: MAX_ALIGNMENT }),
    }
}

/// Reads forward through bytes that may end anywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64, part: &'static str) -> Result<&'a [u8], Fault> {
        let truncated = Fault::Truncated { part, at: self.at };
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let Some((end, taken)) = end.and_then(|end| Some((end, self.bytes.get(self.at..end)?))) else {
            return Err(truncated);
        };
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], Fault> {
        let at = self.at;
        self.take(N as u64, part)?.try_into().map_err(|_| Fault::Truncated { part, at })
    }

    fn u32(&mut self, part: &'static str) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.array(part)?))
    }

    fn u64(&mut self, part: &'static str) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.array(part)?))
    }

    pub(super) fn text(&mut self, part: &'static str) -> Result<&'a str, Fault> {
        let length = self.u64(part)?;
        let at = self.at;
        std::str::from_utf8(self.take(length, part)?).map_err(|_| Fault::NotText { part, at })
    }

    fn value(&mut self, key: &str) -> Result<Value, Fault> {
        let kind = self.kind(key)?;
        match kind {
            Kind::Array => self.array_value(key),
            Kind::Text => Ok(Value::Text(self.text("a text")?.to_owned())),
            Kind::Number(number) => {
                let at = self.at;
                let bytes = self.take(number.bytes() as u64, "a number")?;
                let scalar = number.read(bytes).ok_or(Fault::Truncated { part: "a number", at })?;
                Ok(Value::Scalar(scalar))
            }
        }
    }

    fn kind(&mut self, key: &str) -> Result<Kind, Fault> {
        let found = self.u32("a value's type")?;
        Kind::numbered(found).ok_or_else(|| Fault::ValueType { key: key.to_owned(), found })
    }

    /// Walks over the array, so that what lies in it is known to be there.
    fn array_value(&mut self, key: &str) -> Result<Value, Fault> {
        let kind = self.kind(key)?;
        let count = self.u64("an array's length")?;
        let start = self.at;
        match kind {
            Kind::Array => return Err(Fault::NestedArray { key: key.to_owned() }),
            Kind::Number(number) => {
                self.take(count.saturating_mul(number.bytes() as u64), "an array of numbers")?;
            }
            Kind::Text => {
                for _ in 0..count {
                    self.text("an array of texts")?;
                }
            }
        }
        Ok(Value::Array { kind, bytes: start..self.at })
    }

    fn tensor(&mut self, name: &str, alignment: u64) -> Result<TensorInfo, Fault> {
        let dimensions = self.u32("a tensor's dimensions")?;
        if dimensions == 0 || dimensions > MAX_DIMENSIONS {
            let tensor = name.to_owned();
            return Err(Fault::Dimensions { tensor, found: dimensions, most: MAX_DIMENSIONS });
        }
        let mut declared = Vec::new();
        for _ in 0..dimensions {
            declared.push(self.u64("a tensor's shape")?);
        }
        let shape = shape(&declared).ok_or_else(|| Fault::Shape { tensor: name.to_owned(), found: declared })?;
        let element_type = self.u32("a tensor's element type")?;
        let offset = self.u64("a tensor's offset")?;
        if !offset.is_multiple_of(alignment) {
            return Err(Fault::Offset { tensor: name.to_owned(), offset, alignment });
        }
        Ok(TensorInfo { shape, element_type, offset })
    }
}

/// Rows first; None: a dimension is 0, or the elements are more than can be counted eight bytes each.
fn shape(declared: &[u64]) -> Option<Vec<usize>> {
    let shape: Vec<usize> =
        declared.iter().rev().map(|dimension| usize::try_from(*dimension).ok()).collect::<Option<_>>()?;
    let elements = shape.iter().try_fold(8usize, |product, dimension| product.checked_mul(*dimension))?;
    (elements > 0).then_some(shape)
}

/// The texts of an array.
pub(super) fn texts(bytes: &[u8]) -> Result<Vec<&str>, Fault> {
    let mut reader = Reader { bytes, at: 0 };
    let mut texts = Vec::new();
    while reader.at < bytes.len() {
        texts.push(reader.text("an array of texts")?);
    }
    Ok(texts)
}

/// The numbers of an array.
pub(super) fn scalars(kind: super::value::Number, bytes: &[u8]) -> Vec<Scalar> {
    bytes.chunks_exact(kind.bytes()).filter_map(|chunk| kind.read(chunk)).collect()
}
