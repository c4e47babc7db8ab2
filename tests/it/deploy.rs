//! What is deployed, read with the code that builds, runs and evaluates it (`tests/deploy`, in Go): images, the whole system on one
//! machine, alerts and dashboards.

mod compose;
mod images;
mod read;
mod watching;

use std::path::{Path, PathBuf};

use anyhow::Result;

fn root() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?)
}
