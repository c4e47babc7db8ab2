//! Log lines: text or JSON, filtered by one directive string that may change while the process runs.

use std::{
    fmt,
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::field::{Field, Visit};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    field::RecordFields,
    filter::{FilterExt, ParseError},
    fmt::{FormatFields, format::Writer},
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
    #[error("is empty: \"off\" logs nothing")]
    Empty,
    #[error("the log has ended")]
    Ended(#[from] reload::Error),
}

/// What is logged, and how to change it. Clones share it.
#[derive(Clone)]
pub struct LogFilter {
    current: Arc<Mutex<String>>,
    handle: reload::Handle<EnvFilter, Registry>,
}

impl LogFilter {
    /// As it was given.
    pub fn current(&self) -> String {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The change itself is logged before it: after it, perhaps nothing is.
    pub fn change(&self, filter: &str) -> Result<(), FilterError> {
        let parsed = parsed(filter)?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        tracing::warn!(from = *current, to = filter, "the log changes");
        self.handle.reload(parsed)?;
        filter.clone_into(&mut current);
        Ok(())
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFilter").field(&self.current).finish()
    }
}

/// Fields are compared as they are: a pattern could take any amount of memory to be read.
fn parsed(filter: &str) -> Result<EnvFilter, FilterError> {
    if filter.trim().is_empty() {
        return Err(FilterError::Empty);
    }
    let builder = EnvFilter::builder().with_regex(false);
    builder.parse(filter).map_err(|source| FilterError::Malformed { filter: filter.to_owned(), source })
}

pub(super) fn layer(filter: &str, format: LogFormat) -> Result<(Boxed, LogFilter), FilterError> {
    let (reloaded, handle) = reload::Layer::new(parsed(filter)?);
    let passes = reloaded.or(our_spans());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // On a terminal the subscriber colours, unless NO_COLOR is set.
    let lines = if std::io::stderr().is_terminal() { lines } else { lines.with_ansi(false) };
    let lines = match format {
        LogFormat::Text => lines.fmt_fields(Fields).with_filter(passes).boxed(),
        LogFormat::Json => lines.json().with_filter(passes).boxed(),
    };
    Ok((lines, LogFilter { current: Arc::new(Mutex::new(filter.to_owned())), handle }))
}

/// The fields of a line of text, but for those that only traces want.
struct Fields;

impl<'a> FormatFields<'a> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'a>, fields: R) -> fmt::Result {
        let mut told = Told { writer, separator: "", outcome: Ok(()) };
        fields.record(&mut told);
        told.outcome
    }
}

struct Told<'a> {
    writer: Writer<'a>,
    /// Before the next field.
    separator: &'static str,
    outcome: fmt::Result,
}

impl Visit for Told<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.outcome.is_err() || field.name().starts_with("otel.") {
            return;
        }
        let separator = std::mem::replace(&mut self.separator, " ");
        self.outcome = match field.name() {
            "message" => write!(self.writer, "{separator}{value:?}"),
            name => write!(self.writer, "{separator}{name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn what_is_no_filter_is_refused_and_changes_nothing() {
        let (lines, filter) = layer("info", LogFormat::Text).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            let error = filter.change("specfuse=loud").unwrap_err();
            assert!(error.to_string().starts_with("\"specfuse=loud\" is not a log filter"), "{error}");
            assert!(matches!(filter.change(" "), Err(FilterError::Empty)));
            assert_eq!(filter.current(), "info");
            // As a pattern, this would take gigabytes.
            filter.change(&format!("[{{x=(a|b)*a{}}}]", "(a|b)".repeat(40))).unwrap();
            filter.change("debug").unwrap();
            assert_eq!(filter.current(), "debug");
        });
    }
}
