//! Ends the process when a reader does not come to an end, having said what it was given: a thread that hangs cannot be stopped.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    io::Write,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Far more than any reader needs, also where others take nearly all of the machine.
const SOON: Duration = Duration::from_secs(300);

type Running = BTreeMap<u64, (Instant, Box<dyn Debug + Send>)>;

static RUNNING: Mutex<Running> = Mutex::new(BTreeMap::new());

/// Of one reader: from its beginning until this is dropped.
pub(crate) struct Watched(u64);

impl Watched {
    pub(crate) fn begin(input: impl Debug + Send + 'static) -> Self {
        static WATCH: Once = Once::new();
        WATCH.call_once(|| drop(thread::spawn(watch)));
        let mut running = running();
        let number = running.last_key_value().map_or(0, |(last, _)| last + 1);
        running.insert(number, (Instant::now(), Box::new(input)));
        Self(number)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        running().remove(&self.0);
    }
}

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch() {
    loop {
        thread::sleep(Duration::from_secs(1));
        if let Some((_, input)) = running().values().find(|(begun, _)| begun.elapsed() > SOON) {
            // Not by a macro: those are kept from view while a test runs.
            let _ = writeln!(std::io::stderr(), "nothing after {SOON:?} for {input:?}");
            std::process::abort();
        }
    }
}
