//! Log lines: text or JSON, filtered by one directive string that may change while the process runs.

use std::{fmt, io::IsTerminal, sync::Arc};

use arc_swap::ArcSwap;
use tracing::field::Field;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    field::MakeExt,
    filter::{FilterExt, ParseError},
    fmt::format::{Writer, debug_fn},
    reload,
};

use super::{Boxed, our_spans};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    #[error("{filter:?} is not a log filter, such as \"info\" or \"info,specfuse_worker=debug\"")]
    Malformed { filter: String, source: ParseError },
    #[error("the log has ended")]
    Ended(#[from] reload::Error),
}

/// What is logged, and how to change it. Clones share it.
#[derive(Clone)]
pub struct LogFilter {
    current: Arc<ArcSwap<String>>,
    handle: reload::Handle<EnvFilter, Registry>,
}

impl LogFilter {
    /// As it was given.
    pub fn current(&self) -> Arc<String> {
        self.current.load_full()
    }

    pub fn change(&self, filter: &str) -> Result<(), FilterError> {
        self.handle.reload(parsed(filter)?)?;
        self.current.store(Arc::new(filter.to_owned()));
        Ok(())
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFilter").field(&self.current).finish()
    }
}

fn parsed(filter: &str) -> Result<EnvFilter, FilterError> {
    EnvFilter::try_new(filter).map_err(|source| FilterError::Malformed { filter: filter.to_owned(), source })
}

pub(super) fn layer(filter: &str, format: LogFormat) -> Result<(Boxed, LogFilter), FilterError> {
    let (reloaded, handle) = reload::Layer::new(parsed(filter)?);
    let passes = reloaded.or(our_spans());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // On a terminal the subscriber colours, unless NO_COLOR is set.
    let lines = if std::io::stderr().is_terminal() { lines } else { lines.with_ansi(false) };
    let lines = match format {
        LogFormat::Text => lines.fmt_fields(debug_fn(field).delimited(" ")).with_filter(passes).boxed(),
        LogFormat::Json => lines.json().with_filter(passes).boxed(),
    };
    let current = Arc::new(ArcSwap::from_pointee(filter.to_owned()));
    Ok((lines, LogFilter { current, handle }))
}

/// One field of a line of text. What only traces want is left out.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        name if name.starts_with("otel.") => Ok(()),
        name => write!(writer, "{name}={value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_filter_is_refused_and_changes_nothing() {
        let (_layer, filter) = layer("info", LogFormat::Text).unwrap();
        let error = filter.change("specfuse=loud").unwrap_err();
        assert!(error.to_string().starts_with("\"specfuse=loud\" is not a log filter"), "{error}");
        assert_eq!(*filter.current(), "info");
        filter.change("debug").unwrap();
        assert_eq!(*filter.current(), "debug");
    }
}
