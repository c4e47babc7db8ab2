//! How much has come, on standard error: one bar for all files on a terminal, a line for each file and now and then elsewhere.

use std::{
    io::{self, IsTerminal},
    sync::Mutex,
    time::Duration,
};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::{output, text};

/// Between two lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(30);
const STYLE: &str = "{prefix} {bar:24} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";

/// Clears what it showed when dropped.
#[derive(Debug)]
pub(super) struct Bar {
    /// Hidden where there is no terminal.
    bar: ProgressBar,
    /// When there is a next line; None on a terminal.
    next: Option<Mutex<Instant>>,
}

impl Bar {
    /// `total` bytes are to come.
    pub(super) fn new(name: &str, total: u64) -> Self {
        if !io::stderr().is_terminal() {
            let bar = ProgressBar::hidden();
            bar.set_length(total);
            return Self { bar, next: Some(Mutex::new(Instant::now() + QUIET)) };
        }
        let bar = ProgressBar::new(total).with_prefix(text::harmless(name));
        // The template is a constant; should it be wrong, the default style shows as much.
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, next: None }
    }

    /// So many bytes more are here.
    pub(super) fn has(&self, bytes: u64) {
        self.bar.inc(bytes);
        let Some(next) = &self.next else { return };
        let Ok(mut next) = next.lock() else { return };
        if Instant::now() >= *next {
            *next = Instant::now() + QUIET;
            let total = self.bar.length().unwrap_or_default();
            output::complain(&format!("{} of {}", HumanBytes(self.bar.position()), HumanBytes(total)));
        }
    }

    /// So many have to come again.
    pub(super) fn lost(&self, bytes: u64) {
        self.bar.dec(bytes);
    }

    pub(super) fn arrived(&self, path: &str, bytes: u64) {
        self.tell(&format!("{path}  {}", HumanBytes(bytes)));
    }

    pub(super) fn tell(&self, line: &str) {
        match self.next {
            Some(_) => output::complain(line),
            None => self.bar.println(text::harmless(line)),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
