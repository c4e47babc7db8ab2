//! Rules about files that no compiler checks: each says what it owns, none grows without end, and the round logic stays pure.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

const LONGEST: usize = 400;
const MEDIAN: usize = 150;
const CRATES: [&str; 6] = ["proto", "runtime", "coordinator", "worker", "cli", "tests"];
/// Names that say nothing.
const EMPTY_NAMES: [&str; 8] = ["mod", "util", "utils", "helper", "helpers", "common", "manager", "data"];

struct Source {
    path: PathBuf,
    text: String,
}

#[test]
fn every_source_file_is_short_and_says_what_it_owns() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut sources = Vec::new();
    for name in CRATES {
        collect(&root.join(name), &mut sources)?;
    }
    assert!(sources.len() > 50, "{} files only", sources.len());
    let complaints: Vec<String> = sources.iter().flat_map(complaints).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));

    let mut lengths: Vec<usize> = sources.iter().filter(|source| !source.is_unit_test()).map(Source::length).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN, "the median file has {median} lines, {MEDIAN} are allowed");
    Ok(())
}

/// What the round logic may use besides the standard library, and what it may not use of that.
const PURE: [&str; 2] = ["serde", "thiserror"];
const IMPURE: [&str; 7] =
    ["std::time", "std::thread", "std::net", "std::fs", "std::env", "std::process", "Instant::now"];

#[test]
fn the_round_logic_depends_on_no_runtime_no_network_and_no_clock() -> Result<()> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../coordinator/core");
    let manifest: toml::Table = fs::read_to_string(core.join("Cargo.toml"))?.parse()?;
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table).context("no dependencies")?;
    let impure: Vec<_> = dependencies.keys().filter(|name| !PURE.contains(&name.as_str())).collect();
    assert!(impure.is_empty(), "specfuse-core depends on {impure:?}");
    let mut sources = Vec::new();
    collect(&core.join("src"), &mut sources)?;
    assert!(sources.len() > 5, "{} files only", sources.len());
    for source in sources.iter().filter(|source| !source.is_unit_test()) {
        let used: Vec<_> = IMPURE.iter().filter(|path| source.code().contains(**path)).collect();
        assert!(used.is_empty(), "{} uses {used:?}", source.path.display());
    }
    Ok(())
}

fn complaints(source: &Source) -> Vec<String> {
    let shown = source.path.display();
    let stem = source.path.file_stem().unwrap_or_default().to_string_lossy();
    let mut complaints = Vec::new();
    if !source.is_unit_test() && !source.text.starts_with("//! ") {
        complaints.push(format!("{shown}: no module comment at its top"));
    }
    if source.length() > LONGEST {
        complaints.push(format!("{shown}: {} lines without tests, {LONGEST} are allowed", source.length()));
    }
    if EMPTY_NAMES.contains(&stem.as_ref()) {
        complaints.push(format!("{shown}: its name says nothing"));
    }
    complaints
}

impl Source {
    /// Without the tests at its foot.
    fn code(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }

    fn length(&self) -> usize {
        self.code().lines().count()
    }

    /// The tests of the file above: `foo/tests.rs`, or parts of it below `foo/tests/`.
    fn is_unit_test(&self) -> bool {
        let inside = self.path.components().skip_while(|part| part.as_os_str() != "src");
        inside.into_iter().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
    }
}

fn collect(folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, sources)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}
