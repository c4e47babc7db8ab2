//! Flags and file → [`Config`], by one fallible function; nothing reads the environment or the file after it.
//!
//! `coordinator.example.toml` shows every key. Every error names the file and the key. Nothing here opens a port or a connection.

mod ensemble;
mod flags;
#[cfg(test)]
mod fuzz;
mod keys;
pub(crate) mod policy;
mod strategies;
#[cfg(test)]
mod tests;
mod workers;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::http::HeaderValue;
use bytesize::ByteSize;
use serde::Deserialize;
use specfuse_core::policy::Policy;
use specfuse_runtime::{
    admin::AdminError,
    discovery::etcd::DiscoveryError,
    tls::{ClientTls, ServerTls, TlsError},
};

use self::flags::Flags;
pub(crate) use self::keys::{ListedKey, Sha256, Unparsed};
pub use self::{
    ensemble::Ensemble,
    flags::Args,
    keys::{KeyFile, KeyFileError},
    workers::Workers,
};

/// All that a coordinator is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub workers: Workers,
    /// At least one, by name.
    pub ensembles: BTreeMap<String, Arc<Ensemble>>,
    pub max_generations: usize,
    /// Requests that may wait for a generation to end, and how long each of them may.
    pub max_waiting: usize,
    pub max_wait: Duration,
    /// Bytes of recordings that are kept; 0: nothing is recorded.
    pub recordings: usize,
    pub shutdown_grace: Duration,
    /// Whether the server describes itself to tools.
    pub reflection: bool,
    /// None: plaintext.
    pub server_tls: Option<ServerTls>,
    /// None: plaintext; else every worker's URL is https.
    pub worker_tls: Option<ClientTls>,
    /// None: anybody may ask.
    pub api_keys: Option<KeyFile>,
    pub health_needs_key: bool,
    /// Sites whose pages may ask in a browser; "*": all.
    pub cors_origins: Vec<HeaderValue>,
    /// Where operators are told how things stand. None: nowhere but on the own port.
    pub admin: Option<SocketAddr>,
    /// Prompts and answers may stand in the log.
    pub log_content: bool,
    pub supervised: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("{}, line {line}: not TOML: {problem}", file.display())]
    Syntax { file: PathBuf, line: usize, problem: String },
    #[error("{}: {misfit}", file.display())]
    Value { file: PathBuf, misfit: Misfit },
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    #[error(transparent)]
    Admin(#[from] AdminError),
}

/// A value that will not do, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct Misfit {
    pub key: String,
    pub problem: String,
}

impl Misfit {
    fn new(key: &str, problem: impl Into<String>) -> Self {
        Self { key: key.to_owned(), problem: problem.into() }
    }

    /// A key without a name is the table itself.
    fn under(self, table: &str) -> Self {
        let key = if self.key.is_empty() { table.to_owned() } else { format!("{table}.{}", self.key) };
        Self { key, problem: self.problem }
    }

    /// The name of a key that has none.
    fn or_under(self, table: &str) -> Self {
        if self.key.is_empty() { self.under(table) } else { self }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default = "default_listen")]
    listen: String,
    #[serde(default)]
    workers: Option<Vec<String>>,
    #[serde(default = "default_max_generations")]
    max_generations: usize,
    #[serde(default = "default_max_waiting")]
    max_waiting: usize,
    #[serde(default = "default_max_wait", with = "humantime_serde")]
    max_wait: Duration,
    #[serde(default = "default_shutdown_grace", with = "humantime_serde")]
    shutdown_grace: Duration,
    #[serde(default = "default_recordings")]
    recordings: String,
    #[serde(default = "default_reflection")]
    reflection: bool,
    #[serde(default)]
    health_needs_key: bool,
    #[serde(default)]
    cors_origins: Vec<String>,
    ensembles: BTreeMap<String, toml::Table>,
}

fn default_listen() -> String {
    "127.0.0.1:7070".to_owned()
}

fn default_max_generations() -> usize {
    64
}

fn default_max_waiting() -> usize {
    16
}

fn default_max_wait() -> Duration {
    Duration::from_secs(2)
}

fn default_recordings() -> String {
    "64MiB".to_owned()
}

fn default_reflection() -> bool {
    true
}

fn default_shutdown_grace() -> Duration {
    Duration::from_secs(30)
}

/// The policy that a table with keys of an ensemble comes to for these members and for drafts that are there already; and its keys that
/// are of no policy. `file` is for error messages alone.
pub fn policy(text: &str, file: &Path, members: &[Arc<str>]) -> Result<(Policy, Vec<String>), ConfigError> {
    let table: toml::Table = text.parse().map_err(|error| syntax_error(&error, text, file))?;
    policy::alone(table, members).map_err(|misfit| ConfigError::Value { file: file.to_owned(), misfit })
}

impl Config {
    pub fn load(args: &Args) -> Result<Self, ConfigError> {
        let file = args.config.as_path();
        let text =
            std::fs::read_to_string(file).map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
        Self::build(&text, file, args.check()?)
    }

    /// What a file says without any flag.
    #[cfg(test)]
    pub(crate) fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        Self::build(text, file, Flags::default())
    }

    /// `file` is for error messages alone.
    fn build(text: &str, file: &Path, flags: Flags) -> Result<Self, ConfigError> {
        let table: toml::Table = text.parse().map_err(|error| syntax_error(&error, text, file))?;
        let value = |misfit| ConfigError::Value { file: file.to_owned(), misfit };
        let raw: RawConfig = read(table).map_err(|misfit| value(misfit.or_under("top level")))?;
        raw.check(flags).map_err(value)
    }
}

