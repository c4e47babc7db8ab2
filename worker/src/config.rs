//! Flags and environment to a checked configuration, by one fallible function. After it the environment is never read again.

mod bench;
#[cfg(test)]
mod fuzz;
mod model;

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use bytesize::ByteSize;
use specfuse_runtime::{
    admin::{AdminArgs, AdminError},
    discovery::{
        etcd::{DiscoveryArgs, DiscoveryError, EtcdConfig},
        worker_url,
    },
    telemetry::TelemetryArgs,
    tls::{ServerTls, ServerTlsArgs, TlsError},
};

use crate::engine::EngineConfig;
pub use bench::{BenchArgs, BenchConfig};
pub use model::{ModelArgs, ModelArgsError, ModelChoice, ModelSource, device, precision};

const MAX_NAME: usize = 64;
const MAX_BATCH_ROWS: usize = 1 << 16;
const MAX_QUEUE: usize = 1 << 16;

/// The worker's flags as typed.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub model: ModelArgs,
    /// What ensembles call this model: letters, digits, ".", "_" and "-". Default: the name of the folder, or of the
    /// file without ".gguf".
    #[arg(long, env = "SPECFUSE_WORKER_NAME")]
    pub name: Option<String>,
    /// Address and port to serve on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", env = "SPECFUSE_WORKER_LISTEN", default_value = "127.0.0.1:7071")]
    pub listen: String,
    /// What coordinators call, where that is not the address served on.
    #[arg(long, value_name = "HOST:PORT", env = "SPECFUSE_WORKER_ADVERTISE")]
    pub advertise: Option<String>,
    #[command(flatten)]
    pub discovery: DiscoveryArgs,
    #[command(flatten)]
    pub tls: ServerTlsArgs,
    /// Memory for cached keys and values, such as 512MiB or 2GiB.
    #[arg(long, value_name = "SIZE", env = "SPECFUSE_WORKER_CACHE_MEMORY", default_value = "1GiB")]
    pub cache_memory: String,
    /// Rows of one forward pass.
    #[arg(long, value_name = "ROWS", env = "SPECFUSE_WORKER_MAX_BATCH_ROWS", default_value_t = 512)]
    pub max_batch_rows: usize,
    /// Calls that may wait.
    #[arg(long, value_name = "CALLS", env = "SPECFUSE_WORKER_MAX_QUEUE", default_value_t = 256)]
    pub max_queue: usize,
    /// How long running calls may take to finish once the worker stops, such as 30s.
    #[arg(long, value_name = "DURATION", env = "SPECFUSE_WORKER_SHUTDOWN_GRACE", default_value = "30s")]
    pub shutdown_grace: String,
    /// Announce events on standard output and stop when standard input closes.
    #[arg(long, hide = true)]
    pub supervised: bool,
    #[command(flatten)]
    pub admin: AdminArgs,
    #[command(flatten)]
    pub telemetry: TelemetryArgs,
    /// Let prompts and drafts appear in the log, at level debug.
    #[arg(long, env = "SPECFUSE_LOG_CONTENT")]
    pub log_content: bool,
}

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub model: ModelChoice,
    /// 1 to 64 of `[a-zA-Z0-9._-]`.
    pub name: String,
    pub listen: SocketAddr,
    /// Of the port. None: plaintext.
    pub tls: Option<ServerTls>,
    /// Where to register. None: nowhere.
    pub discovery: Option<EtcdConfig>,
    /// Host and port to register with; None: those listened on, which others can call.
    pub advertise: Option<String>,
    pub engine: EngineConfig,
    pub shutdown_grace: Duration,
    /// Where operators are told how things stand. None: nowhere.
    pub admin: Option<SocketAddr>,
    pub supervised: bool,
    /// Prompts and drafts may appear in the log.
    pub log_content: bool,
}

