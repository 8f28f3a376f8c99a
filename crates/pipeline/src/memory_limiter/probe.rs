//! What the process uses and what it may use.

use std::fs;

/// Measures memory. Tests put their own in place of the operating system.
pub trait MemoryProbe: Send + Sync + std::fmt::Debug {
    /// Bytes that the process holds now; `None` where it cannot be known.
    fn used_bytes(&self) -> Option<u64>;
    /// Bytes that the process may use at most.
    fn available_bytes(&self) -> Option<u64>;
}

/// Asks Linux. Pages of mapped files are left out, because the kernel takes them back on its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessMemory;

const PAGE_BYTES: u64 = 4096;

impl MemoryProbe for ProcessMemory {
    fn used_bytes(&self) -> Option<u64> {
        let statm = fs::read_to_string("/proc/self/statm").ok()?;
        let mut pages = statm.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
        let resident = pages.next()?.ok()?;
        let shared = pages.next()?.ok()?;
        Some(resident.saturating_sub(shared) * PAGE_BYTES)
    }

    fn available_bytes(&self) -> Option<u64> {
        let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        let cgroup = number("/sys/fs/cgroup/memory.max")
            .or_else(|| number("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
        [cgroup, machine_bytes()].into_iter().flatten().min()
    }
}

fn machine_bytes() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_uses_something_and_less_than_there_is() {
        let used = ProcessMemory.used_bytes().unwrap();
        assert!(used > 0 && used < ProcessMemory.available_bytes().unwrap());
    }
}
