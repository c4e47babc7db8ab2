//! A file of JSON Lines that only grows, one writer at a time: what was written to its end survives however we end.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

#[derive(Debug, thiserror::Error)]
pub(crate) enum LinesError {
    #[error("{}: cannot be read or written", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("{}: another evaluation is writing there", .0.display())]
    Busy(PathBuf),
    #[error("{}: line {line} is not ours", file.display())]
    Foreign { file: PathBuf, line: usize, source: serde_json::Error },
}

#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// Opens or creates it, and reads what it holds. A last line without its end was being written when we were killed: it goes.
    /// `forget`: all of it goes.
    pub(super) fn open<T: DeserializeOwned>(path: &Path, forget: bool) -> Result<(Self, Vec<T>), LinesError> {
        let failed = |source| LinesError::Io { file: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LinesError::Busy(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut bytes = Vec::new();
        if forget {
            file.set_len(0).map_err(failed)?;
        } else {
            file.read_to_end(&mut bytes).map_err(failed)?;
            let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            if whole < bytes.len() {
                file.set_len(whole as u64).map_err(failed)?;
                bytes.truncate(whole);
            }
        }
        let parse = |(at, line): (usize, &[u8])| {
            serde_json::from_slice(line).map_err(|source| LinesError::Foreign {
                file: path.to_owned(),
                line: at + 1,
                source,
            })
        };
        let lines = bytes.split_inclusive(|&byte| byte == b'\n').enumerate().map(parse);
        Ok((Self { path: path.to_owned(), file }, lines.collect::<Result<_, _>>()?))
    }

    /// One write for each line, so that no other sees half of it.
    pub(super) fn append<T: Serialize>(&mut self, value: &T) -> Result<(), LinesError> {
        let failed = |source| LinesError::Io { file: self.path.clone(), source };
        let mut line = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(path: &Path) -> Result<Vec<u32>, LinesError> {
        Lines::open(path, false).map(|(_, values)| values)
    }

    #[test]
    fn half_a_line_is_dropped_and_the_next_one_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.jsonl");
        fs::write(&path, "1\n2\n3").unwrap();
        let (mut lines, values) = Lines::open::<u32>(&path, false).unwrap();
        assert_eq!(values, [1, 2]);
        lines.append(&4).unwrap();
        drop(lines);
        assert_eq!(read(&path).unwrap(), [1, 2, 4]);
    }

    #[test]
    fn a_line_of_something_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.jsonl");
        fs::write(&path, "1\n{\n3\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().ends_with("line 2 is not ours"));
        assert_eq!(Lines::open::<u32>(&path, true).unwrap().1, [0; 0]);
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn two_cannot_write_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.jsonl");
        let first = Lines::open::<u32>(&path, false).unwrap();
        assert!(matches!(read(&path), Err(LinesError::Busy(_))));
        drop(first);
        assert!(read(&path).is_ok());
    }
}