/// A flag whose value cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Model(#[from] ModelArgsError),
    #[error("--name {0:?} must be 1 to {MAX_NAME} letters, digits, \".\", \"_\" or \"-\"")]
    Name(String),
    #[error("--name is needed: {0} has no name that could be one")]
    Unnamed(String),
    #[error("--listen {0:?} is not an address with a port, such as 127.0.0.1:7071")]
    Listen(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error("--advertise {0:?} is not a host and a port, such as worker-0.example:7071")]
    Advertise(String),
    #[error("--advertise needs --discovery")]
    AdvertiseAlone,
    #[error("--advertise is needed with --discovery: nobody can call --listen {0}")]
    AdvertiseMissing(SocketAddr),
    #[error("--{flag} is {found}, allowed are 1 to {most}")]
    Range { flag: &'static str, found: usize, most: usize },
    #[error("--cache-memory {0:?} is not a size above 0, such as 512MiB or 2GiB")]
    CacheMemory(String),
    #[error("--shutdown-grace {0:?} is not a duration, such as 30s or 2min")]
    ShutdownGrace(String),
}

impl TryFrom<Args> for Config {
    type Error = ConfigError;

    fn try_from(args: Args) -> Result<Self, ConfigError> {
        let model = ModelChoice::try_from(args.model)?;
        let name = name(args.name, &model.source)?;
        let cache_memory = match args.cache_memory.parse::<ByteSize>() {
            Ok(ByteSize(bytes)) if bytes > 0 => bytes,
            Ok(_) | Err(_) => return Err(ConfigError::CacheMemory(args.cache_memory)),
        };
        let engine = EngineConfig {
            cache_memory,
            max_batch_rows: count("max-batch-rows", args.max_batch_rows, MAX_BATCH_ROWS)?.get(),
            max_queue: count("max-queue", args.max_queue, MAX_QUEUE)?.get(),
        };
        let listen: SocketAddr = args.listen.parse().map_err(|_| ConfigError::Listen(args.listen))?;
        let discovery = args.discovery.check()?;
        let advertise = advertise(args.advertise, listen, discovery.is_some())?;
        let tls = args.tls.load()?;
        let shutdown_grace = humantime::parse_duration(&args.shutdown_grace)
            .map_err(|_| ConfigError::ShutdownGrace(args.shutdown_grace))?;
        let admin = args.admin.check()?;
        let Args { supervised, log_content, .. } = args;
        Ok(Self {
            model,
            name,
            listen,
            tls,
            discovery,
            advertise,
            engine,
            shutdown_grace,
            admin,
            supervised,
            log_content,
        })
    }
}

impl Config {
    /// What is to be registered can be called on this machine alone, and discovery is for others.
    pub(crate) fn is_registered_for_nobody(&self, address: SocketAddr) -> bool {
        let is_elsewhere = self.discovery.as_ref().is_some_and(|etcd| !etcd.is_here());
        is_elsewhere && self.advertise.is_none() && address.ip().is_loopback()
    }
}

fn advertise(given: Option<String>, listen: SocketAddr, is_found: bool) -> Result<Option<String>, ConfigError> {
    match given {
        Some(_) if !is_found => Err(ConfigError::AdvertiseAlone),
        Some(given) if given.contains('/') || worker_url(&format!("http://{given}")).is_none() => {
            Err(ConfigError::Advertise(given))
        }
        Some(given) => Ok(Some(given)),
        None if is_found && listen.ip().is_unspecified() => Err(ConfigError::AdvertiseMissing(listen)),
        None => Ok(None),
    }
}

