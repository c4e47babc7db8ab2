//! Panics of other people's code that reads what comes from outside, as errors. Such a panic is told by its place alone: its message
//! may quote a prompt.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe, Location},
    sync::Once,
};

/// A library panicked on what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the library that reads it panicked")]
pub struct Panicked;

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives. It must leave nothing half changed that is used after its panic.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |panic| match CONTAINED.get() {
            true => tracing::error!(place = panic.location().map(Location::to_string), "a library panicked"),
            false => hook(panic),
        }));
    });
    let outside = CONTAINED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(outside);
    outcome.map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_what_comes_after_it_is_no_longer_contained() {
        assert_eq!(contained(|| contained(|| panic!("no"))), Ok(Err::<(), _>(Panicked)));
        assert!(!CONTAINED.get());
        assert_eq!(contained(|| 3), Ok(3));
    }
}
