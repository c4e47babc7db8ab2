//! Being a child process without leaks or guesses.
//!
//! A supervised process writes its events to standard output, one JSON object a line, and stops when standard input closes:
//! a pipe closes however its other end dies, SIGKILL included. A Ctrl-C in the shared terminal does not stop it: what that
//! means is the parent's to decide.

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::shutdown::Shutdown;

/// What a supervised process tells its parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Announcement {
    /// The checkpoint is being read.
    Loading { model: String },
    /// Calls are answered at this address from now on. `name`: the model served, or "coordinator".
    Serving { name: String, address: std::net::SocketAddr },
}

/// Writes one line to standard output. A parent that no longer reads is not an error: its closed pipe stops us anyway.
pub fn announce(announcement: &Announcement) {
    if let Ok(line) = serde_json::to_string(announcement) {
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{line}").and_then(|()| out.flush());
        if let Err(error) = written {
            tracing::debug!(%error, "the parent does not read announcements");
        }
    }
}

/// Begins the stop when standard input closes.
pub fn stop_with_parent(shutdown: &Shutdown) {
    let stop = shutdown.clone();
    // Not on the shutdown's tracker: a read of standard input cannot be cancelled, only abandoned with the process.
    std::thread::spawn(move || {
        let mut sink = [0; 64];
        while matches!(std::io::Read::read(&mut std::io::stdin(), &mut sink), Ok(n) if n > 0) {}
        stop.begin();
    });
}
