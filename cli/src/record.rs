//! The file that a recording goes to: its place is taken before anybody is asked.

use std::{io, path::PathBuf};

use crate::place::{Place, PlaceError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("--record {}: no file can be written there", file.display())]
    Place { file: PathBuf, source: PlaceError },
    #[error("--record {}: cannot be written", file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("--record {}: the coordinator told no recording: it was larger than it keeps, or its version makes none", file.display())]
    None { file: PathBuf },
}

/// A place for a recording. Dropped before one came, it leaves nothing.
#[derive(Debug)]
pub(crate) struct Record {
    file: PathBuf,
    place: Place,
}

impl Record {
    pub(crate) fn at(file: PathBuf) -> Result<Self, RecordError> {
        match Place::take(&file) {
            Ok(place) => Ok(Self { file, place }),
            Err(source) => Err(RecordError::Place { file, source }),
        }
    }

    pub(crate) fn write(self, json: &str) -> Result<(), RecordError> {
        self.place.write(&format!("{json}\n")).map_err(|source| RecordError::Write { file: self.file, source })
    }

    /// The answer is over, and no recording came.
    pub(crate) fn missed(self) -> RecordError {
        RecordError::None { file: self.file }
    }
}
