//! Where the tests compute. A worker's own environment says it, so that the processes of a cluster and the models that a test loads
//! itself are on the same device: `SPECFUSE_WORKER_DEVICE`, and `SPECFUSE_WORKER_DTYPE`, which must be f32 on a device for what was
//! recorded to be repeated. The CPU by default.

use std::path::Path;

use anyhow::Result;
use specfuse_worker::{
    config::{device, precision},
    model::{LoadOptions, Model},
};

use crate::prerequisite::variable;

pub fn load_options() -> Result<LoadOptions> {
    let precision = precision(variable("SPECFUSE_WORKER_DTYPE").as_deref().unwrap_or("auto"), None)?;
    let kind = device(variable("SPECFUSE_WORKER_DEVICE").as_deref().unwrap_or("cpu"))?;
    Ok(LoadOptions::new(precision, kind)?)
}

/// The model of a checkpoint folder.
pub fn model(folder: &Path) -> Result<Model> {
    Ok(Model::from_folder(folder, &load_options()?)?)
}
