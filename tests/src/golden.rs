//! Where the golden data lies. A missing folder is a loud skip for outsiders and a failure where `CI=true`.

use std::path::PathBuf;

use super::prerequisite::{missing, variable};

/// The golden folder: `SPECFUSE_GOLDEN`, else `../shared/golden` beside the checkout. None: skip the test, having said so.
///
/// # Panics
/// When the folder is missing and `CI=true`.
pub fn folder() -> Option<PathBuf> {
    let dir = match variable("SPECFUSE_GOLDEN") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/golden"),
    };
    existing(dir)
}

/// A folder beside the golden one, such as "tokenizers".
pub fn sibling(name: &str) -> Option<PathBuf> {
    existing(folder()?.join("..").join(name))
}

fn existing(dir: PathBuf) -> Option<PathBuf> {
    if let Ok(dir) = dir.canonicalize() {
        return Some(dir);
    }
    missing(&format!("no golden data at {} (set SPECFUSE_GOLDEN)", dir.display()));
    None
}