fn name(given: Option<String>, source: &ModelSource) -> Result<String, ConfigError> {
    let allowed = |name: &str| {
        (1..=MAX_NAME).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    if let Some(name) = given {
        return if allowed(&name) { Ok(name) } else { Err(ConfigError::Name(name)) };
    }
    let path = source.path();
    // "." and "models/.." have a name only once resolved; a folder that does not exist is refused when it is loaded.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.map(|name| name.strip_suffix(".gguf").or(name.strip_suffix(".json")).unwrap_or(name));
    name.filter(|name| allowed(name)).map(str::to_owned).ok_or_else(|| ConfigError::Unnamed(source.shown()))
}

fn count(flag: &'static str, found: usize, most: usize) -> Result<NonZeroUsize, ConfigError> {
    NonZeroUsize::new(found).filter(|count| count.get() <= most).ok_or(ConfigError::Range { flag, found, most })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn config(flags: &[&str]) -> Result<Config, ConfigError> {
        let flags = ["worker", "--model", "/no/such/folder/llama-3.2"].iter().chain(flags);
        Config::try_from(Cli::parse_from(flags).args)
    }

    #[test]
    fn the_defaults_are_a_configuration() {
        let config = config(&[]).unwrap();
        assert_eq!(config.name, "llama-3.2");
        assert_eq!(config.listen.to_string(), "127.0.0.1:7071");
        assert_eq!(config.engine, EngineConfig { cache_memory: 1 << 30, max_batch_rows: 512, max_queue: 256 });
        assert_eq!(config.shutdown_grace, Duration::from_secs(30));
        assert!(!config.supervised && !config.log_content);
        assert!(config.tls.is_none() && config.discovery.is_none());
    }

    #[test]
    fn sizes_and_durations_have_units() {
        let config = config(&["--cache-memory", "1536 MiB", "--shutdown-grace", "1m 500ms"]).unwrap();
        assert_eq!(config.engine.cache_memory, 1536 << 20);
        assert_eq!(config.shutdown_grace, Duration::from_millis(60_500));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_refused_with_its_flag() {
        let long = "x".repeat(65);
        for (flag, value) in [
            ("--name", ""),
            ("--name", "a b"),
            ("--name", "é"),
            ("--name", &long),
            ("--listen", "localhost"),
            ("--listen", "127.0.0.1:99999"),
            ("--threads", "0"),
            ("--threads", "1025"),
            ("--cache-memory", "much"),
            ("--cache-memory", "0MiB"),
            ("--max-batch-rows", "0"),
            ("--max-queue", "0"),
            ("--max-queue", "18446744073709551615"),
            ("--shutdown-grace", "30"),
            ("--shutdown-grace", "-1s"),
            ("--advertise", "worker-0:7071"),
            ("--tls-cert", "/no/such/file"),
            ("--tls-client-ca", "/no/such/file"),
            ("--discovery", "http://127.0.0.1:2379"),
            ("--cluster", "a/b"),
            ("--admin", "9090"),
        ] {
            let error = config(&[&format!("{flag}={value}")]).unwrap_err().to_string();
            assert!(error.starts_with(flag), "{flag} {value:?}: {error}");
        }
    }

    #[test]
    fn a_worker_that_registers_says_where_it_can_be_called() {
        let with = |flags: &[&str]| config(&[&["--discovery", "etcd://127.0.0.1:2379"], flags].concat());
        assert_eq!(with(&[]).unwrap().advertise, None);
        let everywhere = ["--listen", "0.0.0.0:7071", "--advertise"];
        let named = with(&[&everywhere[..], &["worker-0.workers:7071"]].concat()).unwrap();
        assert_eq!(named.advertise.as_deref(), Some("worker-0.workers:7071"));
        for listen in ["0.0.0.0:7071", "[::]:7071"] {
            let error = with(&["--listen", listen]).unwrap_err().to_string();
            assert!(error.starts_with("--advertise is needed"), "{error}");
        }
        for advertise in ["worker-0", "http://worker-0:1", "worker-0:1/x", "a@worker-0:1", ":1", ""] {
            let error = with(&["--advertise", advertise]).unwrap_err().to_string();
            assert!(error.starts_with("--advertise"), "{error}");
        }
    }

    #[test]
    fn an_address_that_only_this_machine_can_call_is_not_for_a_discovery_elsewhere() {
        let is_for_nobody = |flags: &[&str]| {
            let config = config(flags).unwrap();
            config.is_registered_for_nobody(config.listen)
        };
        assert!(is_for_nobody(&["--discovery", "etcd://etcd.example:2379"]));
        assert!(!is_for_nobody(&["--discovery", "etcd://etcd.example:2379", "--advertise", "worker-0:7071"]));
        assert!(!is_for_nobody(&["--discovery", "etcd://etcd.example:2379", "--listen", "192.0.2.1:7071"]));
        assert!(!is_for_nobody(&["--discovery", "etcd://127.0.0.1:2379"]));
        assert!(!is_for_nobody(&[]));
    }

    #[test]
    fn a_folder_without_a_usable_name_needs_one() {
        let args = |model: &str| Cli::parse_from(["worker", "--model", model]).args;
        assert!(matches!(Config::try_from(args("/")), Err(ConfigError::Unnamed(_))));
        assert!(matches!(Config::try_from(args("/no/such/my model")), Err(ConfigError::Unnamed(_))));
        assert!(Config::try_from(args(".")).is_ok());
        assert_eq!(Config::try_from(args("/no/such/Qwen2.5-Q8_0.gguf")).unwrap().name, "Qwen2.5-Q8_0");
    }
}
