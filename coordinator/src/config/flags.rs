//! The flags → what they name, read and checked. Files that hold secrets are named here, never their contents.

use std::{net::SocketAddr, path::PathBuf};

use specfuse_runtime::{
    admin::AdminArgs,
    discovery::etcd::{DiscoveryArgs, EtcdConfig},
    telemetry::TelemetryArgs,
    tls::{ClientTls, ClientTlsFiles, ServerTls, ServerTlsArgs},
};

use super::{ConfigError, KeyFile};

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Configuration file (TOML): workers, unless --discovery finds them, and ensembles.
    #[arg(long, env = "SPECFUSE_COORDINATOR_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    #[command(flatten)]
    pub discovery: DiscoveryArgs,
    #[command(flatten)]
    pub tls: ServerTlsArgs,
    /// Speak TLS to workers, and trust what one of these signed: certificates in PEM. Read again when they change.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_WORKER_CA")]
    pub worker_ca: Option<PathBuf>,
    /// Certificate chain shown to workers, in PEM. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_WORKER_CERT")]
    pub worker_cert: Option<PathBuf>,
    /// Private key of --worker-cert, in PEM. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_WORKER_KEY")]
    pub worker_key: Option<PathBuf>,
    /// Answer only those who show one of these API keys: their hashes, in TOML. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "SPECFUSE_API_KEYS")]
    pub api_keys: Option<PathBuf>,
    /// Let prompts and answers into the log, at its level "debug".
    #[arg(long, env = "SPECFUSE_LOG_CONTENT")]
    pub log_content: bool,
    /// Run as a child: events on standard output, stop when standard input closes.
    #[arg(long, hide = true)]
    pub supervised: bool,
    #[command(flatten)]
    pub admin: AdminArgs,
    #[command(flatten)]
    pub telemetry: TelemetryArgs,
}

/// What the flags say besides the file.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) discovery: Option<EtcdConfig>,
    pub(super) server_tls: Option<ServerTls>,
    pub(super) worker_tls: Option<ClientTls>,
    pub(super) api_keys: Option<KeyFile>,
    pub(super) admin: Option<SocketAddr>,
    pub(super) log_content: bool,
    pub(super) supervised: bool,
}

impl Args {
    pub(super) fn check(&self) -> Result<Flags, ConfigError> {
        let worker_tls = ClientTlsFiles::given(
            ("--worker-ca", self.worker_ca.clone()),
            ("--worker-cert", self.worker_cert.clone()),
            ("--worker-key", self.worker_key.clone()),
        )?;
        Ok(Flags {
            discovery: self.discovery.clone().check()?,
            server_tls: self.tls.load_with_http1()?,
            worker_tls: worker_tls.map(ClientTls::load).transpose()?,
            api_keys: self.api_keys.as_deref().map(KeyFile::load).transpose()?,
            admin: self.admin.check()?,
            log_content: self.log_content,
            supervised: self.supervised,
        })
    }
}
