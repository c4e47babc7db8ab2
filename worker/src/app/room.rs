//! How much memory there is for keys and values. They become real only as tokens come, so a cache that is too large would be noticed
//! late: by the end of the process.

use std::path::{Path, PathBuf};

use bytesize::ByteSize;

use crate::config::Config;

const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("--cache-memory {wanted} is more than all memory that this process may have, {there}")]
pub(super) struct NoRoom {
    wanted: ByteSize,
    there: ByteSize,
}

/// Refuses a cache that can never fit. Where the system does not tell its memory, or the cache is a device's, none is refused.
pub(super) fn check(config: &Config) -> Result<(), NoRoom> {
    match config.model.options.on_host() {
        true => fits(config.engine.cache_memory, memory()),
        false => Ok(()),
    }
}

fn fits(wanted: u64, there: Option<u64>) -> Result<(), NoRoom> {
    match there {
        Some(there) if wanted > there => Err(NoRoom { wanted: ByteSize(wanted), there: ByteSize(there) }),
        Some(_) | None => Ok(()),
    }
}

/// The machine's, or the least that a control group above this process leaves of it.
pub(crate) fn memory() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| field(&text, "MemTotal:"));
    let limits = limit_files(&read(Path::new("/proc/self/cgroup")).unwrap_or_default());
    limits.iter().filter_map(|path| read(path)?.trim().parse().ok()).chain(machine).min()
}

/// Bytes of a field of /proc's files, such as "MemTotal:".
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Where limits may stand: of this process's group, of all above it, and that of the older kind of groups.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let above = Path::new(own).ancestors().map(|group| Path::new(CONTROL_GROUPS).join(group).join("memory.max"));
    above.chain([Path::new(CONTROL_GROUPS).join("memory/memory.limit_in_bytes")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_beyond_all_memory_is_refused_by_its_flag() {
        let refusal = fits(64 << 30, Some(16 << 30)).unwrap_err().to_string();
        assert!(refusal.starts_with("--cache-memory 64.0 GiB is more than all memory"), "{refusal}");
        assert!(refusal.ends_with("16.0 GiB"), "{refusal}");
        assert_eq!((fits(16 << 30, Some(16 << 30)), fits(u64::MAX, None)), (Ok(()), Ok(())));
    }

    #[test]
    fn the_system_s_files_are_read_as_they_are_written() {
        let total = |text| field(text, "MemTotal:");
        assert_eq!(total("MemTotal:       24689620 kB\nMemFree: 1 kB\n"), Some(24_689_620 << 10));
        assert_eq!((total(""), total("MemTotal: much")), (None, None));
        let files = limit_files("1:name=systemd:/x\n0::/kubepods/pod7\n");
        let files: Vec<_> = files.iter().filter_map(|path| path.to_str()).collect();
        let expected =
            ["kubepods/pod7/memory.max", "kubepods/memory.max", "memory.max", "memory/memory.limit_in_bytes"];
        assert_eq!(files, expected.map(|file| format!("/sys/fs/cgroup/{file}")));
    }
}
