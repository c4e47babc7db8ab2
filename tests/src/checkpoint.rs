//! Copies of checkpoint folders, to be broken one way at a time; weights in another type.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, Result};
use candle_core::{DType, Tensor};
use serde_json::Value;
use tempfile::TempDir;

/// A copy that is deleted with the value.
#[derive(Debug)]
pub struct Checkpoint {
    root: TempDir,
}

impl Checkpoint {
    pub fn copy_of(folder: &Path) -> Result<Self> {
        let root = tempfile::tempdir()?;
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                // Not `copy`: the original may be read-only, the copy must not be.
                fs::write(root.path().join(entry.file_name()), fs::read(entry.path())?)?;
            }
        }
        Ok(Self { root })
    }

    pub fn folder(&self) -> &Path {
        self.root.path()
    }

    pub fn without(self, file: &str) -> Result<Self> {
        fs::remove_file(self.folder().join(file)).with_context(|| file.to_owned())?;
        Ok(self)
    }

    /// Keeps the first half of a file.
    pub fn cut_in_half(self, file: &str) -> Result<Self> {
        let path = self.folder().join(file);
        let bytes = fs::read(&path)?;
        fs::write(path, bytes.get(..bytes.len() / 2).unwrap_or_default())?;
        Ok(self)
    }

    pub fn set(self, file: &str, key: &str, value: impl Into<Value>) -> Result<Self> {
        self.edit(file, |fields| {
            fields.insert(key.to_owned(), value.into());
        })
    }

    pub fn unset(self, file: &str, key: &str) -> Result<Self> {
        self.edit(file, |fields| {
            fields.remove(key);
        })
    }

    fn edit(self, file: &str, change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Result<Self> {
        let path = self.folder().join(file);
        let mut json: Value = serde_json::from_slice(&fs::read(&path)?)?;
        change(json.as_object_mut().context("not an object")?);
        fs::write(path, serde_json::to_vec(&json)?)?;
        Ok(self)
    }
}

/// All weights in `dtype`.
pub fn as_type(tensors: &HashMap<String, Tensor>, dtype: DType) -> Result<HashMap<String, Tensor>> {
    tensors.iter().map(|(name, tensor)| Ok((name.clone(), tensor.to_dtype(dtype)?))).collect()
}
