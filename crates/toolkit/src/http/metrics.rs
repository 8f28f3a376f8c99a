//! Instruments of the HTTP boundaries.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundUpDownCounter, Meter, UpDownCounter};

use crate::metrics::exemplars::Exemplars;
use crate::metrics::series::SeriesCache;
use crate::metrics::{BoundDuration, DurationHistogram, labels};

/// `http.server.*` and `http.client.*`. Each combination of attributes is bound once.
#[derive(Debug)]
pub(crate) struct HttpInstruments {
    server_duration: DurationHistogram,
    served: SeriesCache<BoundDuration>,
    active_requests: UpDownCounter<i64>,
    active: SeriesCache<BoundUpDownCounter<i64>>,
    client_duration: DurationHistogram,
    sent: SeriesCache<BoundDuration>,
}

/// The attributes of `http.server.request.duration`.
#[derive(Debug, Hash)]
pub(crate) struct Served<'a> {
    pub(crate) method: &'static str,
    pub(crate) scheme: &'static str,
    pub(crate) version: &'static str,
    pub(crate) status: Option<u16>,
    pub(crate) route: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
}

/// The attributes of `http.client.request.duration`.
#[derive(Debug, Hash)]
pub(crate) struct Sent<'a> {
    pub(crate) method: &'static str,
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    pub(crate) scheme: &'a str,
    pub(crate) version: Option<&'static str>,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'a str>,
}

impl HttpInstruments {
    pub(crate) fn new(meter: &Meter, exemplars: &Arc<Exemplars>) -> Self {
        let histogram = |name, description| DurationHistogram::new(meter, name, description, exemplars);
        Self {
            server_duration: histogram("http.server.request.duration", "Duration of HTTP server requests."),
            served: SeriesCache::new(),
            active_requests: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
            active: SeriesCache::new(),
            client_duration: histogram("http.client.request.duration", "Duration of HTTP client requests."),
            sent: SeriesCache::new(),
        }
    }

    /// A request has begun (1) or ended (-1).
    #[cfg(feature = "axum")]
    pub(crate) fn active(&self, method: &'static str, scheme: &'static str, change: i64) {
        let bind = || {
            let method = KeyValue::new("http.request.method", method);
            self.active_requests.bind(&[method, KeyValue::new("url.scheme", scheme)])
        };
        self.active.with(&(method, scheme), bind, |counter| counter.add(change));
    }

    /// A request was served.
    #[cfg(feature = "axum")]
    pub(crate) fn served(&self, series: &Served<'_>, elapsed: Duration) {
        let bind = || {
            self.server_duration.bind(&labels([
                Some(KeyValue::new("http.request.method", series.method)),
                Some(KeyValue::new("url.scheme", series.scheme)),
                Some(KeyValue::new("network.protocol.version", series.version)),
                series.status.map(|s| KeyValue::new("http.response.status_code", i64::from(s))),
                series.route.map(|r| KeyValue::new("http.route", r.to_owned())),
                series.error.map(|e| KeyValue::new("error.type", e.to_owned())),
            ]))
        };
        self.served.with(series, bind, |duration| duration.record(elapsed));
    }

    /// A request was sent and answered, or failed.
    #[cfg(feature = "reqwest")]
    pub(crate) fn sent(&self, series: &Sent<'_>, elapsed: Duration) {
        let bind = || {
            self.client_duration.bind(&labels([
                Some(KeyValue::new("http.request.method", series.method)),
                Some(KeyValue::new("server.address", series.host.to_owned())),
                series.port.map(|port| KeyValue::new("server.port", i64::from(port))),
                Some(KeyValue::new("url.scheme", series.scheme.to_owned())),
                series.version.map(|v| KeyValue::new("network.protocol.version", v)),
                series.status.map(|s| KeyValue::new("http.response.status_code", i64::from(s))),
                series.error.map(|e| KeyValue::new("error.type", e.to_owned())),
            ]))
        };
        self.sent.with(series, bind, |duration| duration.record(elapsed));
    }
}
