//! Random trace and span ids.

use std::cell::RefCell;

use opentelemetry::trace::{SpanId, TraceId};
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};

thread_local! {
    static RNG: RefCell<SmallRng> = RefCell::new(SmallRng::from_os_rng());
}

/// A random trace id, never zero. All of its bits are random (W3C trace context level 2).
pub(crate) fn trace_id() -> TraceId {
    RNG.with_borrow_mut(|rng| {
        let id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        TraceId::from(id.max(1))
    })
}

/// A random span id, never zero.
pub(crate) fn span_id() -> SpanId {
    RNG.with_borrow_mut(|rng| SpanId::from(rng.next_u64().max(1)))
}

/// A random share of `range`, for spreading retries.
pub(crate) fn jitter(range: std::time::Duration) -> std::time::Duration {
    let random = RNG.with_borrow_mut(RngCore::next_u32);
    range.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// A random UUID (version 4) for `service.instance.id`.
pub(crate) fn instance() -> String {
    let random = u128::from_be_bytes(trace_id().to_bytes());
    let versioned = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{versioned:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or("");
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
