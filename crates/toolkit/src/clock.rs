//! Time for spans and logs: one monotonic read, turned into wall time by an offset that the
//! export thread refreshes, so durations never go backwards and a read stays cheap.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
static OFFSET_NS: AtomicU64 = AtomicU64::new(0);

/// Nanoseconds on the monotonic clock of this process.
pub(crate) fn monotonic_ns() -> u64 {
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
    }
}
