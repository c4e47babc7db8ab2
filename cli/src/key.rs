//! API keys to show to others: from a file or the environment, never from the command line, where every process of the machine can
//! read them.

use std::{
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Parser;

/// Bytes of a key. A server takes 16 KiB of headers.
const LONGEST: u64 = 8 << 10;
const COORDINATORS: &str = "SPECFUSE_API_KEY";
const JUDGES: &str = "SPECFUSE_JUDGE_KEY";

#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("{flag} {}: cannot be read", file.display())]
    File { flag: &'static str, file: PathBuf, source: io::Error },
    #[error("{}: an API key is one line of up to {LONGEST} visible ASCII characters", .0.display())]
    Malformed(PathBuf),
}

/// Visible ASCII characters, at least one.
pub(crate) struct Key {
    text: String,
    /// The file or the variable.
    from: PathBuf,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("from", &self.from).finish_non_exhaustive()
    }
}

/// What only the environment may tell.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Environment {
    #[arg(long, env = COORDINATORS, hide_env_values = true)]
    coordinators: Option<OsString>,
    #[arg(long, env = JUDGES, hide_env_values = true)]
    judges: Option<OsString>,
}

/// The environment's key for a coordinator.
pub(crate) fn coordinators() -> Result<Option<Key>, KeyError> {
    Key::told(COORDINATORS, |environment| environment.coordinators)
}

/// The environment's key for a judge.
pub(crate) fn judges() -> Result<Option<Key>, KeyError> {
    Key::told(JUDGES, |environment| environment.judges)
}

impl Key {
    /// `flag`: what the file was given with.
    pub(crate) fn from_file(flag: &'static str, file: PathBuf) -> Result<Self, KeyError> {
        let mut bytes = Vec::new();
        let read = File::open(&file).and_then(|opened| opened.take(LONGEST + 2).read_to_end(&mut bytes));
        match read {
            // Editors end files with a line's end.
            Ok(_) => Self::parse(bytes.trim_ascii_end(), &file),
            Err(source) => Err(KeyError::File { flag, file, source }),
        }
    }

    fn told(variable: &str, which: impl Fn(Environment) -> Option<OsString>) -> Result<Option<Self>, KeyError> {
        let told = Environment::try_parse_from(std::iter::empty::<OsString>());
        let key = told.ok().and_then(which).filter(|key| !key.is_empty());
        key.map(|key| Self::parse(key.as_encoded_bytes(), Path::new(variable))).transpose()
    }

    fn parse(key: &[u8], from: &Path) -> Result<Self, KeyError> {
        let is_key = !key.is_empty() && key.len() as u64 <= LONGEST && key.iter().all(u8::is_ascii_graphic);
        let text = std::str::from_utf8(key).ok().filter(|_| is_key);
        let text = text.ok_or_else(|| KeyError::Malformed(from.to_owned()))?.to_owned();
        Ok(Self { text, from: from.to_owned() })
    }

    /// The value of an `authorization` header.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.text)
    }

    pub(crate) fn malformed(&self) -> KeyError {
        KeyError::Malformed(self.from.clone())
    }
}
