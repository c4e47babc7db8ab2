//! The process's resident memory, as the operating system counts it.

/// The largest so far, in bytes.
pub(super) fn peak() -> Option<u64> {
    status("VmHWM:")
}

pub(super) fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// Begins the largest anew. Where the system refuses, the largest is that of the whole run.
pub(super) fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn status(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
