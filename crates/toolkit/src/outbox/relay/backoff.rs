//! Waiting longer each time, and saying so once.

use std::error::Error;
use std::time::Duration;

use crate::ids;

/// Waits that grow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    pub(super) first: Duration,
    pub(super) factor: f64,
    pub(super) max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), factor: 2.0, max: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The wait after this many failures, varied by up to a fifth.
    pub(super) fn delay(&self, failures: u32) -> Duration {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.first.as_secs_f64() * self.factor.powi(exponent);
        // Infinite at some time, which is no duration.
        let wait = Duration::from_secs_f64(grown.min(self.max.as_secs_f64()));
        wait.mul_f64(0.8) + ids::jitter(wait.mul_f64(0.4))
    }
}

/// Something that does not work, told of when it begins and when it ends.
#[derive(Debug)]
pub(in crate::outbox) struct Trouble {
    with: &'static str,
    failures: u32,
}

impl Trouble {
    pub(in crate::outbox) fn new(with: &'static str) -> Self {
        Self { with, failures: 0 }
    }

    /// It failed; says how often by now.
    pub(in crate::outbox) fn again(&mut self, error: &(dyn Error + 'static)) -> u32 {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            tracing::warn!(exception.message = %error, "{} does not work and is tried again", self.with);
        }
        self.failures
    }

    pub(in crate::outbox) fn over(&mut self) {
        if self.failures > 0 {
            tracing::info!("{} works again", self.with);
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_vary_by_a_fifth() {
        let backoff = Backoff { first: Duration::from_secs(1), factor: 3.0, max: Duration::from_secs(20) };
        for (failures, seconds) in [(1, 1.0), (2, 3.0), (3, 9.0), (4, 20.0), (5_000, 20.0), (u32::MAX, 20.0)]
        {
            for _ in 0..100 {
                let share = backoff.delay(failures).as_secs_f64() / seconds;
                assert!((0.799..=1.201).contains(&share), "{failures}: {share}");
            }
        }
    }
}
