//! The process's resident memory and the machine's free memory, as the operating system counts them. Systems that do not tell in
//! Linux's way give None.

use crate::app::room;

/// The largest resident size while it is watched, less what there was when that began.
pub(super) struct Watch {
    /// Resident before it began, or kept by others since.
    apart: u64,
    highest: Option<u64>,
}

impl Watch {
    pub(super) fn begin() -> Self {
        forget_peak();
        Self { apart: resident(), highest: None }
    }

    /// What `other` uses, and what it keeps, does not count.
    pub(super) fn apart<T>(&mut self, other: impl FnOnce() -> T) -> T {
        self.note();
        let before = resident();
        let done = other();
        self.apart += resident().saturating_sub(before);
        forget_peak();
        done
    }

    /// In bytes.
    pub(super) fn end(mut self) -> Option<u64> {
        self.note();
        self.highest
    }

    fn note(&mut self) {
        let highest = process("VmHWM:").map(|highest| highest.saturating_sub(self.apart));
        self.highest = self.highest.max(highest);
    }
}

/// Bytes that this process can still be given, within the limits that it is held to.
pub(super) fn available() -> Option<u64> {
    let machine = field("/proc/meminfo", "MemAvailable:");
    let held_to = room::memory().map(|most| most.saturating_sub(resident()));
    machine.into_iter().chain(held_to).min()
}

/// Where the system refuses, the largest is that of the whole run.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn resident() -> u64 {
    process("VmRSS:").unwrap_or(0)
}

fn process(name: &str) -> Option<u64> {
    field("/proc/self/status", name)
}

fn field(file: &str, name: &str) -> Option<u64> {
    room::field(&std::fs::read_to_string(file).ok()?, name)
}
