//! The file that a recording goes to: its place is taken before anybody is asked, and it is there whole or not at all.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("--record {}: no file can be written there", file.display())]
    Place { file: PathBuf, source: io::Error },
    #[error("--record {}: cannot be written", file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("--record {}: the coordinator told no recording: it was larger than it keeps, or its version makes none", file.display())]
    None { file: PathBuf },
}

/// A place for a recording. Dropped before one came, it leaves nothing.
#[derive(Debug)]
pub(crate) struct Place {
    file: PathBuf,
    draft: NamedTempFile,
}

impl Place {
    pub(crate) fn take(file: PathBuf) -> Result<Self, RecordError> {
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            Some(_) | None => Path::new("."),
        };
        let free = if file.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(folder) };
        match free.and_then(NamedTempFile::new_in) {
            Ok(draft) => Ok(Self { file, draft }),
            Err(source) => Err(RecordError::Place { file, source }),
        }
    }

    /// Replaces what was there.
    pub(crate) fn write(mut self, json: &str) -> Result<(), RecordError> {
        let written = self.draft.write_all(json.as_bytes()).and_then(|()| self.draft.write_all(b"\n"));
        let synced = written.and_then(|()| self.draft.as_file().sync_all());
        let kept = synced.and_then(|()| Ok(self.draft.persist(&self.file)?));
        kept.map(drop).map_err(|source| RecordError::Write { file: self.file, source })
    }

    /// The answer is over, and no recording came.
    pub(crate) fn missed(self) -> RecordError {
        RecordError::None { file: self.file }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_recording_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answer.json");
        let place = Place::take(file.clone()).unwrap();
        assert!(!file.exists());
        place.write("{}").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}\n");
        drop(Place::take(file.clone()).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}\n");
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for file in [folder.path().to_owned(), folder.path().join("none/answer.json")] {
            assert!(matches!(Place::take(file), Err(RecordError::Place { .. })));
        }
    }
}
