//! The toolkit's own sink, read as OTLP messages.

use std::time::Duration;

use http::HeaderMap;
pub(crate) use throughline_toolkit::testing::Behaviour as Mode;
use throughline_toolkit::testing::otlp::common::v1::KeyValue;
use throughline_toolkit::testing::otlp::logs::v1::LogRecord;
use throughline_toolkit::testing::otlp::metrics::v1::Metric;
use throughline_toolkit::testing::otlp::metrics::v1::metric::Data;
use throughline_toolkit::testing::otlp::resource::v1::Resource;
use throughline_toolkit::testing::otlp::trace::v1::Span;
use throughline_toolkit::testing::{Sink, Span as Seen, Value};

/// Everything that was received.
pub(crate) struct Received {
    pub(crate) spans: Vec<Span>,
    /// Scope of each span, by position.
    pub(crate) scopes: Vec<String>,
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) resource: Option<Resource>,
    pub(crate) headers: Vec<HeaderMap>,
    pub(crate) requests: u32,
}

pub(crate) struct Collector {
    pub(crate) address: String,
    pub(crate) sink: Sink,
}

impl Collector {
    pub(crate) fn start(mode: Mode) -> Self {
        let sink = Sink::start_with(mode);
        Self { address: sink.endpoint(), sink }
    }

    pub(crate) fn received(&self) -> Received {
        let (spans, requests) = (self.sink.spans(), self.sink.requests());
        Received {
            scopes: spans.iter().map(|span| span.scope().to_owned()).collect(),
            resource: spans.first().map(|span| span.resource().clone()),
            spans: spans.iter().map(|span| span.otlp().clone()).collect(),
            logs: self.sink.logs().iter().map(|log| log.otlp().clone()).collect(),
            metrics: self.sink.metrics().iter().flat_map(|metric| metric.otlp().cloned()).collect(),
            headers: requests.iter().map(|request| request.headers.clone()).collect(),
            requests: u32::try_from(requests.len()).unwrap(),
        }
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.sink.spans().iter().map(|span| span.otlp().clone()).collect()
    }

    /// The one span of this name.
    pub(crate) fn span(&self, name: &str) -> Span {
        let spans = self.sink.spans();
        let found: Vec<_> = spans.iter().filter(|span| span.name() == name).collect();
        let names: Vec<_> = spans.iter().map(Seen::name).collect();
        assert_eq!(found.len(), 1, "spans named {name} among {names:?}");
        found[0].otlp().clone()
    }
}

/// An address where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// The value of an attribute as text.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(Value::from(found.value.as_ref()?).to_string())
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(std::time::Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(2)); // sleeps: between two looks
    }
}

/// The attributes of each point of the histogram of this name.
pub(crate) fn attributes_of_points(collector: &Collector, name: &str) -> Vec<Vec<KeyValue>> {
    let received = collector.received();
    let metric = received.metrics.iter().find(|m| m.name == name).unwrap();
    let Some(Data::Histogram(data)) = &metric.data else { panic!("{name} is no histogram") };
    data.data_points.iter().map(|p| p.attributes.clone()).collect()
}
