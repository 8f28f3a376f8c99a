//! `db.client.connection.*`: what a pool of connections has, and how long one waits for it.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter, UpDownCounter};
use tracing::Span;

use super::error_type;
use crate::core::Core;
use crate::fields::{Key, Stored};
use crate::metrics::DurationHistogram;
use crate::metrics::exemplars::Exemplars;
use crate::metrics::watched::Watched;
use crate::{clock, layer, record_error};

/// A wait for a connection that is worth a span.
const SLOW: Duration = Duration::from_millis(5);

/// A pool as its gauges see it.
pub(super) trait Connections: std::fmt::Debug + Send + Sync {
    /// `db.client.connection.pool.name`.
    fn name(&self) -> &str;
    fn count(&self) -> Count;
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    pub(super) idle: i64,
    pub(super) used: i64,
    pub(super) idle_min: i64,
    pub(super) max: i64,
}

/// Instruments of connection pools.
#[derive(Debug)]
pub(crate) struct PoolInstruments {
    watched: Arc<Watched<dyn Connections>>,
    pending: UpDownCounter<i64>,
    timeouts: Counter<u64>,
    wait: DurationHistogram,
}

impl PoolInstruments {
    pub(super) fn new(meter: &Meter, exemplars: &Arc<Exemplars>) -> Self {
        let watched = Watched::new();
        let gauge = |name: &'static str, text: &'static str, points: fn(&str, Count) -> Vec<Point>| {
            let watched: Arc<Watched<dyn Connections>> = Arc::clone(&watched);
            let builder = meter.i64_observable_up_down_counter(name).with_unit("{connection}");
            let _kept_by_the_sdk = builder
                .with_description(text)
                .with_callback(move |observer| {
                    watched.each(|pool| {
                        for (value, attributes) in points(pool.name(), pool.count()) {
                            observer.observe(value, &attributes);
                        }
                    });
                })
                .build();
        };
        gauge(
            "db.client.connection.count",
            "The number of connections that are currently in state described by the state attribute.",
            |pool, count| vec![in_state(pool, "idle", count.idle), in_state(pool, "used", count.used)],
        );
        gauge(
            "db.client.connection.idle.min",
            "The minimum number of idle open connections allowed.",
            |pool, count| vec![(count.idle_min, vec![named(pool)])],
        );
        gauge(
            "db.client.connection.max",
            "The maximum number of open connections allowed.",
            |pool, count| vec![(count.max, vec![named(pool)])],
        );
        Self {
            watched,
            pending: meter
                .i64_up_down_counter("db.client.connection.pending_requests")
                .with_unit("{request}")
                .with_description("The number of current pending requests for an open connection.")
                .build(),
            timeouts: meter
                .u64_counter("db.client.connection.timeouts")
                .with_unit("{timeout}")
                .with_description("The number of connection timeouts that have occurred trying to obtain a connection from the pool.")
                .build(),
            wait: DurationHistogram::new(
                meter,
                "db.client.connection.wait_time",
                "The time it took to obtain an open connection from the pool.",
                exemplars,
            ),
        }
    }

    pub(super) fn watch(&self, pool: &Arc<dyn Connections>) {
        self.watched.add(pool);
    }
}

type Point = (i64, Vec<KeyValue>);

fn named(pool: &str) -> KeyValue {
    KeyValue::new("db.client.connection.pool.name", pool.to_owned())
}

fn in_state(pool: &str, state: &'static str, count: i64) -> Point {
    (count, vec![named(pool), KeyValue::new("db.client.connection.state", state)])
}

/// Somebody waits for a connection.
pub(super) struct Waiting {
    core: Arc<Core>,
    pool: [KeyValue; 1],
    system: &'static str,
    started: u64,
}

impl Waiting {
    pub(super) fn begin(core: Arc<Core>, pool: &str, system: &'static str) -> Self {
        let pool = [named(pool)];
        core.db.pools.pending.add(1, &pool);
        Self { core, pool, system, started: clock::monotonic_ns() }
    }

    /// Measures the wait; a long one and a failed one become a span.
    pub(super) fn end<T>(self, outcome: &Result<T, sqlx::Error>) {
        let waited = Duration::from_nanos(clock::monotonic_ns().saturating_sub(self.started));
        let span = (waited >= SLOW || outcome.is_err()).then(|| self.span());
        let pools = &self.core.db.pools;
        if let Err(error) = outcome {
            if matches!(error, sqlx::Error::PoolTimedOut) {
                pools.timeouts.add(1, &self.pool);
            }
            if let Some(span) = &span {
                record_error(span, error, &error_type(error));
            }
            return;
        }
        let _entered = span.as_ref().map(Span::enter);
        pools.wait.record(waited, &self.pool);
    }

    fn span(&self) -> Span {
        let span = tracing::info_span!("acquire connection");
        layer::with_data(&span, |data, core| {
            let limits = core.settings.span_limits.fields;
            data.start_at(clock::wall_ns(self.started));
            data.fields.set(Key::Static("db.system.name"), Stored::Static(self.system), limits);
            let [pool] = &self.pool;
            data.fields.set_str("db.client.connection.pool.name", &pool.value.as_str(), limits);
        });
        span
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.core.db.pools.pending.add(-1, &self.pool);
    }
}
