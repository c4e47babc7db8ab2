//! Inputs that are almost right, for the tests that feed them to whatever reads input: what is valid, changed in a few places. Knows
//! no format of ours. A reader passes when it neither panics nor takes forever: it works, or it says what is wrong.
//!
//! - [`bytes`], [`text`], [`json`]: strategies that change a valid input
//! - [`fragments`]: texts put together from pieces of a language
//! - [`soon`]: runs a reader, but not forever

mod bytes;
mod json;
mod text;

use std::{fmt::Debug, panic, sync::mpsc, thread, time::Duration};

use proptest::test_runner::Config;

pub use self::{
    bytes::bytes,
    json::json,
    text::{fragments, text},
};

/// Far more than any reader needs, also on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Milliseconds that a failure is made smaller, at most.
const SHRINKING: u32 = 120_000;

/// As many cases as the environment's `PROPTEST_CASES` says; writes no file.
pub fn config() -> Config {
    Config { failure_persistence: None, max_shrink_time: SHRINKING, ..Config::default() }
}

/// What `reader` makes of `input`, on a thread with a stack like any other's. Panics where the reader does, and where it takes too long.
#[track_caller]
pub fn soon<I: Clone + Debug + Send + 'static, T: Send + 'static>(
    input: &I,
    reader: impl FnOnce(I) -> T + Send + 'static,
) -> T {
    let (done, wait) = mpsc::sync_channel(1);
    let own = input.clone();
    let thread = thread::spawn(move || {
        let made = reader(own);
        // Too late: nobody waits any more.
        let _ = done.send(());
        made
    });
    let outcome = wait.recv_timeout(SOON);
    #[expect(clippy::panic, reason = "the failure of the test that calls this")]
    match outcome {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("nothing after {SOON:?} for {input:?}"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
        }
    }
}
