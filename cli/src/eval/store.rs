//! The folder of an evaluation: what it depends on, and every answer so far.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use specfuse_eval::record::Record;

use super::{
    conditions::{Conditions, Difference},
    lines::{Lines, LinesError},
};

const CONDITIONS: &str = "run.json";
const ANSWERS: &str = "answers.jsonl";
/// The judge's. [`Store::open`] forgets it with the answers.
pub(super) const JUDGEMENTS: &str = "judgements.jsonl";

#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("{}: cannot be read or written", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Lines(#[from] LinesError),
    #[error("{}: is not ours", file.display())]
    Foreign { file: PathBuf, source: serde_json::Error },
    #[error("{} holds answers to something else: {difference}; --fresh forgets them, another --out keeps them", folder.display())]
    Different { folder: PathBuf, difference: Difference },
    #[error("{} holds answers without {CONDITIONS}, which says what to; --fresh forgets them, another --out keeps them", .0.display())]
    Unknown(PathBuf),
}

/// Only one process has it open.
#[derive(Debug)]
pub(super) struct Store {
    answers: Lines,
    /// The last one of each question and strategy.
    records: BTreeMap<(String, String), Record>,
}

impl Store {
    /// `fresh`: forgets what is there.
    pub(super) fn open(folder: &Path, conditions: Conditions, fresh: bool) -> Result<Self, StoreError> {
        let failed = |file: &Path| {
            let file = file.to_owned();
            move |source| StoreError::Io { file, source }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let (answers, records): (_, Vec<Record>) = Lines::open(&folder.join(ANSWERS), fresh)?;
        let file = folder.join(CONDITIONS);
        let before = if fresh { None } else { read(&file)? };
        let conditions = match before {
            Some(before) if !records.is_empty() => {
                let difference = conditions.difference(&before);
                let foreign = |source| StoreError::Foreign { file: file.clone(), source };
                if let Some(difference) = difference.map_err(foreign)? {
                    return Err(StoreError::Different { folder: folder.to_owned(), difference });
                }
                conditions.joined(before)
            }
            None if !records.is_empty() => return Err(StoreError::Unknown(folder.to_owned())),
            Some(_) | None => conditions,
        };
        write(&file, &conditions)?;
        if fresh {
            forget(&folder.join(JUDGEMENTS))?;
        }
        let records = records.into_iter().map(|record| (key(&record), record)).collect();
        Ok(Self { answers, records })
    }

    /// An answer that failed is asked for again.
    pub(super) fn is_answered(&self, question: &str, strategy: &str) -> bool {
        let record = self.records.get(&(question.to_owned(), strategy.to_owned()));
        record.is_some_and(|record| record.error.is_none())
    }

    /// It is on disk when this returns.
    pub(super) fn add(&mut self, record: Record) -> Result<(), LinesError> {
        self.answers.append(&record)?;
        self.records.insert(key(&record), record);
        Ok(())
    }

    /// Of one question by one strategy.
    pub(super) fn get(&self, question: &str, strategy: &str) -> Option<&Record> {
        self.records.get(&(question.to_owned(), strategy.to_owned()))
    }
}

fn key(record: &Record) -> (String, String) {
    (record.question.clone(), record.strategy.clone())
}

fn read(file: &Path) -> Result<Option<Conditions>, StoreError> {
    match fs::read(file) {
        Ok(bytes) => {
            let parsed = serde_json::from_slice(&bytes);
            parsed.map(Some).map_err(|source| StoreError::Foreign { file: file.to_owned(), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Io { file: file.to_owned(), source }),
    }
}

/// Whole or not at all.
fn write(file: &Path, conditions: &Conditions) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io { file: file.to_owned(), source };
    let text = serde_json::to_string_pretty(conditions).map_err(|error| failed(error.into()))?;
    let new = file.with_extension("json.new");
    fs::write(&new, text + "\n").and_then(|()| fs::rename(&new, file)).map_err(failed)
}

fn forget(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::Io { file: file.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use specfuse_eval::record::Cost;

    use super::*;
    use crate::eval::conditions::tests::conditions;

    fn record(question: &str, error: Option<&str>) -> Record {
        Record {
            question: question.to_owned(),
            kind: String::new(),
            strategy: "fuse".to_owned(),
            text: "4".to_owned(),
            error: error.map(str::to_owned),
            quality: Some(1.0),
            measures: BTreeMap::new(),
            cost: Cost::default(),
            won: BTreeMap::new(),
            exits: Vec::new(),
            leads: Vec::new(),
        }
    }

    #[test]
    fn a_run_goes_on_with_what_has_no_answer_or_a_failed_one() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/out");
        let mut store = Store::open(&out, conditions(), false).unwrap();
        store.add(record("1", None)).unwrap();
        store.add(record("2", Some("busy"))).unwrap();
        drop(store);
        let half = fs::read_to_string(out.join(ANSWERS)).unwrap() + "{\"question\": \"3\", \"ki";
        fs::write(out.join(ANSWERS), half).unwrap();
        let mut store = Store::open(&out, conditions(), false).unwrap();
        let answered = |store: &Store| ["1", "2", "3"].map(|question| store.is_answered(question, "fuse"));
        assert_eq!(answered(&store), [true, false, false]);
        assert!(!store.is_answered("1", "vote"));
        store.add(record("2", None)).unwrap();
        drop(store);
        assert_eq!(answered(&Store::open(&out, conditions(), false).unwrap()), [true, true, false]);
    }

    #[test]
    fn answers_to_something_else_are_kept_until_they_are_said_to_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path(), conditions(), false).unwrap();
        store.add(record("1", None)).unwrap();
        drop(store);
        let other = || Conditions { seed: 7, ..conditions() };
        let error = Store::open(folder.path(), other(), false).unwrap_err().to_string();
        assert!(error.contains("seed was 0, and is 7") && error.contains("--fresh"), "{error}");
        fs::write(folder.path().join(JUDGEMENTS), "x").unwrap();
        let mut store = Store::open(folder.path(), other(), true).unwrap();
        assert!(!store.is_answered("1", "fuse"));
        store.add(record("1", None)).unwrap();
        drop(store);
        assert!(!folder.path().join(JUDGEMENTS).exists());
        assert!(Store::open(folder.path(), conditions(), false).is_err());
    }

    #[test]
    fn answers_to_nobody_knows_what_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path(), conditions(), false).unwrap().add(record("1", None)).unwrap();
        fs::remove_file(folder.path().join(CONDITIONS)).unwrap();
        assert!(matches!(Store::open(folder.path(), conditions(), false), Err(StoreError::Unknown(_))));
    }
}
