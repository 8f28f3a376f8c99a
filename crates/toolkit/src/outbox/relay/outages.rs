//! Destinations that cannot be reached.

use std::collections::HashMap;
use std::error::Error;

use super::Settings;

/// Which destinations are left alone, and until when.
#[derive(Debug, Default)]
pub(super) struct Outages {
    down: HashMap<String, Outage>,
}

#[derive(Debug)]
struct Outage {
    failures: u32,
    /// Microseconds since 1970.
    until: i64,
}

impl Outages {
    /// The destinations to be left alone for now, as a JSON list.
    pub(super) fn closed(&self, now: i64) -> String {
        let closed: Vec<&str> = self
            .down
            .iter()
            .filter(|(_, outage)| outage.until > now)
            .map(|(name, _)| name.as_str())
            .collect();
        serde_json::to_string(&closed).unwrap_or_else(|_| "[]".to_owned())
    }

    /// Some are down: what is sent now finds out whether they still are.
    pub(super) fn any(&self) -> bool {
        !self.down.is_empty()
    }

    /// How often a destination was tried in vain.
    pub(super) fn failures(&self, destination: &str) -> u32 {
        self.down.get(destination).map_or(0, |outage| outage.failures)
    }

    /// A destination could not be reached.
    pub(super) fn failed(
        &mut self,
        destination: &str,
        now: i64,
        settings: &Settings,
        error: &(dyn Error + 'static),
    ) {
        let outage = match self.down.get_mut(destination) {
            Some(outage) => outage,
            None => {
                let cause = error.source().unwrap_or(error);
                tracing::warn!(messaging.destination.name = destination, exception.message = %cause,
                    "{error}: messages wait");
                self.down.entry(destination.to_owned()).or_insert(Outage { failures: 0, until: now })
            }
        };
        outage.failures = outage.failures.saturating_add(1);
        let delay = settings.backoff.delay(outage.failures).as_micros();
        outage.until = now.saturating_add(i64::try_from(delay).unwrap_or(i64::MAX));
    }

    /// A destination took a message, or refused it in person.
    pub(super) fn reached(&mut self, destination: &str) {
        if self.down.remove(destination).is_some() {
            tracing::info!(messaging.destination.name = destination, "the broker is available again");
        }
    }

    /// When the first of them is tried again.
    pub(super) fn next(&self) -> Option<i64> {
        self.down.values().map(|outage| outage.until).min()
    }
}
