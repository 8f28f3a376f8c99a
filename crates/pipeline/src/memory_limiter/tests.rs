use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use throughline_model::ManualClock;

use super::*;
use crate::RefusalKind;

const MIB: u64 = 1024 * 1024;

#[derive(Debug, Clone, Default)]
struct FakeMemory(Arc<AtomicU64>);

impl MemoryProbe for FakeMemory {
    fn used_bytes(&self) -> Option<u64> {
        Some(self.0.load(Ordering::SeqCst))
    }
    fn available_bytes(&self) -> Option<u64> {
        None
    }
}

/// Hard 10 MiB, soft 8 MiB, measured every second.
fn limiter() -> (Arc<MemoryLimiter>, FakeMemory, ManualClock) {
    let settings =
        MemoryLimiterSettings { limit_mib: 10, spike_limit_mib: 2, ..MemoryLimiterSettings::default() };
    let (memory, clock) = (FakeMemory::default(), ManualClock::new(1));
    let limiter = MemoryLimiter::with_probe(
        &settings,
        Box::new(memory.clone()),
        Arc::new(clock.clone()),
        &Registry::default(),
    );
    (limiter.unwrap(), memory, clock)
}

#[test]
fn admits_up_to_the_soft_bound_and_refuses_retryably_with_a_delay() {
    let (limiter, ..) = limiter();
    let held = limiter.admit(8 * MIB).unwrap();
    let refusal = limiter.admit(1).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Overloaded);
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(1)));
    drop(held);
    assert!(limiter.admit(8 * MIB).is_ok());
    assert_eq!(limiter.in_flight_bytes(), 0);
}

#[test]
fn admitted_requests_grow_up_to_the_hard_bound() {
    let (limiter, ..) = limiter();
    let mut permit = limiter.admit(0).unwrap();
    permit.grow_to(10 * MIB).unwrap();
    assert!(permit.grow(1).is_err());
    permit.shrink(MIB);
    assert!(permit.grow(MIB).is_ok());
    assert_eq!(permit.bytes(), limiter.in_flight_bytes());
}

#[test]
fn counts_the_process_and_what_came_since_the_last_measurement() {
    let (limiter, memory, clock) = limiter();
    memory.0.store(7 * MIB, Ordering::SeqCst);
    let held = limiter.admit(MIB).unwrap();
    assert!(limiter.admit(1).is_err(), "7 MiB measured and 1 MiB admitted since are the soft bound");
    clock.advance_ns(1_000_000_000);
    assert!(limiter.admit(1).is_ok(), "the next measurement has the admitted bytes in it");
    drop(held);
}

#[test]
fn tells_those_who_can_free_memory_and_recovers() {
    let (limiter, memory, clock) = limiter();
    let mut pressure = limiter.pressure();
    memory.0.store(9 * MIB, Ordering::SeqCst);
    assert!(limiter.admit(0).is_err());
    assert_eq!(*pressure.borrow_and_update(), Pressure::Soft);
    memory.0.store(MIB, Ordering::SeqCst);
    clock.advance_ns(1_000_000_000);
    assert!(limiter.admit(0).is_ok());
    assert_eq!(*pressure.borrow(), Pressure::Normal);
}