impl RawConfig {
    fn check(self, flags: Flags) -> Result<Config, Misfit> {
        let listen = self
            .listen
            .parse()
            .map_err(|_| Misfit::new("listen", format!("{:?} is not an IP address and port", self.listen)))?;
        let cors_origins = cors_origins(&self.cors_origins)?;
        let workers = workers::check(self.workers, flags.discovery, flags.worker_tls.is_some())?;
        if !(1..=65_536).contains(&self.max_generations) {
            return Err(Misfit::new("max_generations", format!("{} is not in 1 to 65536", self.max_generations)));
        }
        if self.max_waiting > 65_536 {
            return Err(Misfit::new("max_waiting", format!("{} is not in 0 to 65536", self.max_waiting)));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(3600)).contains(&self.max_wait) {
            return Err(Misfit::new("max_wait", format!("{:?} is not in 1ms to 1h", self.max_wait)));
        }
        let recordings = recordings(&self.recordings)?;
        if self.ensembles.is_empty() {
            return Err(Misfit::new("ensembles", "there must be at least one ensemble"));
        }
        let mut ensembles = BTreeMap::new();
        for (name, table) in self.ensembles {
            let ensemble =
                ensemble::check(&name, table).map_err(|misfit| misfit.under(&format!("ensembles.{name}")))?;
            ensembles.insert(name, Arc::new(ensemble));
        }
        Ok(Config {
            listen,
            workers,
            ensembles,
            max_generations: self.max_generations,
            max_waiting: self.max_waiting,
            max_wait: self.max_wait,
            recordings,
            shutdown_grace: self.shutdown_grace,
            reflection: self.reflection,
            server_tls: flags.server_tls,
            worker_tls: flags.worker_tls,
            api_keys: flags.api_keys,
            health_needs_key: self.health_needs_key,
            cors_origins,
            admin: flags.admin,
            log_content: flags.log_content,
            supervised: flags.supervised,
        })
    }
}

fn recordings(given: &str) -> Result<usize, Misfit> {
    let bytes = given.parse::<ByteSize>().ok().and_then(|ByteSize(bytes)| usize::try_from(bytes).ok());
    bytes.filter(|bytes| *bytes == 0 || (1 << 20..=1 << 40).contains(bytes)).ok_or_else(|| {
        Misfit::new("recordings", format!("{given:?} is not \"0\" and not a size like \"64MiB\" in 1MiB to 1TiB"))
    })
}

fn cors_origins(given: &[String]) -> Result<Vec<HeaderValue>, Misfit> {
    let wrong = |origin: &String| {
        Misfit::new("cors_origins", format!("{origin:?} is not \"*\" or like \"https://example.org\""))
    };
    let origin = |origin: &String| {
        let is_one = origin == "*"
            || origin.split_once("://").is_some_and(|(scheme, rest)| {
                matches!(scheme, "http" | "https") && !rest.is_empty() && !rest.contains(['/', ' '])
            });
        HeaderValue::from_str(origin).ok().filter(|_| is_one).ok_or_else(|| wrong(origin))
    };
    given.iter().map(origin).collect()
}

fn repeated(names: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| !seen.insert(*name))
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}

fn count(key: &str, value: u32, allowed: RangeInclusive<u32>) -> Result<NonZeroU32, Misfit> {
    NonZeroU32::new(value).filter(|value| allowed.contains(&value.get())).ok_or_else(|| outside(key, value, &allowed))
}

fn of_members(key: &str, value: usize, members: usize) -> Result<NonZeroUsize, Misfit> {
    NonZeroUsize::new(value).filter(|value| value.get() <= members).ok_or_else(|| outside(key, value, &(1..=members)))
}

fn timeout(key: &str, value: Duration) -> Result<Duration, Misfit> {
    let allowed = Duration::from_millis(1)..=Duration::from_secs(3600);
    if allowed.contains(&value) { Ok(value) } else { Err(Misfit::new(key, format!("{value:?} is not in 1ms to 1h"))) }
}

fn unknown_key(key: &str, known: &[&[&str]]) -> Misfit {
    let known: Vec<String> = known.iter().copied().flatten().map(|known| format!("`{known}`")).collect();
    Misfit::new("", format!("unknown field `{key}`, expected one of {}", known.join(", ")))
}

fn outside<T: std::fmt::Display>(key: &str, value: T, allowed: &RangeInclusive<T>) -> Misfit {
    Misfit::new(key, format!("{value} is not in {} to {}", allowed.start(), allowed.end()))
}

/// From 1.
fn line_of(error: &toml::de::Error, text: &str) -> usize {
    error.span().and_then(|span| text.get(..span.start)).unwrap_or_default().matches('\n').count() + 1
}

/// One line of what the TOML reader tells in several.
fn syntax_error(error: &toml::de::Error, text: &str, file: &Path) -> ConfigError {
    let line = line_of(error, text);
    let problem = error.message().lines().collect::<Vec<_>>().join(", ");
    ConfigError::Syntax { file: file.to_owned(), line, problem }
}

/// Of a table, whose own key in an error is empty.
fn read<T: serde::de::DeserializeOwned>(table: toml::Table) -> Result<T, Misfit> {
    table.try_into().map_err(|error| misfit_of(&error))
}

/// The TOML reader tells the key only in its rendered form: the message, then "in `key`" on a line of its own.
fn misfit_of(error: &toml::de::Error) -> Misfit {
    let rendered = error.to_string();
    let key = rendered
        .strip_prefix(error.message())
        .and_then(|rest| rest.trim().strip_prefix("in `"))
        .and_then(|rest| rest.strip_suffix('`'))
        .unwrap_or_default();
    Misfit::new(key, error.message())
}
