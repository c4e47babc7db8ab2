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
    #[error("{}: is not of this version: --fresh forgets it and the answers beside it, another --out keeps them", file.display())]
    Foreign { file: PathBuf, source: serde_json::Error },
    #[error("{} holds answers to something else: {difference}; --fresh forgets them, another --out keeps them", folder.display())]
    Different { folder: PathBuf, difference: Difference },
    #[error("{} holds {ANSWERS} without {CONDITIONS}, which says to what: it is not ours; give another --out", .0.display())]
    Unknown(PathBuf),
}

/// Only one process has it open.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    answers: Lines,
    /// Those of the run, once it is known that they are those of what is in the folder.
    conditions: Option<Conditions>,
    /// The last one of each question and strategy.
    records: BTreeMap<(String, String), Record>,
    fresh: bool,
}

impl Store {
    /// Nothing in the folder is changed before [`Store::agree`]. `fresh`: what is there does not count.
    pub(super) fn open(folder: &Path, fresh: bool) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|source| StoreError::Io { file: folder.to_owned(), source })?;
        let file = folder.join(ANSWERS);
        let (answers, records) =
            if fresh { (Lines::forgetting(&file)?, Vec::new()) } else { Lines::open::<Record>(&file)? };
        let is_ours = folder.join(CONDITIONS).exists();
        if !is_ours && (answers.is_torn() || !records.is_empty()) {
            return Err(StoreError::Unknown(folder.to_owned()));
        }
        let records = records.into_iter().map(|record| (key(&record), record)).collect();
        Ok(Self { folder: folder.to_owned(), answers, conditions: None, records, fresh })
    }

    /// What the answers depend on: an error where that is not what those in the folder do.
    pub(super) fn agree(&mut self, conditions: Conditions) -> Result<(), StoreError> {
        let file = self.folder.join(CONDITIONS);
        let before = if self.fresh || self.records.is_empty() { None } else { read(&file)? };
        let conditions = match before {
            Some(before) => {
                let difference = conditions.difference(&before);
                let foreign = |source| StoreError::Foreign { file: file.clone(), source };
                if let Some(difference) = difference.map_err(foreign)? {
                    return Err(StoreError::Different { folder: self.folder.clone(), difference });
                }
                conditions.joined(before)
            }
            None => conditions,
        };
        self.answers.tidy()?;
        if self.fresh {
            forget(&self.folder.join(JUDGEMENTS))?;
        }
        write(&file, &conditions)?;
        self.conditions = Some(conditions);
        Ok(())
    }

    /// Why a strategy does not take questions of a form, as far as it is known.
    pub(super) fn refusal(&self, form: &str, strategy: &str) -> Option<&str> {
        self.conditions.as_ref()?.refused.get(form)?.get(strategy).map(String::as_str)
    }

    pub(super) fn refuse(&mut self, form: &str, strategy: &str, reason: String) -> Result<(), StoreError> {
        let Some(conditions) = &mut self.conditions else { return Ok(()) };
        conditions.refused.entry(form.to_owned()).or_default().insert(strategy.to_owned(), reason);
        write(&self.folder.join(CONDITIONS), conditions)
    }

    /// An answer that failed is asked for again.
    pub(super) fn is_answered(&self, question: &str, strategy: &str) -> bool {
        let record = self.records.get(&(question.to_owned(), strategy.to_owned()));
        record.is_some_and(|record| record.error.is_none())
    }

    /// It is in the file when this returns.
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
    use super::*;
    use crate::eval::conditions::tests::conditions;

    fn record(question: &str, error: Option<&str>) -> Record {
        Record {
            question: question.to_owned(),
            strategy: "fuse".to_owned(),
            text: "4".to_owned(),
            error: error.map(str::to_owned),
            quality: Some(1.0),
            ..Record::default()
        }
    }

    fn open(folder: &Path, conditions: Conditions, fresh: bool) -> Result<Store, StoreError> {
        let mut store = Store::open(folder, fresh)?;
        store.agree(conditions)?;
        Ok(store)
    }

    #[test]
    fn a_run_goes_on_with_what_has_no_answer_or_a_failed_one() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/out");
        let mut store = open(&out, conditions(), false).unwrap();
        store.add(record("1", None)).unwrap();
        store.add(record("2", Some("busy"))).unwrap();
        store.refuse("raw", "mixture", "no".to_owned()).unwrap();
        drop(store);
        let half = fs::read_to_string(out.join(ANSWERS)).unwrap() + "{\"question\": \"3\", \"ki";
        fs::write(out.join(ANSWERS), half).unwrap();
        let mut store = open(&out, conditions(), false).unwrap();
        let answered = |store: &Store| ["1", "2", "3"].map(|question| store.is_answered(question, "fuse"));
        assert_eq!(answered(&store), [true, false, false]);
        assert!(!store.is_answered("1", "vote"));
        assert_eq!((store.refusal("raw", "mixture"), store.refusal("raw", "vote")), (Some("no"), None));
        store.add(record("2", None)).unwrap();
        drop(store);
        assert_eq!(answered(&open(&out, conditions(), false).unwrap()), [true, true, false]);
    }

    #[test]
    fn answers_to_something_else_are_kept_until_they_are_said_to_be_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path(), conditions(), false).unwrap();
        store.add(record("1", None)).unwrap();
        drop(store);
        let other = || Conditions { max_tokens: Some(7), ..conditions() };
        let error = open(folder.path(), other(), false).unwrap_err().to_string();
        assert!(error.contains("max_tokens was null, and is 7") && error.contains("--fresh"), "{error}");
        fs::write(folder.path().join(JUDGEMENTS), "x").unwrap();
        drop(Store::open(folder.path(), true).unwrap());
        assert!(open(folder.path(), conditions(), false).unwrap().is_answered("1", "fuse"));
        let mut store = open(folder.path(), other(), true).unwrap();
        assert!(!store.is_answered("1", "fuse"));
        store.add(record("1", None)).unwrap();
        drop(store);
        assert!(!folder.path().join(JUDGEMENTS).exists());
        assert!(open(folder.path(), conditions(), false).is_err());
    }

    #[test]
    fn a_file_that_is_not_ours_stays_as_it_is() {
        for text in ["no line", "{\"half\": ", "{\"whole\": 1}\n{\"half\""] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(ANSWERS), text).unwrap();
            assert!(open(folder.path(), conditions(), false).is_err());
            assert!(matches!(Store::open(folder.path(), true), Err(StoreError::Unknown(_))));
            assert_eq!(fs::read_to_string(folder.path().join(ANSWERS)).unwrap(), text);
        }
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), conditions(), false).unwrap().add(record("1", None)).unwrap();
        fs::remove_file(folder.path().join(CONDITIONS)).unwrap();
        assert!(matches!(Store::open(folder.path(), false), Err(StoreError::Unknown(_))));
    }
}
