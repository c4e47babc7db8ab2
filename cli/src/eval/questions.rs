//! The questions of an evaluation: read from their files, told apart, chosen.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use specfuse_eval::{
    dataset::{self, DatasetError},
    question::Question,
};

use super::{args::WhatArgs, digest::Digest};

#[derive(Debug, thiserror::Error)]
pub(crate) enum QuestionsError {
    #[error("cannot read the questions {}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Set(#[from] DatasetError),
    #[error("two files have a question {0:?}: ids must differ")]
    SameId(String),
    #[error("no question is of kind {0:?}; there are: {1}")]
    UnknownKind(String, String),
}

#[derive(Debug)]
pub(super) struct Questions {
    /// Those to ask, at least one.
    pub(super) chosen: Vec<Question>,
    /// Digests of all that the files hold, by file name.
    pub(super) files: BTreeMap<String, BTreeSet<String>>,
}

impl Questions {
    pub(super) fn read(files: &[PathBuf], what: &WhatArgs) -> Result<Self, QuestionsError> {
        let mut digests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut all = Vec::new();
        for file in files {
            let text =
                fs::read_to_string(file).map_err(|source| QuestionsError::Read { file: file.clone(), source })?;
            let mut digest = Digest::new();
            digest.part(text.as_bytes());
            let named = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            digests.entry(named).or_default().insert(digest.hex());
            all.extend(dataset::read(&name(file), &text)?);
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = all.iter().find(|question| !ids.insert(question.id.as_str())) {
            return Err(QuestionsError::SameId(twice.id.clone()));
        }
        Ok(Self { chosen: chosen(all, what)?, files: digests })
    }
}

fn chosen(all: Vec<Question>, what: &WhatArgs) -> Result<Vec<Question>, QuestionsError> {
    let kinds: BTreeSet<&str> = all.iter().map(|question| question.kind.as_str()).collect();
    if let Some(unknown) = what.kind.iter().find(|kind| !kinds.contains(kind.as_str())) {
        let known = kinds.into_iter().collect::<Vec<_>>().join(", ");
        return Err(QuestionsError::UnknownKind(unknown.clone(), known));
    }
    let wanted = |question: &Question| what.kind.is_empty() || what.kind.contains(&question.kind);
    let wanted: Vec<Question> = all.into_iter().filter(wanted).collect();
    let (all, limit) = (wanted.len(), what.limit.unwrap_or(usize::MAX).min(wanted.len()));
    // The first of each of so many equal parts: sets are often sorted by kind.
    let parts: BTreeSet<usize> = (0..limit).map(|part| part * all / limit).collect();
    Ok(wanted.into_iter().enumerate().filter(|(at, _)| parts.contains(at)).map(|(_, question)| question).collect())
}

/// The file's own name without its ending: part of the ids of questions that have none.
fn name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, kind: &str) -> String {
        format!("{{\"id\": \"{id}\", \"kind\": \"{kind}\", \"question\": \"How much?\", \"answer\": \"4\"}}\n")
    }

    fn ids(questions: &Questions) -> Vec<&str> {
        questions.chosen.iter().map(|question| question.id.as_str()).collect()
    }

    #[test]
    fn kinds_and_a_limit_choose_questions_without_making_it_another_set() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("set.jsonl");
        fs::write(&file, ["1", "2", "3", "4"].map(|id| line(id, if id < "2" { "a" } else { "b" })).concat()).unwrap();
        let read = |what: &WhatArgs| Questions::read(std::slice::from_ref(&file), what);
        let all = read(&WhatArgs::default()).unwrap();
        let some = read(&WhatArgs { kind: vec!["b".to_owned()], limit: Some(1), ..WhatArgs::default() }).unwrap();
        assert_eq!((ids(&all), ids(&some)), (vec!["1", "2", "3", "4"], vec!["2"]));
        assert_eq!((&all.files, all.files.len()), (&some.files, 1));
        let two = read(&WhatArgs { limit: Some(2), ..WhatArgs::default() }).unwrap();
        assert_eq!(ids(&two), ["1", "3"]);
        let unknown = read(&WhatArgs { kind: vec!["c".to_owned()], ..WhatArgs::default() }).unwrap_err();
        assert_eq!(unknown.to_string(), "no question is of kind \"c\"; there are: a, b");
    }

    #[test]
    fn the_order_of_files_makes_no_other_set() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = ["one.jsonl", "two.jsonl"].map(|name| folder.path().join(name));
        fs::write(&files[0], line("1", "a")).unwrap();
        fs::write(&files[1], line("2", "a")).unwrap();
        let before = Questions::read(&files, &WhatArgs::default()).unwrap().files;
        files.reverse();
        assert_eq!(Questions::read(&files, &WhatArgs::default()).unwrap().files, before);
        assert_eq!(before.into_keys().collect::<Vec<_>>(), ["one.jsonl", "two.jsonl"]);
    }

    #[test]
    fn two_files_share_no_id() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["one.jsonl", "two.jsonl"].map(|name| folder.path().join(name));
        for file in &files {
            fs::write(file, line("1", "a")).unwrap();
        }
        let error = Questions::read(&files, &WhatArgs::default()).unwrap_err();
        assert_eq!(error.to_string(), "two files have a question \"1\": ids must differ");
    }
}
