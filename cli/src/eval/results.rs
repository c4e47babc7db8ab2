//! The report, where people and programs find it. Questions whose qualities have no mean in common get reports of their own.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use console::Term;
use specfuse_eval::{
    record::Record,
    report::{self, Report, Strategy},
};

use super::graded::Scale;
use crate::{output, text};

const JSON: &str = "report.json";
const HTML: &str = "report.html";
const MARKDOWN: &str = "report.md";
/// Only where rules of exit are compared.
const CURVE: &str = "curve.svg";
const FILES: [&str; 4] = [JSON, HTML, MARKDOWN, CURVE];
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

pub(super) fn reports(
    parts: &BTreeMap<Scale, Vec<Record>>,
    strategies: &[Strategy],
    seed: u64,
) -> Vec<(Scale, Report)> {
    parts.iter().map(|(scale, records)| (*scale, Report::build(strategies, records, seed))).collect()
}

/// Their files, and on standard output what the first one's JSON holds or a table of each.
pub(super) fn write(folder: &Path, reports: &[(Scale, Report)], json: bool) -> Result<(), ResultsError> {
    let width = Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns));
    for (at, (scale, report)) in reports.iter().enumerate() {
        let place = |file: &str| folder.join(if at == 0 { file.to_owned() } else { named(file, *scale) });
        let encoded = serde_json::to_string_pretty(report)? + "\n";
        save(&place(JSON), &encoded)?;
        save(&place(HTML), &report::html(report))?;
        save(&place(MARKDOWN), &report::markdown(report))?;
        if let Some(curve) = report::svg(report) {
            save(&place(CURVE), &curve)?;
        }
        if !json {
            output::tell(&text::harmless(&report::terminal(report, width))).map_err(ResultsError::Output)?;
        } else if at == 0 {
            output::tell(&encoded).map_err(ResultsError::Output)?;
        }
        let html = place(HTML);
        if reports.len() > 1 {
            output::complain(&format!("the {}: {} in all, in {}", scale.said(), report.questions, html.display()));
        } else if !json {
            output::complain(&format!("more is in {}", html.display()));
        }
    }
    Ok(())
}

/// Of a report that is not the first: with its scale.
fn named(file: &str, scale: Scale) -> String {
    let (name, ending) = file.split_once('.').unwrap_or((file, ""));
    format!("{name}-{}.{ending}", scale.name())
}

/// A report of an evaluation that goes on is none of it.
pub(super) fn forget(folder: &Path) -> Result<(), ResultsError> {
    let scales = [Scale::Right, Scale::Near, Scale::Judged];
    let others = FILES.into_iter().flat_map(|file| scales.map(|scale| named(file, scale)));
    for file in others.chain(FILES.map(str::to_owned)).map(|name| folder.join(name)) {
        match fs::remove_file(&file) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(ResultsError::Write { file, source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Whole or not at all.
fn save(file: &Path, text: &str) -> Result<(), ResultsError> {
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    let written = fs::write(&new, text).and_then(|()| fs::rename(&new, file));
    written.map_err(|source| ResultsError::Write { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_replaced_whole_and_forgotten_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        save(&file, "old").unwrap();
        save(&file, "new").unwrap();
        save(&folder.path().join("report-judged.html"), "x").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        forget(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
