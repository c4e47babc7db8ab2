//! The shared files, and where they lie. A missing folder is a loud skip for outsiders and a failure where `CI=true`.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

/// The texts of all files, by name.
pub(crate) struct Folder(HashMap<String, String>);

impl Folder {
    /// `SPECFUSE_DATA`, else `../shared/data` beside the checkout. None: skip the test, having said so.
    ///
    /// # Panics
    /// When the folder is missing and `CI=true`.
    pub(crate) fn open() -> Option<Self> {
        let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
        let path = variable("SPECFUSE_DATA").map_or_else(beside, PathBuf::from);
        let Ok(entries) = path.read_dir() else {
            assert!(variable("CI").as_deref() != Some("true"), "no data at {} (set SPECFUSE_DATA)", path.display());
            // Not eprintln!: what it writes is kept from view when a test passes.
            let _ =
                writeln!(std::io::stderr(), "\n*** SKIPPED: no data at {} (set SPECFUSE_DATA) ***\n", path.display());
            return None;
        };
        let files = entries.map(|entry| entry.unwrap());
        let text = |path: PathBuf| std::fs::read_to_string(path).unwrap();
        Some(Self(files.map(|file| (file.file_name().into_string().unwrap(), text(file.path()))).collect()))
    }

    pub(crate) fn file(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no {name} in the folder"))
    }

    /// The text at a place as `verify/metrics.py` writes it.
    pub(crate) fn text(&self, place: &Value) -> String {
        if let Some(text) = place.get("text") {
            return text.as_str().unwrap().to_owned();
        }
        let number = usize::try_from(place["line"].as_u64().unwrap()).unwrap();
        let line = self.file(place["file"].as_str().unwrap()).split('\n').nth(number - 1).unwrap();
        let Some(field) = place.get("field") else { return line.to_owned() };
        let record: Value = serde_json::from_str(line).unwrap();
        record.pointer(field.as_str().unwrap()).and_then(Value::as_str).unwrap().to_owned()
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment alone")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
