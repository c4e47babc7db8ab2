//! Flags and file → [`Config`], by one fallible function; nothing reads the environment or the file after it.
//!
//! `coordinator.example.toml` shows every key. Every error names the file and the key. Nothing here opens a port or a connection.

mod ensemble;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;
use specfuse_runtime::telemetry::LogArgs;
use tonic::transport::Uri;

pub use self::ensemble::Ensemble;
use self::ensemble::RawEnsemble;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Configuration file (TOML): workers and ensembles.
    #[arg(long, env = "SPECFUSE_COORDINATOR_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    /// Run as a child: events on standard output, stop when standard input closes.
    #[arg(long, hide = true)]
    pub supervised: bool,
    #[command(flatten)]
    pub log: LogArgs,
}

/// All that a coordinator is told at its start.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub listen: SocketAddr,
    /// At least one, distinct.
    pub workers: Vec<WorkerUrl>,
    /// At least one, by name.
    pub ensembles: BTreeMap<String, Arc<Ensemble>>,
    pub max_generations: usize,
    pub shutdown_grace: Duration,
    pub supervised: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerUrl {
    /// As configured.
    pub text: Arc<str>,
    pub uri: Uri,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    #[error("{}, line {line}: not TOML: {problem}", file.display())]
    Syntax { file: PathBuf, line: usize, problem: String },
    #[error("{}: {misfit}", file.display())]
    Value { file: PathBuf, misfit: Misfit },
}

/// A value that will not do, and where it stands.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct Misfit {
    pub key: String,
    pub problem: String,
}

impl Misfit {
    fn new(key: &str, problem: impl Into<String>) -> Self {
        Self { key: key.to_owned(), problem: problem.into() }
    }

    fn under(self, table: &str) -> Self {
        Self { key: format!("{table}.{}", self.key), problem: self.problem }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default = "default_listen")]
    listen: String,
    workers: Vec<String>,
    #[serde(default = "default_max_generations")]
    max_generations: usize,
    #[serde(default = "default_shutdown_grace", with = "humantime_serde")]
    shutdown_grace: Duration,
    ensembles: BTreeMap<String, RawEnsemble>,
}

fn default_listen() -> String {
    "127.0.0.1:7070".to_owned()
}

fn default_max_generations() -> usize {
    64
}

fn default_shutdown_grace() -> Duration {
    Duration::from_secs(30)
}

impl Config {
    pub fn load(args: &Args) -> Result<Self, ConfigError> {
        let file = args.config.as_path();
        let text =
            std::fs::read_to_string(file).map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
        let config = Self::parse(&text, file)?;
        Ok(Self { supervised: args.supervised, ..config })
    }

    /// `file` is for error messages alone.
    pub(crate) fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let table: toml::Table = text.parse().map_err(|error| syntax_error(&error, text, file))?;
        let value = |misfit| ConfigError::Value { file: file.to_owned(), misfit };
        let raw: RawConfig = table.try_into().map_err(|error| value(misfit_of(&error)))?;
        raw.check().map_err(value)
    }
}

impl RawConfig {
    fn check(self) -> Result<Config, Misfit> {
        let listen = self
            .listen
            .parse()
            .map_err(|_| Misfit::new("listen", format!("{:?} is not an IP address and port", self.listen)))?;
        if self.workers.is_empty() {
            return Err(Misfit::new("workers", "there must be at least one worker"));
        }
        let workers = self.workers.iter().map(|url| worker_url(url)).collect::<Result<Vec<_>, _>>()?;
        if let Some(twice) = repeated(&self.workers) {
            return Err(Misfit::new("workers", format!("{twice:?} is there twice")));
        }
        if !(1..=65_536).contains(&self.max_generations) {
            return Err(Misfit::new("max_generations", format!("{} is not in 1 to 65536", self.max_generations)));
        }
        if self.ensembles.is_empty() {
            return Err(Misfit::new("ensembles", "there must be at least one ensemble"));
        }
        let mut ensembles = BTreeMap::new();
        for (name, raw) in self.ensembles {
            let ensemble = raw.check(&name).map_err(|misfit| misfit.under(&format!("ensembles.{name}")))?;
            ensembles.insert(name, Arc::new(ensemble));
        }
        Ok(Config {
            listen,
            workers,
            ensembles,
            max_generations: self.max_generations,
            shutdown_grace: self.shutdown_grace,
            supervised: false,
        })
    }
}

fn worker_url(text: &str) -> Result<WorkerUrl, Misfit> {
    let wrong = || Misfit::new("workers", format!("{text:?} is not of the form http://host:port"));
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let plain = uri.path() == "/" && uri.query().is_none();
    if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) || uri.port_u16().is_none() || !plain {
        return Err(wrong());
    }
    Ok(WorkerUrl { text: text.into(), uri })
}

fn repeated(names: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| !seen.insert(*name))
}

/// One line of what the TOML reader tells in several.
fn syntax_error(error: &toml::de::Error, text: &str, file: &Path) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let problem = error.message().lines().collect::<Vec<_>>().join(", ");
    ConfigError::Syntax { file: file.to_owned(), line, problem }
}

/// The TOML reader tells the key only in its rendered form: the message, then "in `key`" on a line of its own.
fn misfit_of(error: &toml::de::Error) -> Misfit {
    let rendered = error.to_string();
    let key = rendered
        .strip_prefix(error.message())
        .and_then(|rest| rest.trim().strip_prefix("in `"))
        .and_then(|rest| rest.strip_suffix('`'))
        .unwrap_or("top level");
    Misfit::new(key, error.message())
}
