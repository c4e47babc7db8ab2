//! What is said on standard error while models load: a line that rewrites itself on a terminal, one plain line elsewhere.

use std::io::{self, IsTerminal};

use crate::{output, text};

const CLEAR_LINE: &str = "\r\u{1b}[2K";

/// Shows who is still being waited for; clears what it showed when dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    waiting: Vec<String>,
    total: usize,
    terminal: bool,
}

impl Progress {
    pub(crate) fn new(names: Vec<String>) -> Self {
        let terminal = io::stderr().is_terminal();
        let progress = Self { total: names.len(), waiting: names, terminal };
        if terminal {
            progress.show();
        } else {
            output::complain(&format!("starting {}", progress.waiting.join(", ")));
        }
        progress
    }

    pub(crate) fn ready(&mut self, name: &str) {
        self.waiting.retain(|waiting| waiting != name);
        if self.terminal {
            self.show();
        }
    }

    fn show(&self) {
        let ready = self.total - self.waiting.len();
        let line = match self.waiting.as_slice() {
            [] => format!("{ready}/{} models loaded", self.total),
            waiting => format!("{ready}/{} models loaded, waiting for {}", self.total, waiting.join(", ")),
        };
        // A line that wraps could not be cleared.
        let line: String = text::harmless(&line).chars().take(78).collect();
        output::write_error(&format!("{CLEAR_LINE}{line}"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal {
            output::write_error(CLEAR_LINE);
        }
    }
}
