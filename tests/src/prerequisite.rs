//! What a test needs and does not find: a loud skip for outsiders, and a failure where `CI=true`.

use std::io::Write;

/// Says that a test is skipped, and why.
///
/// # Panics
/// Where `CI=true`: there nothing may be missing.
pub fn missing(what: &str) {
    assert!(variable("CI").as_deref() != Some("true"), "{what}");
    tell(&format!("\n*** SKIPPED: {what} ***\n"));
}

/// A line that is seen however the test ends: what `eprintln!` writes is kept from view when a test passes.
pub fn tell(line: &str) {
    // A closed standard error is nothing that could be told anywhere.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment alone")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
