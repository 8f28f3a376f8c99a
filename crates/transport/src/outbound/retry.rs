//! When to try again.

use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Serialize};
use throughline_pipeline::{SettingsError, duration};

/// `retry_on_failure`, with the Collector's defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrySettings {
    /// Off: what fails once is given up.
    pub enabled: bool,
    /// The first delay.
    #[serde(with = "duration")]
    pub initial_interval: Duration,
    /// Each delay is drawn from so much of it below and above.
    pub randomization_factor: f64,
    /// Each delay is so many times the one before.
    pub multiplier: f64,
    /// The longest delay.
    #[serde(with = "duration")]
    pub max_interval: Duration,
    /// Give up after this long; 0 is never, which loses nothing while the log has room.
    #[serde(with = "duration")]
    pub max_elapsed_time: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(300),
        }
    }
}

impl RetrySettings {
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        if !(0.0..=1.0).contains(&self.randomization_factor) {
            return Err(SettingsError::new("retry_on_failure.randomization_factor", "must be 0 to 1"));
        }
        if !(1.0..=100.0).contains(&self.multiplier) {
            return Err(SettingsError::new("retry_on_failure.multiplier", "must be 1 to 100"));
        }
        if self.enabled && self.initial_interval.is_zero() {
            return Err(SettingsError::new("retry_on_failure.initial_interval", "must be greater than zero"));
        }
        Ok(())
    }
}

/// The delays of one send.
#[derive(Debug)]
pub(super) struct Backoff<'a> {
    settings: &'a RetrySettings,
    next: Duration,
}

impl<'a> Backoff<'a> {
    pub(super) fn new(settings: &'a RetrySettings) -> Self {
        Self { settings, next: settings.initial_interval.min(settings.max_interval) }
    }

    /// The delay before the next attempt, never below what the destination asked for; `None` when
    /// the attempt would come too late.
    pub(super) fn next(
        &mut self,
        elapsed: Duration,
        asked: Option<Duration>,
        random: &mut impl Rng,
    ) -> Option<Duration> {
        let RetrySettings { randomization_factor, multiplier, max_interval, max_elapsed_time, .. } =
            *self.settings;
        if !self.settings.enabled {
            return None;
        }
        let spread = 1.0 + randomization_factor * random.random_range(-1.0..=1.0);
        let delay = self.next.mul_f64(spread).max(asked.unwrap_or_default());
        self.next = self.next.mul_f64(multiplier).min(max_interval);
        let too_late = !max_elapsed_time.is_zero() && elapsed + delay > max_elapsed_time;
        (!too_late).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn delays_grow_to_the_longest_within_their_spread() {
        let settings = RetrySettings::default();
        let (mut backoff, mut random) = (Backoff::new(&settings), StdRng::seed_from_u64(1));
        let mut expected = 5.0;
        for _ in 0..20 {
            let delay = backoff.next(Duration::ZERO, None, &mut random).unwrap().as_secs_f64();
            assert!((expected * 0.5..=expected * 1.5).contains(&delay), "{delay} around {expected}");
            expected = f64::min(expected * 1.5, 30.0);
        }
    }

    #[test]
    fn the_destinations_delay_is_honoured() {
        let settings = RetrySettings::default();
        let asked = Some(Duration::from_secs(60));
        let mut random = StdRng::seed_from_u64(1);
        assert_eq!(Backoff::new(&settings).next(Duration::ZERO, asked, &mut random), asked);
    }

    #[test]
    fn gives_up_when_the_next_attempt_would_come_too_late_and_never_with_zero() {
        let mut random = StdRng::seed_from_u64(1);
        let mut settings =
            RetrySettings { max_elapsed_time: Duration::from_secs(10), ..RetrySettings::default() };
        let late = Duration::from_secs(9);
        assert_eq!(Backoff::new(&settings).next(late, None, &mut random), None);
        settings.max_elapsed_time = Duration::ZERO;
        assert!(Backoff::new(&settings).next(Duration::from_secs(1 << 30), None, &mut random).is_some());
        settings.enabled = false;
        assert_eq!(Backoff::new(&settings).next(Duration::ZERO, None, &mut random), None);
    }
}
