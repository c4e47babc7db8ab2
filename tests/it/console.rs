//! The console: what it does in a real browser, that it is built from its sources, and what those never do.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use specfuse_tests::{
    packages::{self, Packages},
    prerequisite,
    up::{Up, bundled_models},
};
use tempfile::TempDir;
use tokio::process::Command;

use crate::PROGRAM;

const PLAYWRIGHT: &str = "playwright-core@1.65.1";
/// Registries can be slow.
const NPM_DEADLINE: Duration = Duration::from_secs(300);
const LONGEST: usize = 250;
const MEDIAN: usize = 150;
/// By these, text becomes markup or code.
const MARKUP: [&str; 12] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "setHTML",
    "createContextualFragment",
    "DOMParser",
    "document.write",
    "srcdoc",
    "eval(",
    "new Function",
    "\"style\"",
    "javascript:",
];

fn console() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../coordinator/console")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_shows_in_a_browser_how_an_answer_came_about() -> Result<()> {
    let Some(chromium) = chromium().await? else {
        prerequisite::missing("chromium is not installed");
        return Ok(());
    };
    let Some(packages) = Packages::node(&[PLAYWRIGHT]).await? else { return Ok(()) };
    let screenshots = screenshots();
    fs::create_dir_all(&screenshots)?;
    let up = Up::start(Path::new(PROGRAM), &bundled_models()).await?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("console/console.mjs");
    packages.run(&script, &[&up.coordinator, &chromium, &screenshots.display().to_string()]).await?;
    for name in ["desktop-light.png", "phone-dark.png"] {
        ensure!(fs::metadata(screenshots.join(name))?.len() > 10_000, "{name} is empty");
    }
    Ok(())
}

#[tokio::test]
async fn the_console_passes_its_own_tests_and_is_built_from_its_sources() -> Result<()> {
    if Command::new("npm").arg("--version").output().await.is_err() {
        prerequisite::missing("npm is not installed");
        return Ok(());
    }
    let copy = TempDir::new()?;
    copy_sources(&console(), copy.path())?;
    for arguments in [
        &["ci", "--ignore-scripts", "--no-audit", "--no-fund"][..],
        &["test", "--silent"][..],
        &["run", "--silent", "build"][..],
    ] {
        packages::run(Command::new("npm").args(arguments).current_dir(copy.path()), NPM_DEADLINE).await?;
    }
    let built = fs::read_to_string(copy.path().join("dist/console.js"))?;
    let committed = fs::read_to_string(console().join("dist/console.js"))?;
    ensure!(built == committed, "dist/console.js is not what the sources give: npm run build");
    Ok(())
}

#[test]
fn the_console_never_makes_markup_of_text() -> Result<()> {
    let mut sources = sources()?;
    sources.extend(["index.html", "dist/console.js"].map(|name| console().join(name)));
    for source in sources {
        let text = fs::read_to_string(&source)?;
        let used: Vec<_> = MARKUP.iter().filter(|word| text.contains(**word)).collect();
        ensure!(used.is_empty(), "{} uses {used:?}", source.display());
    }
    let page = fs::read_to_string(console().join("index.html"))?;
    ensure!(!page.contains("://") && !page.contains(" on") && !page.contains("<style"), "index.html is not on its own");
    Ok(())
}

#[test]
fn every_source_file_of_the_console_is_short_and_says_what_it_owns() -> Result<()> {
    let mut lengths = Vec::new();
    for source in sources()? {
        let text = fs::read_to_string(&source)?;
        let lines = text.lines().count();
        ensure!(text.starts_with("// "), "{}: no comment at its top", source.display());
        ensure!(lines <= LONGEST, "{}: {lines} lines, {LONGEST} are allowed", source.display());
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).context("no sources")?;
    ensure!(*median <= MEDIAN, "the median file has {median} lines, {MEDIAN} are allowed");
    Ok(())
}

fn sources() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![console().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Without what is installed or built.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().context("a file without a name")?;
        if name == OsStr::new("node_modules") || name == OsStr::new("dist") {
            continue;
        }
        if path.is_dir() {
            copy_sources(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// The path of the browser, where there is one.
async fn chromium() -> Result<Option<String>> {
    let found = Command::new("sh").args(["-c", "command -v /usr/bin/chromium || command -v chromium"]).output().await?;
    let path = String::from_utf8(found.stdout)?.trim().to_owned();
    Ok(found.status.success().then_some(path))
}

/// Where people find what the browser showed.
#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment alone")]
fn screenshots() -> PathBuf {
    let built = Path::new(PROGRAM).ancestors().nth(2).unwrap_or(Path::new("target"));
    std::env::var("SPECFUSE_SCREENSHOTS").map_or_else(|_| built.join("console"), PathBuf::from)
}
