//! Metrics of tokio runtimes, under the names that `opentelemetry-instrumentation-tokio` gives them.
//!
//! A telemetry that is started inside a runtime watches that runtime by itself, under the name
//! `main`; [`crate::TelemetryBuilder::runtime_metrics`] turns that off. Others are watched on
//! request:
//!
//! ```
//! # fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let telemetry = throughline_toolkit::Telemetry::builder().service("query").start()?;
//! let heavy = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
//! let _watch = telemetry.watch_runtime("heavy", heavy.handle());
//! # Ok(()) }
//! ```
//!
//! | metric | kind, unit | what |
//! | --- | --- | --- |
//! | `tokio.workers` | gauge, `{worker}` | worker threads |
//! | `tokio.alive_tasks` | gauge, `{task}` | tasks spawned and not finished |
//! | `tokio.global_queue_depth` | gauge, `{task}` | tasks waiting in the queue of all workers |
//! | `tokio.worker.park_count` | counter | how often a worker had nothing to do |
//! | `tokio.worker.busy_duration` | counter, `ms` | how long a worker was at work |
//!
//! Each has the attribute `tokio.runtime.name`, those of workers `tokio.worker.index` as well. The
//! last two need 64-bit atomics. What tokio tells only when it is built with `tokio_unstable`
//! (polls, steals, blocking threads, I/O driver) is not here.

use std::sync::{Arc, OnceLock};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};
use parking_lot::Mutex;
use tokio::runtime::{Handle, RuntimeMetrics};

/// The runtime that telemetry was started in.
const MAIN: &str = "main";

/// The runtimes whose metrics one telemetry takes.
#[derive(Debug, Default)]
pub(crate) struct Runtimes {
    watched: Arc<Mutex<Vec<Watched>>>,
    instruments: OnceLock<()>,
    main: OnceLock<RuntimeWatch>,
}

#[derive(Debug)]
struct Watched {
    id: Arc<()>,
    metrics: RuntimeMetrics,
    labels: Vec<KeyValue>,
    /// The labels of each worker.
    workers: Vec<Vec<KeyValue>>,
}

/// Takes the metrics of a runtime as long as it lives. Made by
/// [`crate::Telemetry::watch_runtime`].
#[derive(Debug)]
#[must_use = "a runtime is watched only as long as this lives"]
pub struct RuntimeWatch {
    id: Arc<()>,
    watched: Arc<Mutex<Vec<Watched>>>,
}

impl Drop for RuntimeWatch {
    fn drop(&mut self) {
        self.watched.lock().retain(|watched| !Arc::ptr_eq(&watched.id, &self.id));
    }
}

impl Runtimes {
    /// Watches the runtime around the caller, if there is one.
    pub(crate) fn watch_current(&self, meter: &Meter) {
        if let Ok(handle) = Handle::try_current() {
            self.main.get_or_init(|| self.watch(meter, MAIN, &handle));
        }
    }

    pub(crate) fn watch(&self, meter: &Meter, name: &str, handle: &Handle) -> RuntimeWatch {
        let metrics = handle.metrics();
        let labels = vec![KeyValue::new("tokio.runtime.name", name.to_owned())];
        let worker = |index: usize| {
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            [labels.clone(), vec![KeyValue::new("tokio.worker.index", index)]].concat()
        };
        let (id, workers) = (Arc::new(()), (0..metrics.num_workers()).map(worker).collect());
        self.watched.lock().push(Watched { id: Arc::clone(&id), metrics, labels, workers });
        self.instruments.get_or_init(|| self.make_instruments(meter));
        RuntimeWatch { id, watched: Arc::clone(&self.watched) }
    }

    fn make_instruments(&self, meter: &Meter) {
        let gauge = |name: &'static str, unit: &'static str, text: &'static str| {
            meter.u64_observable_gauge(name).with_unit(unit).with_description(text)
        };
        let each = self.each(RuntimeMetrics::num_workers);
        gauge("tokio.workers", "{worker}", "Worker threads of the runtime.").with_callback(each).build();
        let each = self.each(RuntimeMetrics::num_alive_tasks);
        gauge("tokio.alive_tasks", "{task}", "Tasks that have not finished.").with_callback(each).build();
        let each = self.each(RuntimeMetrics::global_queue_depth);
        gauge("tokio.global_queue_depth", "{task}", "Tasks that wait in the queue of all workers.")
            .with_callback(each)
            .build();
        #[cfg(target_has_atomic = "64")]
        self.make_worker_instruments(meter);
    }

    #[cfg(target_has_atomic = "64")]
    fn make_worker_instruments(&self, meter: &Meter) {
        meter
            .u64_observable_counter("tokio.worker.park_count")
            .with_description("How often the worker had nothing to do and parked.")
            .with_callback(self.each_worker(RuntimeMetrics::worker_park_count))
            .build();
        let busy = |metrics: &RuntimeMetrics, worker: usize| {
            let busy = metrics.worker_total_busy_duration(worker);
            u64::try_from(busy.as_millis()).unwrap_or(u64::MAX)
        };
        meter
            .u64_observable_counter("tokio.worker.busy_duration")
            .with_unit("ms")
            .with_description("How long the worker was at work.")
            .with_callback(self.each_worker(busy))
            .build();
    }

    /// Observes one number of each runtime.
    fn each(
        &self,
        read: fn(&RuntimeMetrics) -> usize,
    ) -> impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static {
        let watched = Arc::clone(&self.watched);
        move |instrument| {
            for runtime in watched.lock().iter() {
                instrument.observe(read(&runtime.metrics) as u64, &runtime.labels);
            }
        }
    }

    /// Observes one number of each worker.
    #[cfg(target_has_atomic = "64")]
    fn each_worker(
        &self,
        read: impl Fn(&RuntimeMetrics, usize) -> u64 + Send + Sync + 'static,
    ) -> impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static {
        let watched = Arc::clone(&self.watched);
        move |instrument| {
            for runtime in watched.lock().iter() {
                for (worker, labels) in runtime.workers.iter().enumerate() {
                    instrument.observe(read(&runtime.metrics, worker), labels);
                }
            }
        }
    }
}
