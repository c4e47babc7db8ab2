//! A file of JSON Lines that only grows, one writer at a time: what was written to its end survives however we end,
//! but not that of the machine: nothing waits for the disk.

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
    /// Bytes to cut it to before anything is added.
    cut: Option<u64>,
}

impl Lines {
    /// Opens or creates it, and reads what it holds; nothing in it is changed before the first line is added. A last line without its
    /// end was being written when we were killed: it does not count.
    pub(super) fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), LinesError> {
        let (mut lines, bytes) = Self::read(path)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        lines.cut = (whole < bytes.len()).then_some(whole as u64);
        let parse = |(at, line): (usize, &[u8])| {
            serde_json::from_slice(line).map_err(|source| LinesError::Foreign {
                file: path.to_owned(),
                line: at + 1,
                source,
            })
        };
        let whole = bytes.get(..whole).unwrap_or_default();
        let values = whole.split_inclusive(|&byte| byte == b'\n').enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok((lines, values))
    }

    /// As `open`, but all that it holds goes when the first line is added, or [`Lines::tidy`] is called.
    pub(super) fn forgetting(path: &Path) -> Result<Self, LinesError> {
        let (lines, bytes) = Self::read(path)?;
        Ok(Self { cut: (!bytes.is_empty()).then_some(0), ..lines })
    }

    fn read(path: &Path) -> Result<(Self, Vec<u8>), LinesError> {
        let failed = |source| LinesError::Io { file: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LinesError::Busy(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        Ok((Self { path: path.to_owned(), file, cut: None }, bytes))
    }

    /// Whether there is anything in it that does not count.
    pub(super) fn is_torn(&self) -> bool {
        self.cut.is_some()
    }

    /// Cuts off what does not count.
    pub(super) fn tidy(&mut self) -> Result<(), LinesError> {
        let Some(whole) = self.cut.take() else { return Ok(()) };
        self.file.set_len(whole).map_err(|source| LinesError::Io { file: self.path.clone(), source })
    }

    /// One write for each line, so that no other sees half of it.
    pub(super) fn append<T: Serialize>(&mut self, value: &T) -> Result<(), LinesError> {
        self.tidy()?;
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
        Lines::open(path).map(|(_, values)| values)
    }

    #[test]
    fn half_a_line_is_dropped_and_the_next_one_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.jsonl");
        fs::write(&path, "1\n2\n3").unwrap();
        let (mut lines, values) = Lines::open::<u32>(&path).unwrap();
        assert_eq!(values, [1, 2]);
        assert!(lines.is_torn() && fs::read(&path).unwrap() == b"1\n2\n3");
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
        assert_eq!(fs::read(&path).unwrap(), b"1\n{\n3\n");
    }

    #[test]
    fn what_is_to_be_forgotten_goes_with_the_first_line_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.jsonl");
        fs::write(&path, "1\n{").unwrap();
        let mut lines = Lines::forgetting(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"1\n{");
        lines.append(&4).unwrap();
        drop(lines);
        assert_eq!(read(&path).unwrap(), [4]);
    }

    #[test]
    fn two_cannot_write_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.jsonl");
        let first = Lines::open::<u32>(&path).unwrap();
        assert!(matches!(read(&path), Err(LinesError::Busy(_))));
        drop(first);
        assert!(read(&path).is_ok());
    }
}
