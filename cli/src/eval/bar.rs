//! How far it is, on standard error: a bar on a terminal, a line now and then elsewhere.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::{output, text};

/// Between two lines where there is no terminal.
const QUIET: Duration = Duration::from_secs(30);
const STYLE: &str = "{prefix} {bar:24} {pos}/{len} {msg} {elapsed}, {eta} left";

/// Clears what it showed when dropped.
#[derive(Debug)]
pub(super) struct Bar {
    shown: Shown,
    name: String,
    done: usize,
    total: usize,
    failed: usize,
}

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    Lines { next: Instant },
}

impl Bar {
    /// `done` of `total` are there from before.
    pub(super) fn new(name: &str, done: usize, total: usize) -> Self {
        let name = text::harmless(name);
        let shown = if io::stderr().is_terminal() {
            let bar = ProgressBar::new(total as u64).with_prefix(name.clone()).with_position(done as u64);
            // The template is a constant; should it be wrong, the default style shows as much.
            if let Ok(style) = ProgressStyle::with_template(STYLE) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.reset_eta();
            bar.enable_steady_tick(Duration::from_millis(500));
            Shown::Bar(bar)
        } else {
            Shown::Lines { next: Instant::now() + QUIET }
        };
        Self { shown, name, done, total, failed: 0 }
    }

    pub(super) fn one(&mut self, failed: bool) {
        self.done += 1;
        self.failed += usize::from(failed);
        let line = self.line();
        match &mut self.shown {
            Shown::Bar(bar) => {
                if self.failed > 0 {
                    bar.set_message(format!("{} failed", self.failed));
                }
                bar.inc(1);
            }
            Shown::Lines { next } if self.done == self.total || Instant::now() >= *next => {
                output::complain(&line);
                *next = Instant::now() + QUIET;
            }
            Shown::Lines { .. } => {}
        }
    }

    fn line(&self) -> String {
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        format!("{}: {} of {}{failed}", self.name, self.done, self.total)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_what_failed() {
        let mut bar = Bar::new("fuse", 2, 5);
        bar.one(false);
        assert_eq!(bar.line(), "fuse: 3 of 5");
        bar.one(true);
        assert_eq!(bar.line(), "fuse: 4 of 5, 1 failed");
    }
}
