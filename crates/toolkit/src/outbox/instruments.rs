//! What the relay measures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundCounter, Counter, Meter};
use parking_lot::Mutex;

use crate::messaging::names;
use crate::metrics::exemplars::Exemplars;
use crate::metrics::series::SeriesCache;
use crate::metrics::watched::Watched;
use crate::metrics::{BoundDuration, DurationHistogram};

/// Destinations beyond this have no gauges of their own.
const DESTINATIONS_MAX: usize = 1_000;

/// Instruments of outboxes.
#[derive(Debug)]
pub(crate) struct OutboxInstruments {
    latency: DurationHistogram,
    sent: Counter<u64>,
    failed: Counter<u64>,
    dead: Counter<u64>,
    removed: Counter<u64>,
    forgotten: Counter<u64>,
    series: SeriesCache<Series>,
    backlogs: Arc<Watched<Backlog>>,
}

#[derive(Debug, Clone)]
struct Series {
    latency: BoundDuration,
    sent: BoundCounter<u64>,
}

impl OutboxInstruments {
    pub(crate) fn new(meter: &Meter, exemplars: &Arc<Exemplars>) -> Self {
        let counter = |name: &'static str, text: &'static str| {
            meter.u64_counter(name).with_unit("{message}").with_description(text).build()
        };
        let backlogs = Watched::new();
        observe(meter, &backlogs);
        Self {
            latency: DurationHistogram::new(
                meter,
                "outbox_relay_latency_seconds",
                "From the staging of a message to the broker's acknowledgement.",
                exemplars,
            ),
            sent: counter("outbox.messages.sent", "Number of messages the broker acknowledged."),
            failed: counter("outbox.messages.failed", "Number of attempts that failed."),
            dead: counter("outbox.messages.dead", "Number of messages put aside."),
            removed: counter("outbox.messages.removed", "Number of messages sent long ago and removed."),
            forgotten: counter(
                "inbox.messages.forgotten",
                "Number of messages received long ago and forgotten.",
            ),
            series: SeriesCache::new(),
            backlogs,
        }
    }

    /// The broker has a message that was staged `latency` ago.
    pub(super) fn sent(&self, destination: &str, latency: Duration) {
        let bind = || {
            let labels = [to(destination)];
            Series { latency: self.latency.bind(&labels), sent: self.sent.bind(&labels) }
        };
        self.series.with(&destination, bind, |series| {
            series.latency.record(latency);
            series.sent.add(1);
        });
    }

    pub(super) fn failed(&self, destination: &str, error_type: &str) {
        self.failed.add(1, &[to(destination), KeyValue::new("error.type", error_type.to_owned())]);
    }

    pub(super) fn dead(&self, destination: &str, error_type: &str) {
        self.dead.add(1, &[to(destination), KeyValue::new("error.type", error_type.to_owned())]);
    }

    /// Rows left the outbox.
    pub(super) fn removed(&self, rows: u64) {
        self.removed.add(rows, &[]);
    }

    /// Rows left an inbox.
    pub(super) fn forgotten(&self, rows: u64) {
        self.forgotten.add(rows, &[]);
    }

    /// Tells of this backlog for as long as it lives.
    pub(super) fn watch(&self, backlog: &Arc<Backlog>) {
        self.backlogs.add(backlog);
    }
}

fn to(destination: &str) -> KeyValue {
    KeyValue::new(names::DESTINATION, destination.to_owned())
}

fn observe(meter: &Meter, backlogs: &Arc<Watched<Backlog>>) {
    let counts = |name: &'static str, text: &'static str, count: fn(&Waiting) -> u64| {
        let backlogs = Arc::clone(backlogs);
        let gauge = meter.u64_observable_gauge(name).with_unit("{message}").with_description(text);
        let _kept_by_the_sdk = gauge
            .with_callback(move |observer| {
                backlogs.each(|backlog| {
                    backlog.each(|destination, waiting, _| {
                        observer.observe(count(waiting), &[to(destination)]);
                    });
                });
            })
            .build();
    };
    counts("outbox.pending", "Number of messages to be sent.", |waiting| waiting.pending);
    counts("outbox.dead", "Number of messages put aside.", |waiting| waiting.dead);
    let backlogs = Arc::clone(backlogs);
    let _kept_by_the_sdk = meter
        .f64_observable_gauge("outbox.oldest_age")
        .with_unit("s")
        .with_description("How long ago the oldest message to be sent was staged.")
        .with_callback(move |observer| {
            backlogs.each(|backlog| {
                backlog.each(|destination, waiting, now| {
                    let since = waiting.oldest.map_or(0, |oldest| now.saturating_sub(oldest).max(0));
                    let age = Duration::from_micros(since.unsigned_abs()).as_secs_f64();
                    observer.observe(age, &[to(destination)]);
                });
            });
        })
        .build();
}

/// What the table held when a relay looked last.
pub(super) struct Backlog {
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    /// While the database cannot be asked, nothing leaves the table either: what was known last
    /// stays true, and its age grows.
    waiting: Mutex<BTreeMap<String, Waiting>>,
}

/// What waits for one destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) pending: u64,
    /// When the oldest was staged, in microseconds since 1970.
    pub(super) oldest: Option<i64>,
    pub(super) dead: u64,
}

impl Backlog {
    pub(super) fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { now: Box::new(now), waiting: Mutex::default() })
    }

    /// Takes what was found. Destinations where nothing waits any more are told of with zeros.
    pub(super) fn replace(&self, mut found: BTreeMap<String, Waiting>) {
        let mut waiting = self.waiting.lock();
        for known in std::mem::take(&mut *waiting).into_keys() {
            if found.len() < DESTINATIONS_MAX {
                found.entry(known).or_default();
            }
        }
        *waiting = found;
    }

    fn each(&self, mut look: impl FnMut(&str, &Waiting, i64)) {
        let now = (self.now)();
        for (destination, waiting) in self.waiting.lock().iter().take(DESTINATIONS_MAX) {
            look(destination, waiting, now);
        }
    }
}

impl std::fmt::Debug for Backlog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backlog").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}
