//! The collector in the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::trace::TraceId;
use parking_lot::Mutex;

use super::server::Server;
use super::store::{Arrived, Request, Store};
use super::{Behaviour, Log, Metric, Shown, Span, Trace};
#[cfg(feature = "audit")]
use crate::core::Core;
use crate::telemetry::Flusher;
use crate::{Environment, Telemetry, TelemetryBuilder};

/// A collector in this process: it takes OTLP on a loopback port and remembers it. Dropping it
/// stops it.
///
/// See the [module](super) for what can be done with it.
#[derive(Debug)]
pub struct Sink {
    server: Server,
    store: Arc<Store>,
    /// Telemetry that is made to send before something is looked for.
    senders: Mutex<Vec<Flusher>>,
    #[cfg(feature = "audit")]
    cores: Mutex<Vec<Arc<Core>>>,
    limit: Duration,
}

/// How long something is waited for.
const LIMIT: Duration = Duration::from_secs(10);
/// How often senders are made to send while something is waited for.
const STEP: Duration = Duration::from_millis(50);
/// How long senders may take to send.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

impl Sink {
    /// Starts a sink that takes everything.
    ///
    /// # Panics
    /// When no port or no thread can be had.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(Behaviour::Works)
    }

    /// Starts a sink that misbehaves.
    ///
    /// # Panics
    /// When no port or no thread can be had.
    #[must_use]
    #[track_caller]
    pub fn start_with(behaviour: Behaviour) -> Self {
        let store = Arc::new(Store::new());
        match Server::start(&store, behaviour) {
            Ok(server) => Self {
                server,
                store,
                senders: Mutex::default(),
                #[cfg(feature = "audit")]
                cores: Mutex::default(),
                limit: LIMIT,
            },
            Err(fault) => panic!("the sink cannot start: {fault}"),
        }
    }

    /// Waits at most this long for what is asked for, instead of ten seconds.
    #[must_use]
    pub fn waiting_at_most(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Treats requests like this from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.server.behave(behaviour);
    }

    /// Where it listens: `http://127.0.0.1:PORT`, for any of the three protocols.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The environment of a process that is to send here soon after something happens.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let pairs = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.endpoint()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned()),
            ("OTEL_BLRP_SCHEDULE_DELAY", "20".to_owned()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "250".to_owned()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    /// A builder of telemetry that sends here, whatever the environment of the process says. It
    /// writes no log lines and takes no metrics by itself. [`Sink::attach`] what it starts.
    #[must_use]
    pub fn builder(&self, service: &str) -> TelemetryBuilder {
        let environment = Environment::from_pairs(self.variables());
        let builder = Telemetry::builder().service(service).log_lines(false).environment(environment);
        #[cfg(feature = "runtime")]
        let builder = builder.runtime_metrics(false);
        #[cfg(feature = "process")]
        let builder = builder.process_metrics(false);
        builder
    }

    /// Telemetry of a service that sends here. It is not installed: run the code under test
    /// within [`Telemetry::dispatch`].
    ///
    /// # Panics
    /// When it cannot start.
    #[must_use]
    #[track_caller]
    pub fn telemetry(&self, service: &str) -> Telemetry {
        match self.builder(service).start() {
            Ok(telemetry) => {
                self.attach(&telemetry);
                telemetry
            }
            Err(fault) => panic!("telemetry of {service} cannot start: {fault}"),
        }
    }

    /// Makes this telemetry send what it has each time something is looked for here.
    pub fn attach(&self, telemetry: &Telemetry) {
        self.senders.lock().push(telemetry.flusher());
        #[cfg(feature = "audit")]
        self.cores.lock().push(telemetry.core());
    }

    /// What stands behind the telemetry that was attached.
    #[cfg(feature = "audit")]
    pub(super) fn cores(&self) -> Vec<Arc<Core>> {
        self.cores.lock().clone()
    }

    /// Every span so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.arrived().spans
    }

    /// Every log record so far.
    #[must_use]
    pub fn logs(&self) -> Vec<Log> {
        self.arrived().logs
    }

    /// Every metric so far, once for each export it was in.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        self.arrived().metrics
    }

    /// Every request so far, taken or not. Nothing is made to send for this.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.store.read().requests
    }

    /// Every trace of which a span has arrived, in the order of their first spans.
    #[must_use]
    pub fn traces(&self) -> Vec<Trace<'_>> {
        let mut spans = self.spans();
        spans.sort_by_key(Span::start_ns);
        let mut ids: Vec<TraceId> = Vec::new();
        for span in &spans {
            if !ids.contains(&span.trace_id()) {
                ids.push(span.trace_id());
            }
        }
        ids.into_iter().map(|id| self.trace(id)).collect()
    }

    /// The trace of this id, whether any of it has arrived or not.
    #[must_use]
    pub fn trace(&self, id: TraceId) -> Trace<'_> {
        Trace::new(self, id)
    }

    /// The one trace that has a span of this name.
    ///
    /// # Panics
    /// When none arrives in time, or several have.
    #[must_use]
    #[track_caller]
    pub fn trace_of(&self, span_name: &str) -> Trace<'_> {
        let named = |span: &Span| span.name() == span_name;
        match self.look(|arrived| some(ids_of(&arrived.spans, named))).as_deref() {
            Some([id]) => self.trace(*id),
            Some(ids) => self.fail(&format!("{} traces have a span {span_name:?}, not one", ids.len())),
            None => self.fail(&format!("no trace has a span {span_name:?}")),
        }
    }

    /// The one metric of this name, as it was exported last by each service that has it.
    ///
    /// # Panics
    /// When none arrives in time.
    #[must_use]
    #[track_caller]
    pub fn metric(&self, name: &str) -> Metric {
        self.metric_where(name, |_| true)
    }

    /// The metric of this name, once `condition` holds for it.
    ///
    /// # Panics
    /// When that does not happen in time.
    #[track_caller]
    pub fn metric_where(&self, name: &str, condition: impl Fn(&Metric) -> bool) -> Metric {
        let latest = |arrived: &Arrived| Metric::latest(&arrived.metrics, name).filter(&condition);
        self.look(latest).unwrap_or_else(|| {
            let metrics = self.store.read().metrics;
            match Metric::latest(&metrics, name) {
                Some(found) => panic!("metric {name} is not yet as it should be: {found:#?}"),
                None => {
                    let mut names: Vec<_> = metrics.iter().map(Metric::name).collect();
                    names.sort_unstable();
                    names.dedup();
                    panic!("no metric {name} among {names:?}{}", self.faults())
                }
            }
        })
    }

    /// The one log record whose body contains `text`.
    ///
    /// # Panics
    /// When none arrives in time, or several have.
    #[must_use]
    #[track_caller]
    pub fn log(&self, text: &str) -> Log {
        let found = |arrived: &Arrived| {
            some(arrived.logs.iter().filter(|log| log.body().contains(text)).cloned().collect())
        };
        match self.look(found).as_deref() {
            Some([log]) => log.clone(),
            Some(several) => panic!("{} log records say {text:?}: {several:#?}", several.len()),
            None => panic!("no log record says {text:?}: {:#?}{}", self.store.read().logs, self.faults()),
        }
    }

    /// Waits until `condition` holds for the spans that have arrived, at most for `limit`.
    ///
    /// # Panics
    /// When it does not hold in time.
    #[track_caller]
    pub fn wait_for(&self, condition: impl Fn(&[Span]) -> bool, limit: Duration) {
        let found = self.look_for(limit, |arrived| condition(&arrived.spans).then_some(()));
        if found.is_none() {
            self.fail(&format!("not within {limit:?}: what was waited for"));
        }
    }

    /// [`Sink::wait_for`] that lets other tasks run meanwhile. Needs no particular runtime.
    ///
    /// # Panics
    /// When the condition does not hold in time.
    pub async fn until(&self, condition: impl Fn(&[Span]) -> bool, limit: Duration) {
        let mut changes = self.store.changes();
        let mut over = self.server.runtime.spawn(tokio::time::sleep(limit));
        while !condition(&self.store.read().spans) {
            tokio::select! {
                _ = changes.changed() => {}
                _ = &mut over => self.fail(&format!("not within {limit:?}: what was waited for")),
            }
        }
        over.abort();
    }

    /// Looks at what has arrived until `look` finds something.
    pub(super) fn look<R>(&self, look: impl Fn(&Arrived) -> Option<R>) -> Option<R> {
        self.look_for(self.limit, look)
    }

    fn look_for<R>(&self, limit: Duration, look: impl Fn(&Arrived) -> Option<R>) -> Option<R> {
        let over = Instant::now() + limit;
        loop {
            self.flush();
            let step = over.min(Instant::now() + STEP);
            let found = self.store.wait(step, &look);
            if found.is_some() || Instant::now() >= over {
                return found;
            }
        }
    }

    pub(super) fn arrived(&self) -> Arrived {
        self.flush();
        self.store.read()
    }

    fn flush(&self) {
        let senders = self.senders.lock().clone();
        for sender in senders {
            sender.flush_blocking(FLUSH_LIMIT);
        }
    }

    /// Ends the test with everything that has arrived.
    #[track_caller]
    fn fail(&self, why: &str) -> ! {
        let spans = self.store.read().spans;
        let shown = Shown::of(&spans).everything();
        panic!("{why}; {} spans have arrived:\n{shown}{}", spans.len(), self.faults())
    }

    /// What was wrong with requests, for a message.
    pub(super) fn faults(&self) -> String {
        let faults = self.store.read().faults;
        if faults.is_empty() { String::new() } else { format!("\nrequests that are no OTLP: {faults:?}") }
    }
}

/// The traces that have such a span, each once.
fn ids_of(spans: &[Span], wanted: impl Fn(&Span) -> bool) -> Vec<TraceId> {
    let mut ids = Vec::new();
    for span in spans.iter().filter(|span| wanted(span)) {
        if !ids.contains(&span.trace_id()) {
            ids.push(span.trace_id());
        }
    }
    ids
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
