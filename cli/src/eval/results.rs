//! The report, where people and programs find it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use console::Term;
use specfuse_eval::report::{self, Report};

use crate::{output, text};

const JSON: &str = "report.json";
const HTML: &str = "report.html";
/// Columns, where there is no terminal to ask.
const WIDTH: usize = 100;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ResultsError {
    #[error("cannot write {}", file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("cannot write the report as JSON")]
    Encode(#[from] serde_json::Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

/// Both files, and on standard output what the first one holds or a table.
pub(super) fn write(folder: &Path, report: &Report, json: bool) -> Result<(), ResultsError> {
    let encoded = serde_json::to_string_pretty(report)? + "\n";
    save(folder.join(JSON), &encoded)?;
    save(folder.join(HTML), &report::html(report))?;
    if json {
        return output::write(&encoded).map_err(ResultsError::Output);
    }
    let width = Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns));
    output::write(&text::harmless(&report::terminal(report, width))).map_err(ResultsError::Output)?;
    output::complain(&format!("more is in {}", folder.join(HTML).display()));
    Ok(())
}

fn save(file: PathBuf, text: &str) -> Result<(), ResultsError> {
    fs::write(&file, text).map_err(|source| ResultsError::Write { file, source })
}
