//! The `memory_limiter` section, key for key as in the Collector.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{SettingsError, duration};

/// How much memory ingest may use. Give either `limit_mib` or `limit_percentage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryLimiterSettings {
    /// How often the process's memory is measured.
    #[serde(with = "duration")]
    pub check_interval: Duration,
    /// Hard limit in MiB; 0 takes `limit_percentage`.
    pub limit_mib: u64,
    /// What is kept free below the hard limit for requests already admitted; 0 is a fifth of the
    /// limit. New requests are refused above `limit - spike`.
    pub spike_limit_mib: u64,
    /// Hard limit in per cent of the memory that the process may use (its cgroup, else the machine).
    pub limit_percentage: u64,
    /// `spike_limit_mib` in per cent.
    pub spike_limit_percentage: u64,
    /// Accepted: a memory-managed runtime is not there to be asked.
    #[serde(with = "duration")]
    pub min_gc_interval_when_soft_limited: Duration,
    /// Accepted: see above.
    #[serde(with = "duration")]
    pub min_gc_interval_when_hard_limited: Duration,
    /// Accepted: see above.
    #[serde(with = "duration")]
    pub max_gc_interval_when_soft_limited: Duration,
    /// Accepted: see above.
    #[serde(with = "duration")]
    pub max_gc_interval_when_hard_limited: Duration,
}

impl Default for MemoryLimiterSettings {
    fn default() -> Self {
        Self {
            check_interval: Duration::from_secs(1),
            limit_mib: 0,
            spike_limit_mib: 0,
            limit_percentage: 0,
            spike_limit_percentage: 0,
            min_gc_interval_when_soft_limited: Duration::from_secs(10),
            min_gc_interval_when_hard_limited: Duration::ZERO,
            max_gc_interval_when_soft_limited: Duration::from_secs(30),
            max_gc_interval_when_hard_limited: Duration::from_secs(30),
        }
    }
}

const MIB: u64 = 1024 * 1024;

/// The two bounds in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// New requests are refused above this.
    pub(super) soft: u64,
    /// Requests that grow are refused above this.
    pub(super) hard: u64,
}

impl MemoryLimiterSettings {
    /// Half of the memory that the process may use, a fifth of that kept free: what guards
    /// receivers when the configuration names no limiter.
    #[must_use]
    pub fn built_in() -> Self {
        Self { limit_percentage: 50, spike_limit_percentage: 10, ..Self::default() }
    }

    /// Checks the settings without measuring anything.
    ///
    /// # Errors
    /// No limit, a spike that leaves nothing, a percentage over 100, or no check interval.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.bounds(1 << 40).map(|_| ())
    }

    pub(super) fn bounds(&self, memory_bytes: u64) -> Result<Bounds, SettingsError> {
        if self.check_interval.is_zero() {
            return Err(SettingsError::new("check_interval", "must be greater than zero, as 1s"));
        }
        let (hard, spike, spike_key) = if self.limit_mib > 0 {
            (self.limit_mib.saturating_mul(MIB), self.spike_limit_mib.saturating_mul(MIB), "spike_limit_mib")
        } else if self.limit_percentage > 0 {
            percentage("limit_percentage", self.limit_percentage)?;
            percentage("spike_limit_percentage", self.spike_limit_percentage)?;
            let share = |percent: u64| memory_bytes / 100 * percent;
            (share(self.limit_percentage), share(self.spike_limit_percentage), "spike_limit_percentage")
        } else {
            return Err(SettingsError::new("limit_mib", "set limit_mib or limit_percentage"));
        };
        let spike = if spike == 0 { hard / 5 } else { spike };
        if spike >= hard {
            return Err(SettingsError::new(spike_key, "must be smaller than the limit"));
        }
        Ok(Bounds { soft: hard - spike, hard })
    }
}

fn percentage(key: &'static str, value: u64) -> Result<(), SettingsError> {
    if value > 100 {
        return Err(SettingsError::new(key, "must be 100 at most"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> MemoryLimiterSettings {
        serde_yaml_ng::from_str(yaml).unwrap()
    }

    #[test]
    fn the_founding_configuration_gives_256_mib_to_new_requests() {
        let settings = parse("{check_interval: 1s, limit_mib: 512, spike_limit_mib: 256}");
        assert_eq!(settings.bounds(0), Ok(Bounds { soft: 256 * MIB, hard: 512 * MIB }));
    }

    #[test]
    fn percentages_are_of_the_memory_the_process_may_use() {
        let settings = parse("{check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 25}");
        assert_eq!(settings.bounds(1000), Ok(Bounds { soft: 550, hard: 800 }));
    }

    #[test]
    fn the_spike_is_a_fifth_unless_said_otherwise() {
        assert_eq!(parse("{limit_percentage: 100}").bounds(1000), Ok(Bounds { soft: 800, hard: 1000 }));
    }

    #[test]
    fn names_the_key_that_makes_no_sense() {
        for (yaml, key) in [
            ("{}", "limit_mib"),
            ("{limit_mib: 10, spike_limit_mib: 10}", "spike_limit_mib"),
            ("{limit_percentage: 101}", "limit_percentage"),
            ("{limit_percentage: 50, spike_limit_percentage: 50}", "spike_limit_percentage"),
            ("{check_interval: 0s, limit_mib: 1}", "check_interval"),
        ] {
            assert_eq!(parse(yaml).validate().unwrap_err().key, key, "{yaml}");
        }
        assert!(serde_yaml_ng::from_str::<MemoryLimiterSettings>("{ballast_size_mib: 1}").is_err());
    }
}
