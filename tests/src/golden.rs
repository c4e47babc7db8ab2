//! Where the golden data lies. A missing folder is a loud skip for outsiders and a failure where `CI=true`.

use std::{io::Write, path::PathBuf};

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

/// A line that is seen however the test ends: what `eprintln!` writes is kept from view when a test passes.
pub fn tell(line: &str) {
    // A closed standard error is nothing that could be told anywhere.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn existing(dir: PathBuf) -> Option<PathBuf> {
    if let Ok(dir) = dir.canonicalize() {
        return Some(dir);
    }
    assert!(variable("CI").as_deref() != Some("true"), "no golden data at {}", dir.display());
    tell(&format!("\n*** SKIPPED: no golden data at {} (set SPECFUSE_GOLDEN) ***\n", dir.display()));
    None
}

#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment alone")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
