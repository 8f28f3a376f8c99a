//! The handle a service keeps for its lifetime.

mod flusher;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::Dispatch;

use crate::api_span::ApiTracerProvider;
use crate::core::Core;
use crate::export::thread::ExportThread;
use crate::metrics::DurationHistogram;
use crate::metrics::meters::Meters;
use crate::{InitError, ShutdownReport, TelemetryBuilder};
pub(crate) use flusher::Flusher;

/// Starts traces, metrics and logs for this process, configured by the environment.
///
/// `service` is the default of `service.name`; `OTEL_SERVICE_NAME` overrides it.
///
/// # Errors
/// When a `tracing` subscriber is already installed, or a setting that cannot be guessed around
/// (a certificate file) is wrong. Never because of the collector.
pub fn init(service: &str) -> Result<Telemetry, InitError> {
    Telemetry::builder().service(service).install()
}

/// The running telemetry of this process.
///
/// Keep it until the end of `main` and call [`Telemetry::shutdown`]; dropping it without that
/// flushes for at most one second.
#[derive(Debug)]
pub struct Telemetry {
    core: Arc<Core>,
    out: Flusher,
    dispatch: Dispatch,
    stopping: AtomicBool,
    report: Mutex<Option<ShutdownReport>>,
}

/// How long a handle that is dropped without shutdown tries to send what is waiting.
const DROP_LIMIT: Duration = Duration::from_secs(1);

impl Telemetry {
    pub(crate) fn new(core: Arc<Core>, thread: ExportThread, meters: Meters, dispatch: Dispatch) -> Self {
        let (stopping, report) = (AtomicBool::new(false), Mutex::new(None));
        Self { core, out: Flusher { thread, meters }, dispatch, stopping, report }
    }

    /// Makes the meters and the propagation of the OpenTelemetry API this telemetry's.
    pub(crate) fn install_globals(&self) {
        opentelemetry::global::set_meter_provider(self.out.meters.clone());
        opentelemetry::global::set_tracer_provider(self.tracer_provider());
    }

    /// Configures telemetry in code.
    #[must_use]
    pub fn builder() -> TelemetryBuilder {
        TelemetryBuilder::default()
    }

    /// `service.name` as it was resolved.
    #[must_use]
    pub fn service_name(&self) -> &str {
        &self.core.settings.service_name
    }

    /// A meter for the service's own instruments, the same that `opentelemetry::global::meter`
    /// gives once this telemetry is installed.
    ///
    /// Histograms in seconds (unit `s`) get the boundaries 0.001 0.005 0.01 0.025 0.05 0.1 0.25
    /// 0.5 1 2 5 unless they are made with others. Every histogram, of any unit, keeps exemplars:
    /// the latest measurement of each bucket that was taken inside a sampled span
    /// (`OTEL_METRICS_EXEMPLAR_FILTER`). Counters and gauges keep none.
    #[must_use]
    pub fn meter(&self, name: &'static str) -> Meter {
        self.out.meters.meter(name)
    }

    /// Makes spans for code that uses the OpenTelemetry API. They nest with `tracing` spans in
    /// either direction and leave by the same way.
    #[must_use]
    pub fn tracer_provider(&self) -> ApiTracerProvider {
        ApiTracerProvider::new(Arc::clone(&self.core))
    }

    /// A histogram of durations: one of [`Telemetry::meter`] with the unit `s`, recorded as a
    /// [`Duration`].
    #[must_use]
    pub fn duration_histogram(&self, name: &'static str, description: &'static str) -> DurationHistogram {
        let meter = self.out.meters.own();
        DurationHistogram::new(&meter, name, description, &self.core.exemplars)
    }

    /// The `tracing` subscriber of this telemetry, for use without installing it: see
    /// [`TelemetryBuilder::start`].
    #[must_use]
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// Takes the metrics of a tokio runtime under a name of its own, until the answer is dropped.
    /// See [`crate::runtime`].
    #[cfg(feature = "runtime")]
    pub fn watch_runtime(&self, name: &str, handle: &tokio::runtime::Handle) -> crate::runtime::RuntimeWatch {
        self.core.runtimes.watch(&self.out.meters.own(), name, handle)
    }

