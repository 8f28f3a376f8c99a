//! Refuses requests before they cost memory.
//!
//! A receiver asks [`MemoryLimiter::admit`] before it reads a body and keeps the
//! [`MemoryPermit`] until the request is answered, growing it as bytes arrive, decompress and
//! decode. Usage is what the process held when last measured plus what permits have grown since,
//! so a burst between two measurements is seen. Above the soft bound (`limit - spike`) new
//! requests are refused; above the hard bound requests that grow are too. Refusals are retryable
//! and carry a delay.

mod probe;
mod settings;

pub use probe::{MemoryProbe, ProcessMemory};
pub use settings::MemoryLimiterSettings;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use throughline_model::Clock;
use tokio::sync::watch;

use crate::metrics::{self, Counter, Registry};
use crate::{Refusal, SettingsError};
use settings::Bounds;

/// How close to its limits the process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// Below the soft bound.
    Normal,
    /// New requests are refused.
    Soft,
    /// Requests that grow are refused, too.
    Hard,
}

/// Decides who gets in. One for the process, shared by all receivers.
#[derive(Debug)]
pub struct MemoryLimiter {
    bounds: Bounds,
    check_interval: Duration,
    probe: Box<dyn MemoryProbe>,
    clock: Arc<dyn Clock>,
    in_flight: AtomicU64,
    measured: Measured,
    pressure: watch::Sender<Pressure>,
    admitted: Counter,
    refused: Counter,
}

/// The last measurement.
#[derive(Debug)]
struct Measured {
    at_ns: AtomicI64,
    used: AtomicU64,
    in_flight: AtomicU64,
}

impl MemoryLimiter {
    /// A limiter with the process's memory as measure.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(
        settings: &MemoryLimiterSettings,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> Result<Arc<Self>, SettingsError> {
        Self::with_probe(settings, Box::new(ProcessMemory), clock, registry)
    }

    /// A limiter with a measure of its own.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn with_probe(
        settings: &MemoryLimiterSettings,
        probe: Box<dyn MemoryProbe>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> Result<Arc<Self>, SettingsError> {
        let bounds = settings.bounds(probe.available_bytes().unwrap_or(1 << 30))?;
        let labels = [("processor", "memory_limiter")];
        let limiter = Arc::new(Self {
            bounds,
            check_interval: settings.check_interval,
            probe,
            clock,
            in_flight: AtomicU64::new(0),
            measured: Measured {
                at_ns: AtomicI64::new(i64::MIN),
                used: AtomicU64::new(0),
                in_flight: AtomicU64::new(0),
            },
            pressure: watch::Sender::new(Pressure::Normal),
            admitted: registry.counter(&metrics::LIMITER_ACCEPTED_REQUESTS, &labels),
            refused: registry.counter(&metrics::LIMITER_REFUSED_REQUESTS, &labels),
        });
        let weak = Arc::downgrade(&limiter);
        registry.gauge_fn(&metrics::LIMITER_IN_FLIGHT_BYTES, &labels, move || {
            weak.upgrade().map_or(0.0, |limiter| limiter.in_flight_bytes() as f64)
        });
        Ok(limiter)
    }

    /// Admits a request of which `bytes` are known to come (0 when unknown).
    ///
    /// # Errors
    /// Memory is over the soft bound, or would be.
    pub fn admit(self: &Arc<Self>, bytes: u64) -> Result<MemoryPermit, Refusal> {
        let used = self.used_bytes().saturating_add(bytes);
        if used > self.bounds.soft {
            return Err(self.refuse(used, self.bounds.soft));
        }
        self.admitted.add(1);
        self.in_flight.fetch_add(bytes, Ordering::Relaxed);
        Ok(MemoryPermit { limiter: Arc::clone(self), bytes })
    }

    /// Bytes in requests that are being received.
    #[must_use]
    pub fn in_flight_bytes(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The process's memory as far as known: the last measurement and what permits grew since.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.measure_when_due();
        let in_flight = self.in_flight_bytes();
        let grown = in_flight.saturating_sub(self.measured.in_flight.load(Ordering::Relaxed));
        self.measured.used.load(Ordering::Relaxed).saturating_add(grown).max(in_flight)
    }

    /// Tells when pressure changes, for those who can free memory (the store flushes).
    #[must_use]
    pub fn pressure(&self) -> watch::Receiver<Pressure> {
        self.pressure.subscribe()
    }

    /// Measures if the last measurement is older than the check interval. Requests do this, too;
    /// a timer of the owner keeps [`pressure`](Self::pressure) true while none come.
    pub fn measure_when_due(&self) {
        let now = self.clock.now_ns();
        let last = self.measured.at_ns.load(Ordering::Acquire);
        let interval = i64::try_from(self.check_interval.as_nanos()).unwrap_or(i64::MAX);
        let due = last == i64::MIN || now.saturating_sub(last) >= interval || now < last;
        let won = due
            && self.measured.at_ns.compare_exchange(last, now, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if !won {
            return;
        }
        let in_flight = self.in_flight_bytes();
        let used = self.probe.used_bytes().unwrap_or(in_flight);
        self.measured.used.store(used, Ordering::Relaxed);
        self.measured.in_flight.store(in_flight, Ordering::Relaxed);
        let pressure = match used {
            used if used > self.bounds.hard => Pressure::Hard,
            used if used > self.bounds.soft => Pressure::Soft,
            _ => Pressure::Normal,
        };
        let changed = self.pressure.send_if_modified(|last| std::mem::replace(last, pressure) != pressure);
        if changed {
            tracing::warn!(
                ?pressure,
                used_bytes = used,
                soft = self.bounds.soft,
                hard = self.bounds.hard,
                "memory"
            );
        }
    }

    fn refuse(&self, used: u64, bound: u64) -> Refusal {
        self.refused.add(1);
        let mib = |bytes: u64| bytes / (1024 * 1024);
        let message =
            format!("memory limit reached ({} of {} MiB in use); try again later", mib(used), mib(bound));
        Refusal::overloaded(message, self.check_interval.max(Duration::from_secs(1)))
    }
}

/// Memory that a request holds; given back on drop.
#[derive(Debug)]
pub struct MemoryPermit {
    limiter: Arc<MemoryLimiter>,
    bytes: u64,
}

impl MemoryPermit {
    /// Takes more bytes.
    ///
    /// # Errors
    /// Memory would be over the hard bound; the permit stays as it was.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Refusal> {
        let used = self.limiter.used_bytes().saturating_add(bytes);
        if used > self.limiter.bounds.hard {
            return Err(self.limiter.refuse(used, self.limiter.bounds.hard));
        }
        self.limiter.in_flight.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        Ok(())
    }

    /// Takes what is missing to `total` bytes.
    ///
    /// # Errors
    /// As [`grow`](Self::grow).
    pub fn grow_to(&mut self, total: u64) -> Result<(), Refusal> {
        self.grow(total.saturating_sub(self.bytes))
    }

    /// Gives bytes back before the request ends.
    pub fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.limiter.in_flight.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        self.limiter.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
