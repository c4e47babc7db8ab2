//! The file of API keys: who may ask, by the hash of the key, and how much. Nothing it says repeats a value: one that stands
//! in the wrong place may be a key.

use std::{
    collections::BTreeSet,
    fmt,
    fs::File,
    io::{self, Read},
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::digest;

use super::{Misfit, is_name, line_of};
use crate::limits::Limits;

/// Bytes.
const LARGEST: u64 = 4 << 20;
const MOST_KEYS: usize = 10_000;
const FIELDS: [&str; 4] = ["sha256", "requests_per_minute", "max_generations", "tokens_per_minute"];

/// What the file said when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    pub(crate) path: PathBuf,
    /// Of the whole text: tells whether it has changed.
    pub(crate) text: Sha256,
    /// At least one; names and hashes distinct.
    pub(crate) keys: Vec<ListedKey>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedKey {
    pub(crate) name: Arc<str>,
    pub(crate) sha256: Sha256,
    pub(crate) limits: Limits,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sha256(pub(crate) [u8; 32]);

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("--api-keys {}: cannot be read", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("--api-keys {}: more than {LARGEST} bytes", file.display())]
    Large { file: PathBuf },
    #[error("--api-keys {}, line {line}: not TOML", file.display())]
    Syntax { file: PathBuf, line: usize },
    #[error("--api-keys {}: {misfit}", file.display())]
    Value { file: PathBuf, misfit: Misfit },
}

impl KeyFile {
    pub(crate) fn load(path: &Path) -> Result<Self, KeyFileError> {
        Self::parse(&read(path)?, path)
    }

    /// None: its text is the one that hashes to `known`.
    pub(crate) fn reload(path: &Path, known: Sha256) -> Result<Option<Unparsed>, KeyFileError> {
        let text = read(path)?;
        let hash = Sha256::of(text.as_bytes());
        Ok((hash != known).then_some(Unparsed { text, hash }))
    }

    /// `path` is for error messages and for reading again.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, KeyFileError> {
        let syntax =
            |error: toml::de::Error| KeyFileError::Syntax { file: path.to_owned(), line: line_of(&error, text) };
        let table: toml::Table = text.parse().map_err(syntax)?;
        let keys = keys(&table).map_err(|misfit| KeyFileError::Value { file: path.to_owned(), misfit })?;
        Ok(Self { path: path.to_owned(), text: Sha256::of(text.as_bytes()), keys })
    }
}

/// A text that may be half written.
pub(crate) struct Unparsed {
    pub(crate) text: String,
    pub(crate) hash: Sha256,
}

impl Sha256 {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }

    fn parse(hex: &str) -> Option<Self> {
        let mut hash = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (place, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

/// Whoever reads a log need not know it.
impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256(..)")
    }
}

fn read(path: &Path) -> Result<String, KeyFileError> {
    let unreadable = |source| KeyFileError::Read { file: path.to_owned(), source };
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text)).map_err(unreadable)?;
    if text.len() as u64 > LARGEST { Err(KeyFileError::Large { file: path.to_owned() }) } else { Ok(text) }
}

