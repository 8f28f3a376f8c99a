//! Time for spans and logs: one monotonic read, turned into wall time by an offset that the
//! export thread refreshes, so durations never go backwards and a read stays cheap.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

static OFFSET_NS: AtomicU64 = AtomicU64::new(0);

/// Nanoseconds on the monotonic clock of this process. Read without the standard library's checks:
/// every span takes two.
#[cfg(unix)]
pub(crate) fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (now.tv_sec.cast_unsigned()).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.cast_unsigned())
}

/// Nanoseconds on the monotonic clock of this process.
#[cfg(not(unix))]
pub(crate) fn monotonic_ns() -> u64 {
    static ORIGIN: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    nanos(ORIGIN.elapsed().as_nanos())
}

/// Wall time, nanoseconds since 1970, of a monotonic reading.
pub(crate) fn wall_ns(monotonic: u64) -> u64 {
    let offset = OFFSET_NS.load(Ordering::Relaxed);
    if offset == 0 {
        refresh();
        return OFFSET_NS.load(Ordering::Relaxed).wrapping_add(monotonic);
    }
    offset.wrapping_add(monotonic)
}

/// Wall time as of the last tick of the system, a few milliseconds ago at most: for what is only
/// shown, at a fifth of the cost.
#[cfg(target_os = "linux")]
pub(crate) fn recent_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    (now.tv_sec.cast_unsigned()).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.cast_unsigned())
}

/// Wall time now.
#[cfg(not(target_os = "linux"))]
pub(crate) fn recent_ns() -> u64 {
    now_ns()
}

/// Wall time now.
pub(crate) fn now_ns() -> u64 {
    wall_ns(monotonic_ns())
}

/// Follows steps and drift of the wall clock; called every second by the export thread.
pub(crate) fn refresh() {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| nanos(d.as_nanos()));
    OFFSET_NS.store(wall.wrapping_sub(monotonic_ns()).max(1), Ordering::Relaxed);
}

fn nanos(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_follows_the_system_clock() {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let ours = u128::from(now_ns());
        assert!(ours.abs_diff(system) < 5_000_000_000, "{ours} against {system}");
        assert!(u128::from(recent_ns()).abs_diff(system) < 5_000_000_000);
    }
}
