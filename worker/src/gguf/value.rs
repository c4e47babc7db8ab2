//! The types of values that a GGUF file can have, and their numbers in it.

use std::ops::Range;

/// A value's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number(Number),
    Text,
    Array,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    U64,
    I64,
    F64,
}

/// A number as read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Integer(i128),
    Float(f64),
    Flag(bool),
}

/// What a key holds. An array stays in the file: these are its elements' bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar(Scalar),
    Text(String),
    Array { kind: Kind, bytes: Range<usize> },
}

impl Kind {
    pub(super) fn numbered(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Number(Number::U8),
            1 => Self::Number(Number::I8),
            2 => Self::Number(Number::U16),
            3 => Self::Number(Number::I16),
            4 => Self::Number(Number::U32),
            5 => Self::Number(Number::I32),
            6 => Self::Number(Number::F32),
            7 => Self::Number(Number::Bool),
            8 => Self::Text,
            9 => Self::Array,
            10 => Self::Number(Number::U64),
            11 => Self::Number(Number::I64),
            12 => Self::Number(Number::F64),
            _ => return None,
        })
    }
}

impl Number {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// None: other than [`Number::bytes`] bytes.
    pub(super) fn read(self, bytes: &[u8]) -> Option<Scalar> {
        Some(match self {
            Self::U8 => Scalar::Integer(u8::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::I8 => Scalar::Integer(i8::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::U16 => Scalar::Integer(u16::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::I16 => Scalar::Integer(i16::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::U32 => Scalar::Integer(u32::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::I32 => Scalar::Integer(i32::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::U64 => Scalar::Integer(u64::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::I64 => Scalar::Integer(i64::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::F32 => Scalar::Float(f32::from_le_bytes(bytes.try_into().ok()?).into()),
            Self::F64 => Scalar::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
            Self::Bool => Scalar::Flag(u8::from_le_bytes(bytes.try_into().ok()?) != 0),
        })
    }
}

impl Scalar {
    /// As a number, whatever it was written as.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Integer(integer) => Some(integer as f64),
            Self::Float(float) => Some(float),
            Self::Flag(_) => None,
        }
    }

    pub(super) fn count(self) -> Option<u64> {
        match self {
            Self::Integer(integer) => u64::try_from(integer).ok(),
            Self::Float(_) | Self::Flag(_) => None,
        }
    }
}

impl Value {
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Scalar(scalar) => scalar.count(),
            Self::Text(_) | Self::Array { .. } => None,
        }
    }

    /// What an error says of it: never a whole text, which may be long.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Scalar(Scalar::Integer(integer)) => integer.to_string(),
            Self::Scalar(Scalar::Float(float)) => float.to_string(),
            Self::Scalar(Scalar::Flag(flag)) => flag.to_string(),
            Self::Text(_) => "a text".to_owned(),
            Self::Array { .. } => "an array".to_owned(),
        }
    }
}
