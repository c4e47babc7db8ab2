//! What an answer looks like on standard output. The views are functions from events to text; nothing in them writes.

use std::io::{self, IsTerminal};

use specfuse_proto::v1::{Finished, Segment};

use crate::{args::ViewArgs, json, palette::Palette, plain::Plain, trace::Trace};

#[derive(Debug)]
pub(crate) enum View {
    Plain(Plain),
    Trace(Trace),
    Json,
}

impl View {
    pub(crate) fn choose(args: &ViewArgs) -> Self {
        let terminal = io::stdout().is_terminal();
        // NO_COLOR counts when it is present and not empty.
        let colored = terminal && args.no_color.as_deref().is_none_or(str::is_empty);
        if args.json {
            Self::Json
        } else if args.trace {
            Self::Trace(Trace::new(Palette::new(colored)))
        } else {
            Self::Plain(Plain::new(Palette::new(colored), terminal))
        }
    }

    pub(crate) fn segment(&mut self, segment: &Segment) -> String {
        match self {
            Self::Plain(plain) => plain.segment(segment),
            Self::Trace(trace) => trace.segment(segment),
            Self::Json => json::line(&json::segment(segment)),
        }
    }

    pub(crate) fn finished(&mut self, finished: &Finished) -> String {
        match self {
            Self::Plain(plain) => plain.finished(finished),
            Self::Trace(trace) => trace.finished(finished),
            Self::Json => json::line(&json::finished(finished)),
        }
    }

    /// The answer ends here without its end: what is needed before an error can be shown.
    pub(crate) fn broken_off(&mut self) -> String {
        match self {
            Self::Plain(plain) => plain.broken_off(),
            Self::Trace(_) | Self::Json => String::new(),
        }
    }
}
