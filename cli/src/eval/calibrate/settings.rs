//! The ensemble's key `calibrate`, by itself or in a file of settings whose other lines stay as they are.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use toml_edit::{DocumentMut, Item, Table, TomlError, value};

use super::fit::Correction;

const KEY: &str = "calibrate";

#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("cannot read or write the settings {}", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("{}: {}", file.display(), source.to_string().trim_end())]
    Parse { file: PathBuf, source: Box<TomlError> },
}

pub(super) fn shown(corrections: &BTreeMap<String, Correction>) -> String {
    let mut document = DocumentMut::new();
    document.insert(KEY, Item::Table(table(corrections)));
    document.to_string()
}

/// Into a file that may not be there yet; whole or not at all.
pub(super) fn write(file: &Path, corrections: &BTreeMap<String, Correction>) -> Result<(), SettingsError> {
    let failed = |source| SettingsError::Io { file: file.to_owned(), source };
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.map_err(failed)?,
    };
    let parsed: Result<DocumentMut, _> = text.parse();
    let mut document =
        parsed.map_err(|source| SettingsError::Parse { file: file.to_owned(), source: Box::new(source) })?;
    document.insert(KEY, Item::Table(table(corrections)));
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, document.to_string()).and_then(|()| fs::rename(&new, file)).map_err(failed)
}

fn table(corrections: &BTreeMap<String, Correction>) -> Table {
    let mut members = Table::new();
    members.set_implicit(true);
    for (member, Correction { scale, shift }) in corrections {
        let mut row = Table::new();
        row.insert("scale", value(rounded(*scale)));
        row.insert("shift", value(rounded(*shift)));
        members.insert(member, Item::Table(row));
    }
    members
}

/// Two hundred passages do not tell more.
fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corrections() -> BTreeMap<String, Correction> {
        let correction = |scale, shift| Correction { scale, shift };
        BTreeMap::from([("a.b".to_owned(), correction(1.0, 0.0)), ("c".to_owned(), correction(0.123_456, -0.5))])
    }

    #[test]
    fn the_key_is_a_table_for_each_member() {
        let expected = "[calibrate.\"a.b\"]\nscale = 1.0\nshift = 0.0\n\n[calibrate.c]\nscale = 0.1235\nshift = -0.5\n";
        assert_eq!(shown(&corrections()), expected);
    }

    #[test]
    fn other_settings_and_their_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ensemble.toml");
        let others = "# Ours.\nsegment_tokens = 6 # short\n\n[exit]\nrule = \"never\"\n";
        fs::write(&file, format!("{others}\n[calibrate.old]\nscale = 9.0\nshift = 9.0\n")).unwrap();
        write(&file, &corrections()).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(others) && !text.contains("old"), "{text}");
        let read: toml::Table = text.parse().unwrap();
        assert_eq!(read["calibrate"]["c"]["shift"].as_float(), Some(-0.5));
        write(&folder.path().join("new.toml"), &corrections()).unwrap();
        fs::write(&file, "calibrate = {").unwrap();
        assert!(matches!(write(&file, &corrections()), Err(SettingsError::Parse { .. })));
    }
}
