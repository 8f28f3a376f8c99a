//! Instruments of the HTTP boundaries.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};

/// `http.server.*` and `http.client.*`.
#[derive(Debug)]
pub(crate) struct HttpInstruments {
    pub(crate) server_duration: Histogram<f64>,
    pub(crate) active_requests: UpDownCounter<i64>,
    pub(crate) client_duration: Histogram<f64>,
}

impl HttpInstruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        Self {
            server_duration: meter
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .with_description("Duration of HTTP server requests.")
                .build(),
            active_requests: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
            client_duration: meter
                .f64_histogram("http.client.request.duration")
                .with_unit("s")
                .with_description("Duration of HTTP client requests.")
                .build(),
        }
    }
}

/// Attributes of one measurement; absent ones are left out.
pub(crate) fn labels<const N: usize>(list: [Option<KeyValue>; N]) -> Vec<KeyValue> {
    list.into_iter().flatten().collect()
}
