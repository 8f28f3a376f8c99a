//! `rpc.server.call.duration`, `rpc.client.call.duration` and the calls that are being served.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundUpDownCounter, Meter, UpDownCounter};

use super::names;
use super::target::Target;
use crate::metrics::exemplars::Exemplars;
use crate::metrics::series::SeriesCache;
use crate::metrics::{BoundDuration, DurationHistogram, labels};

/// Instruments of the gRPC boundaries.
#[derive(Debug)]
pub(crate) struct RpcInstruments {
    server_duration: DurationHistogram,
    client_duration: DurationHistogram,
    active_calls: UpDownCounter<i64>,
    /// Bound when the first call is served: what is bound is reported, were it nought.
    active: OnceLock<BoundUpDownCounter<i64>>,
    series: SeriesCache<BoundDuration>,
}

/// What tells one series of calls from another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured<'a> {
    pub(super) method: &'a str,
    pub(super) status: &'static str,
    pub(super) is_error: bool,
    /// The server, when this is a client.
    pub(super) target: Option<&'a Target>,
}

impl RpcInstruments {
    pub(crate) fn new(meter: &Meter, exemplars: &Arc<Exemplars>) -> Self {
        let duration = |name, text| DurationHistogram::new(meter, name, text, exemplars);
        let active_calls = meter
            .i64_up_down_counter("throughline.rpc.server.active_calls")
            .with_unit("{call}")
            .with_description("Number of calls being served.")
            .build();
        Self {
            server_duration: duration(
                "rpc.server.call.duration",
                "Measures the duration of an incoming Remote Procedure Call (RPC).",
            ),
            client_duration: duration(
                "rpc.client.call.duration",
                "Measures the duration of an outgoing Remote Procedure Call (RPC).",
            ),
            active_calls,
            active: OnceLock::new(),
            series: SeriesCache::new(),
        }
    }

    /// One more or one less call is being served.
    pub(super) fn active(&self, change: i64) {
        let bind = || self.active_calls.bind(&[KeyValue::new(names::SYSTEM, names::GRPC)]);
        self.active.get_or_init(bind).add(change);
    }

    /// Measures a call that has ended.
    pub(super) fn measure(&self, call: Measured<'_>, elapsed: Duration) {
        let target = call.target.map(|t| (t.address.as_str(), t.port));
        let key = (call.method, call.status, call.is_error, target);
        self.series.with(&key, || self.bind(call), |series| series.record(elapsed));
    }

    fn bind(&self, call: Measured<'_>) -> BoundDuration {
        let labels = labels([
            Some(KeyValue::new(names::SYSTEM, names::GRPC)),
            Some(KeyValue::new(names::METHOD, call.method.to_owned())),
            Some(KeyValue::new(names::STATUS, call.status)),
            call.is_error.then(|| KeyValue::new(names::ERROR_TYPE, call.status)),
            call.target.map(|t| KeyValue::new(names::SERVER_ADDRESS, t.address.clone())),
            call.target.and_then(|t| Some(KeyValue::new(names::SERVER_PORT, i64::from(t.port?)))),
        ]);
        match call.target {
            Some(_) => self.client_duration.bind(&labels),
            None => self.server_duration.bind(&labels),
        }
    }
}
