//! Logs: structured, on standard error, filtered by one directive string. Whether prompts and answers may appear in them
//! is for each program to say.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::ParseError, fmt};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The log flags that every binary takes.
#[derive(Clone, Debug, clap::Args)]
pub struct LogArgs {
    /// Log filter: a level, or directives such as "info,specfuse_worker=debug".
    #[arg(long, env = "SPECFUSE_LOG", default_value = "info")]
    pub log: String,
    /// Log format on standard error.
    #[arg(long, env = "SPECFUSE_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("--log {filter:?} is not a log filter")]
    Filter { filter: String, source: ParseError },
    #[error("a log subscriber is already installed")]
    Installed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Installs the process-wide subscriber. Call it once, in `main`.
pub fn init(args: &LogArgs) -> Result<(), TelemetryError> {
    let filter =
        EnvFilter::try_new(&args.log).map_err(|source| TelemetryError::Filter { filter: args.log.clone(), source })?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // On a terminal the subscriber colours, unless NO_COLOR is set.
    let builder = if std::io::stderr().is_terminal() { builder } else { builder.with_ansi(false) };
    match args.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    }
    .map_err(TelemetryError::Installed)
}
