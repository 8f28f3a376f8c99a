//! Instruments of the HTTP boundaries.

use std::sync::Arc;

use opentelemetry::metrics::{Meter, UpDownCounter};

use crate::metrics::DurationHistogram;
use crate::metrics::exemplars::Exemplars;

/// `http.server.*` and `http.client.*`.
#[derive(Debug)]
pub(crate) struct HttpInstruments {
    pub(crate) server_duration: DurationHistogram,
    pub(crate) active_requests: UpDownCounter<i64>,
    pub(crate) client_duration: DurationHistogram,
}

impl HttpInstruments {
    pub(crate) fn new(meter: &Meter, exemplars: &Arc<Exemplars>) -> Self {
        let histogram = |name, description| DurationHistogram::new(meter, name, description, exemplars);
        Self {
            server_duration: histogram("http.server.request.duration", "Duration of HTTP server requests."),
            client_duration: histogram("http.client.request.duration", "Duration of HTTP client requests."),
            active_requests: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
        }
    }
}
