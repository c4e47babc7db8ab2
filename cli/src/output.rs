//! Who may write: standard output for answers, standard error for everything else.

use std::io::{self, Write};

use crate::text;

/// Writes to standard output and flushes, so that a segment is seen when it is there.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// All that a command has to say. Whoever reads only the beginning of it has read enough: that is no failure.
pub(crate) fn tell(text: &str) -> io::Result<()> {
    enough(write(text))
}

fn enough(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// One line on standard error. It may hold what others wrote, so it is made harmless first: further lines of it are indented, so that
/// none passes for one of ours.
pub(crate) fn complain(line: &str) {
    write_error(&complaint(line));
}

fn complaint(line: &str) -> String {
    format!("{}\n", text::harmless(line.trim_end()).replace('\n', "\n  "))
}

/// To standard error as it is. A closed standard error is nothing that could be reported anywhere.
pub(crate) fn write_error(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_said_does_not_pass_for_a_line_of_ours() {
        assert_eq!(complaint("error: no\nerror: yes\n"), "error: no\n  error: yes\n");
    }

    #[test]
    fn a_reader_that_has_read_enough_is_no_failure() {
        assert!(enough(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(enough(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
