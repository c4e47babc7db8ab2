//! Who may write: standard output for answers, standard error for everything else.

use std::io::{self, Write};

use crate::text;

/// Writes to standard output and flushes, so that a segment is seen when it is there.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// One line on standard error. It may hold what others wrote, so it is made harmless first.
pub(crate) fn complain(line: &str) {
    write_error(&format!("{}\n", text::harmless(line)));
}

/// To standard error as it is. A closed standard error is nothing that could be reported anywhere.
pub(crate) fn write_error(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
