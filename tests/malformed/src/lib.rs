//! Inputs that are almost right, for the tests that feed them to whatever reads input: what is valid, changed in a few places. Knows
//! no format of ours. A reader passes when it neither panics nor takes forever: it works, or it says what is wrong.
//!
//! - [`bytes`], [`text`], [`json`]: strategies that change a valid input
//! - [`fragments`]: texts put together from pieces of a language
//! - [`soon`]: runs a reader, but not forever

mod bytes;
mod json;
mod text;
mod watch;

use std::fmt::Debug;

use proptest::test_runner::Config;

use self::watch::Watched;
pub use self::{
    bytes::bytes,
    json::json,
    text::{fragments, text},
};

/// Milliseconds that a failure is made smaller, at most.
const SHRINKING: u32 = 120_000;

/// As many cases as the environment's `PROPTEST_CASES` says; writes no file.
pub fn config() -> Config {
    Config { failure_persistence: None, max_shrink_time: SHRINKING, ..Config::default() }
}

/// What `reader` makes of `input`. Panics where the reader does; where it takes forever, the process ends, having said of what.
pub fn soon<I: Clone + Debug + Send + 'static, T>(input: &I, reader: impl FnOnce(I) -> T) -> T {
    let _watched = Watched::begin(input.clone());
    reader(input.clone())
}
