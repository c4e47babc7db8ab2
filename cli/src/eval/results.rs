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

/// The name of the first report; that of another has its scale at its end.
const NAME: &str = "report";
const ENDINGS: [&str; 3] = ["json", "html", "md"];
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
        let name = if at == 0 { NAME.to_owned() } else { format!("{NAME}-{}", scale.name()) };
        let encoded = serde_json::to_string_pretty(report)? + "\n";
        for (ending, text) in ENDINGS.iter().zip([&encoded, &report::html(report), &report::markdown(report)]) {
            save(&folder.join(format!("{name}.{ending}")), text)?;
        }
        if reports.len() > 1 {
            let said = format!("{} {}: {}", report.questions, scale.said(), folder.join(name + ".html").display());
            output::complain(&said);
        }
        if !json {
            output::write(&text::harmless(&report::terminal(report, width))).map_err(ResultsError::Output)?;
        } else if at == 0 {
            output::write(&encoded).map_err(ResultsError::Output)?;
        }
    }
    if reports.len() == 1 && !json {
        output::complain(&format!("more is in {}", folder.join(format!("{NAME}.html")).display()));
    }
    Ok(())
}

/// A report of an evaluation that goes on is none of it.
pub(super) fn forget(folder: &Path) -> Result<(), ResultsError> {
    let others = [Scale::Right, Scale::Near, Scale::Judged].map(|scale| format!("{NAME}-{}", scale.name()));
    for name in others.iter().map(String::as_str).chain([NAME]) {
        for ending in ENDINGS {
            let file = folder.join(format!("{name}.{ending}"));
            match fs::remove_file(&file) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(ResultsError::Write { file, source });
                }
                Ok(()) | Err(_) => {}
            }
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
