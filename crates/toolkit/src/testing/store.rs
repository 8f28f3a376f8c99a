//! What has arrived, and waiting for more.

use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use parking_lot::{Condvar, Mutex};
use prost::Message;
use tokio::sync::watch;

use super::behaviour::Form;
use super::otlp::collector::logs::v1::ExportLogsServiceRequest;
use super::otlp::collector::metrics::v1::ExportMetricsServiceRequest;
use super::otlp::collector::trace::v1::ExportTraceServiceRequest;
use super::{Log, Metric, Span};

/// One request that reached the sink, whatever became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// Its path: `/v1/traces`, or the method of the gRPC service.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// The size of its body on the wire.
    pub body_bytes: usize,
}

/// Everything that has arrived. Its parts are shared, so a copy is cheap.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrived {
    pub(super) spans: Vec<Span>,
    pub(super) logs: Vec<Log>,
    pub(super) metrics: Vec<Metric>,
    pub(super) requests: Vec<Arc<Request>>,
    /// What was wrong with requests that were no OTLP.
    pub(super) faults: Vec<String>,
    /// Counts the changes.
    version: u64,
}

/// What has arrived, for the server to add to and for tests to wait on.
#[derive(Debug)]
pub(super) struct Store {
    arrived: Mutex<Arrived>,
    more: Condvar,
    changes: watch::Sender<()>,
}

impl Store {
    pub(super) fn new() -> Self {
        Self { arrived: Mutex::default(), more: Condvar::new(), changes: watch::Sender::new(()) }
    }

    pub(super) fn read(&self) -> Arrived {
        self.arrived.lock().clone()
    }

    /// Tells of each arrival from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Looks at what has arrived, again after each arrival, until `look` finds something or time
    /// is over.
    pub(super) fn wait<R>(&self, until: Instant, look: impl Fn(&Arrived) -> Option<R>) -> Option<R> {
        let mut arrived = self.arrived.lock();
        loop {
            // The lock is not held while looking: a test may ask the sink for more.
            let seen = arrived.clone();
            let found = parking_lot::MutexGuard::unlocked(&mut arrived, || look(&seen));
            if found.is_some() {
                return found;
            }
            let more = arrived.version > seen.version;
            if !more && self.more.wait_until(&mut arrived, until).timed_out() {
                return None;
            }
        }
    }

    /// Notes a request; answers how many there were with it.
    pub(super) fn note(&self, request: Request) -> u32 {
        let mut arrived = self.arrived.lock();
        arrived.requests.push(Arc::new(request));
        u32::try_from(arrived.requests.len()).unwrap_or(u32::MAX)
    }

    /// Takes the contents of a request in; says what is wrong with it.
    pub(super) fn take(&self, path: &str, body: &[u8], form: Form) -> Result<(), String> {
        let mut arrived = self.arrived.lock();
        let taken = if path == "/v1/traces" || path.ends_with("trace.v1.TraceService/Export") {
            decode(body, form).map(|request| arrived.take_spans(request))
        } else if path == "/v1/logs" || path.ends_with("logs.v1.LogsService/Export") {
            decode(body, form).map(|request| arrived.take_logs(request))
        } else if path == "/v1/metrics" || path.ends_with("metrics.v1.MetricsService/Export") {
            decode(body, form).map(|request| arrived.take_metrics(request))
        } else {
            Err("no such path".to_owned())
        };
        if let Err(fault) = &taken {
            arrived.faults.push(format!("{path}: {fault}"));
        }
        arrived.version += 1;
        drop(arrived);
        self.more.notify_all();
        self.changes.send_replace(());
        taken
    }
}

fn decode<M: Message + Default + serde::de::DeserializeOwned>(body: &[u8], form: Form) -> Result<M, String> {
    match form {
        Form::Json => serde_json::from_slice(body).map_err(|fault| fault.to_string()),
        Form::Protobuf | Form::Grpc => M::decode(body).map_err(|fault| fault.to_string()),
    }
}

impl Arrived {
    fn take_spans(&mut self, request: ExportTraceServiceRequest) {
        for group in request.resource_spans {
            let resource = Arc::new(group.resource.unwrap_or_default());
            for scoped in group.scope_spans {
                let scope = scoped.scope.unwrap_or_default();
                let spans = scoped.spans.into_iter();
                self.spans.extend(spans.map(|span| Span::new(span, scope.clone(), Arc::clone(&resource))));
            }
        }
    }

    fn take_logs(&mut self, request: ExportLogsServiceRequest) {
        for group in request.resource_logs {
            let resource = Arc::new(group.resource.unwrap_or_default());
            for scoped in group.scope_logs {
                let scope = scoped.scope.unwrap_or_default().name;
                let records = scoped.log_records.into_iter();
                self.logs.extend(records.map(|log| Log::new(log, scope.clone(), Arc::clone(&resource))));
            }
        }
    }

    fn take_metrics(&mut self, request: ExportMetricsServiceRequest) {
        for group in request.resource_metrics {
            let resource = Arc::new(group.resource.unwrap_or_default());
            for scoped in group.scope_metrics {
                let scope = scoped.scope.unwrap_or_default().name;
                let metrics = scoped.metrics.into_iter();
                self.metrics
                    .extend(metrics.map(|metric| Metric::new(metric, scope.clone(), Arc::clone(&resource))));
            }
        }
    }
}