    /// The metrics as Prometheus reads them; nothing when that is turned off.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus(&self) -> crate::prometheus::PrometheusReader {
        self.core.prometheus.clone().unwrap_or_else(|| {
            let nothing = crate::prometheus::SharedReader::default();
            crate::prometheus::PrometheusReader::new(nothing, Arc::clone(&self.core.exemplars))
        })
    }

    /// What the [audit](crate::audit) has found so far in what was exported; empty when it is off.
    #[cfg(feature = "audit")]
    #[must_use]
    pub fn audit(&self) -> crate::audit::AuditReport {
        self.core.auditor.as_ref().map(crate::audit::Auditor::report).unwrap_or_default()
    }

    /// Counts so far.
    #[must_use]
    pub fn stats(&self) -> ShutdownReport {
        self.report.lock().unwrap_or_else(|| self.core.report(false))
    }

    /// Sends what is waiting, for at most `limit`. The report says how far it got.
    pub async fn flush(&self, limit: Duration) -> ShutdownReport {
        let complete = self.out.begin(limit).wait().await;
        self.core.report(complete)
    }

    /// Sends what is waiting, stops, and says what was exported and what was lost.
    ///
    /// Returns within `limit`, whatever the collector does. Needs no particular runtime. A later
    /// call returns the same report.
    pub async fn shutdown(&self, limit: Duration) -> ShutdownReport {
        match self.begin_shutdown(limit) {
            Some(waiter) => {
                let complete = waiter.wait().await;
                self.conclude(complete)
            }
            None => self.stats(),
        }
    }

    /// [`Telemetry::shutdown`] for programs without an async runtime.
    pub fn shutdown_blocking(&self, limit: Duration) -> ShutdownReport {
        match self.begin_shutdown(limit) {
            Some(waiter) => {
                let complete = waiter.wait_blocking(limit);
                self.conclude(complete)
            }
            None => self.stats(),
        }
    }

    /// What is behind the handle.
    #[cfg(all(feature = "testing", feature = "audit"))]
    pub(crate) fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core)
    }

    /// Flushes for those who do not hold the handle.
    #[cfg(feature = "testing")]
    pub(crate) fn flusher(&self) -> Flusher {
        self.out.clone()
    }

    /// Starts the end, once.
    fn begin_shutdown(&self, limit: Duration) -> Option<Waiter> {
        if self.stopping.swap(true, Ordering::AcqRel) {
            return None;
        }
        let (waiter, votes) = Waiter::new();
        let (collected, after) = oneshot::channel();
        self.out.thread.finish(limit, after, &|| votes.done());
        let meters = self.out.meters.sdk.clone();
        // The SDK's shutdown blocks and has no limit; the export thread's deadline has.
        helper("throughline-stop", move || {
            let _reported_by_the_lane = meters.shutdown().is_err();
            let _lane_is_gone = collected.send(()).is_err();
        });
        Some(waiter)
    }

    fn conclude(&self, complete: bool) -> ShutdownReport {
        let mut report = self.core.report(complete);
        report.log_lines_dropped = self.core.output.close();
        *self.report.lock() = Some(report);
        report
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if !self.stopping.load(Ordering::Acquire) {
            self.shutdown_blocking(DROP_LIMIT);
        }
    }
}

fn helper(name: &str, work: impl FnOnce() + Send + 'static) {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        crate::layer::active::silence_thread();
        work();
    });
    // Without a thread the work is dropped, which its receivers take as its end.
    drop(spawned);
}

/// Waits for all votes that were handed out.
struct Waiter {
    all: oneshot::Receiver<bool>,
}

/// Hands out votes; the last one given or dropped decides.
struct Votes(Arc<Ballot>);

struct Ballot {
    failed: AtomicBool,
    all: Mutex<Option<oneshot::Sender<bool>>>,
}

impl Drop for Ballot {
    fn drop(&mut self) {
        if let Some(all) = self.all.get_mut().take() {
            let _nobody_waits = all.send(!*self.failed.get_mut()).is_err();
        }
    }
}

/// Counts as a failed vote when it is dropped unused.
struct Vote {
    ballot: Arc<Ballot>,
    given: bool,
}

impl Vote {
    fn give(mut self, complete: bool) {
        self.given = complete;
    }
}

impl Drop for Vote {
    fn drop(&mut self) {
        if !self.given {
            self.ballot.failed.store(true, Ordering::Release);
        }
    }
}

impl Waiter {
    fn new() -> (Self, Votes) {
        let (sender, all) = oneshot::channel();
        let ballot = Ballot { failed: AtomicBool::new(false), all: Mutex::new(Some(sender)) };
        (Self { all }, Votes(Arc::new(ballot)))
    }

    async fn wait(self) -> bool {
        self.all.await.unwrap_or(false)
    }

    fn wait_blocking(mut self, limit: Duration) -> bool {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let waker = futures::task::waker(Arc::new(Wake(sender)));
        let mut context = std::task::Context::from_waker(&waker);
        // The export thread keeps the limit; the margin only covers its last steps.
        let until = std::time::Instant::now() + limit + Duration::from_millis(90);
        loop {
            if let std::task::Poll::Ready(vote) = std::pin::Pin::new(&mut self.all).poll(&mut context) {
                return vote.unwrap_or(false);
            }
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() || receiver.recv_timeout(left).is_err() {
                return false;
            }
        }
    }
}

struct Wake(std::sync::mpsc::SyncSender<()>);

impl futures::task::ArcWake for Wake {
    fn wake_by_ref(this: &Arc<Self>) {
        // A full channel already holds the wake-up.
        let _already_awake = this.0.try_send(()).is_err();
    }
}

impl Votes {
    fn done(&self) -> Box<dyn FnOnce(bool) + Send> {
        let vote = Vote { ballot: Arc::clone(&self.0), given: false };
        Box::new(move |complete| vote.give(complete))
    }
}