fn keys(table: &toml::Table) -> Result<Vec<ListedKey>, Misfit> {
    if let Some(other) = table.keys().find(|key| *key != "keys") {
        return Err(Misfit::new(other, "only tables [keys.NAME] may be here"));
    }
    let listed = table.get("keys").and_then(toml::Value::as_table).filter(|keys| !keys.is_empty());
    let listed = listed.ok_or_else(|| Misfit::new("keys", "at least one table [keys.NAME] is needed"))?;
    if listed.len() > MOST_KEYS {
        return Err(Misfit::new("keys", format!("there are {}, at most {MOST_KEYS} are allowed", listed.len())));
    }
    let mut seen = BTreeSet::new();
    let mut keys = Vec::with_capacity(listed.len());
    for (name, value) in listed {
        let key = key(name, value).map_err(|misfit| misfit.under(name).under("keys"))?;
        if !seen.insert(key.sha256) {
            return Err(Misfit::new("sha256", "another key has the same").under(name).under("keys"));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn key(name: &str, value: &toml::Value) -> Result<ListedKey, Misfit> {
    if !is_name(name) {
        return Err(Misfit::new("name", "a name is 1 to 64 of the characters a-z, A-Z, 0-9, \".\", \"_\" and \"-\""));
    }
    let table = value.as_table().ok_or_else(|| Misfit::new("sha256", "a table [keys.NAME] with this key is needed"))?;
    if let Some(other) = table.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        return Err(Misfit::new(other, format!("unknown; there are {}", FIELDS.join(", "))));
    }
    let sha256 = table.get("sha256").and_then(toml::Value::as_str).and_then(Sha256::parse);
    let wrong = || Misfit::new("sha256", "64 hexadecimal digits are needed: printf %s KEY | sha256sum");
    Ok(ListedKey {
        name: name.into(),
        sha256: sha256.ok_or_else(wrong)?,
        limits: Limits {
            requests_per_minute: limit(table, "requests_per_minute", 1_000_000)?,
            max_generations: limit(table, "max_generations", 65_536)?,
            tokens_per_minute: limit(table, "tokens_per_minute", 1_000_000_000)?,
        },
    })
}

fn limit(table: &toml::Table, key: &str, most: u32) -> Result<Option<NonZeroU32>, Misfit> {
    let Some(value) = table.get(key) else { return Ok(None) };
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    let limit = number.filter(|number| *number <= most).and_then(NonZeroU32::new);
    limit.map(Some).ok_or_else(|| Misfit::new(key, format!("a number from 1 to {most} is needed")))
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    fn parse(text: &str) -> Result<KeyFile, KeyFileError> {
        KeyFile::parse(text, Path::new("k.toml"))
    }

    #[test]
    fn a_key_is_named_by_its_hash_and_limited_where_it_says_so() {
        let text = format!("[keys.alice]\nsha256 = \"{HASH}\"\nmax_generations = 2\n");
        let file = parse(&text).unwrap();
        let [alice] = file.keys.as_slice() else { panic!("{file:?}") };
        assert_eq!((alice.name.as_ref(), alice.sha256), ("alice", Sha256::of(b"secret")));
        assert_eq!(alice.limits, Limits { max_generations: NonZeroU32::new(2), ..Limits::default() });
        let upper = parse(&text.replace(HASH, &HASH.to_uppercase())).unwrap();
        assert_eq!(upper.keys, file.keys);
    }

    #[test]
    fn an_error_names_the_key_and_repeats_no_value() {
        let second = format!("[keys.b]\nsha256 = \"{HASH}\"\n");
        let cases = [
            ("", "keys: at least one"),
            ("[keys]", "keys: at least one"),
            ("keys = \"s3cret\"", "keys: at least one"),
            ("[key.a]", "key: only tables"),
            ("[keys]\na = \"s3cret\"", "keys.a.sha256: a table"),
            ("[keys.a]", "keys.a.sha256: 64 hexadecimal"),
            ("[keys.a]\nsha256 = \"s3cret\"", "keys.a.sha256: 64 hexadecimal"),
            ("[keys.a]\nsha256 = 53", "keys.a.sha256: 64 hexadecimal"),
            ("[keys.a]\nsha256 = \"é\"", "keys.a.sha256: 64 hexadecimal"),
            ("[keys.\"a b\"]", "keys.a b.name: a name is"),
            ("[keys.a]\nkey = \"s3cret\"", "keys.a.key: unknown; there are sha256"),
        ];
        for (text, expected) in cases {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with(&format!("--api-keys k.toml: {expected}")), "{text}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
        for wrong in ["0", "-1", "1.5", "\"s3cret\"", "5000000000"] {
            let error = parse(&format!("{second}requests_per_minute = {wrong}")).unwrap_err().to_string();
            assert_eq!(error, "--api-keys k.toml: keys.b.requests_per_minute: a number from 1 to 1000000 is needed");
        }
        let twice = parse(&format!("[keys.a]\nsha256 = \"{HASH}\"\n{second}")).unwrap_err().to_string();
        assert_eq!(twice, "--api-keys k.toml: keys.b.sha256: another key has the same");
        assert_eq!(parse("# a key\ns3cret").unwrap_err().to_string(), "--api-keys k.toml, line 2: not TOML");
    }

    #[test]
    fn a_file_may_be_large_but_not_without_end() {
        let mut text = String::new();
        for place in 0..=MOST_KEYS {
            text.push_str(&format!("[keys.a{place}]\nsha256 = \"{place:064x}\"\n"));
        }
        assert!(parse(&text).unwrap_err().to_string().contains("keys: there are 10001, at most 10000"));
        assert!(matches!(KeyFile::load(Path::new("/dev/zero")), Err(KeyFileError::Large { .. })));
        assert!(matches!(KeyFile::load(Path::new("/dev/null")), Err(KeyFileError::Value { .. })));
    }

    #[test]
    fn no_hash_is_shown() {
        let file = parse(&format!("[keys.alice]\nsha256 = \"{HASH}\"\n")).unwrap();
        assert!(!format!("{file:?}").contains("2b") && format!("{file:?}").contains("alice"), "{file:?}");
    }
}
