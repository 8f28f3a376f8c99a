//! `messaging.client.*` and `messaging.process.duration`.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundCounter, Counter, Meter};

use super::names;
use super::operation::{Operation, OperationType};
use crate::metrics::exemplars::Exemplars;
use crate::metrics::series::SeriesCache;
use crate::metrics::{BoundDuration, DurationHistogram};
use crate::propagation::TraceContext;

/// Instruments of the messaging boundaries.
#[derive(Debug)]
pub(crate) struct MessagingInstruments {
    operation_duration: DurationHistogram,
    process_duration: DurationHistogram,
    sent: Counter<u64>,
    consumed: Counter<u64>,
    /// What operations are counted on: the same few, again and again.
    series: SeriesCache<Arc<Series>>,
}

/// What the operations of one kind on one destination are counted on.
#[derive(Debug)]
pub(crate) struct Series {
    kind: OperationType,
    labels: Vec<KeyValue>,
    duration: BoundDuration,
    messages: Option<BoundCounter<u64>>,
}

impl MessagingInstruments {
    pub(crate) fn new(meter: &Meter, exemplars: &Arc<Exemplars>) -> Self {
        let duration = |name, text| DurationHistogram::new(meter, name, text, exemplars);
        let counter = |name: &'static str, text: &'static str| {
            meter.u64_counter(name).with_unit("{message}").with_description(text).build()
        };
        Self {
            operation_duration: duration(
                "messaging.client.operation.duration",
                "Duration of messaging operation initiated by a producer or consumer client.",
            ),
            process_duration: duration("messaging.process.duration", "Duration of processing operation."),
            sent: counter(
                "messaging.client.sent.messages",
                "Number of messages producer attempted to send to the broker.",
            ),
            consumed: counter(
                "messaging.client.consumed.messages",
                "Number of messages that were delivered to the application.",
            ),
            series: SeriesCache::new(),
        }
    }

    /// What this operation will be counted on.
    pub(crate) fn series(&self, operation: &Operation<'_>) -> Arc<Series> {
        let key = (
            operation.system.name,
            operation.name,
            operation.destination.shown(),
            operation.group,
            operation.server,
        );
        self.series.with(&key, || Arc::new(self.bind(operation)), Arc::clone)
    }

    /// Counts an operation that has ended, traced as `cx`.
    pub(crate) fn measure(
        &self,
        series: &Series,
        messages: u64,
        elapsed: Duration,
        error_type: Option<&str>,
        cx: &TraceContext,
    ) {
        if let Some(error_type) = error_type {
            let mut labels = series.labels.clone();
            labels.push(KeyValue::new("error.type", error_type.to_owned()));
            self.duration(series.kind).record_in(elapsed, &labels, cx);
            if let Some(counter) = self.counter(series.kind).filter(|_| messages > 0) {
                counter.add(messages, &labels);
            }
            return;
        }
        series.duration.record_in(elapsed, cx);
        if let Some(counter) = series.messages.as_ref().filter(|_| messages > 0) {
            counter.add(messages);
        }
    }

    fn bind(&self, operation: &Operation<'_>) -> Series {
        let (kind, labels) = (operation.kind, labels(operation));
        Series {
            kind,
            duration: self.duration(kind).bind(&labels),
            messages: self.counter(kind).map(|counter| counter.bind(&labels)),
            labels,
        }
    }

    fn duration(&self, kind: OperationType) -> &DurationHistogram {
        match kind {
            OperationType::Process => &self.process_duration,
            _ => &self.operation_duration,
        }
    }

    fn counter(&self, kind: OperationType) -> Option<&Counter<u64>> {
        match kind {
            OperationType::Send => Some(&self.sent),
            // Messages that were pushed to the application were received by no other operation.
            OperationType::Receive | OperationType::Process => Some(&self.consumed),
            OperationType::Create | OperationType::Settle => None,
        }
    }
}

fn labels(operation: &Operation<'_>) -> Vec<KeyValue> {
    let destination = &operation.destination;
    let key = if destination.template.is_some() { names::DESTINATION_TEMPLATE } else { names::DESTINATION };
    let mut labels = vec![
        KeyValue::new(names::SYSTEM, operation.system.name),
        KeyValue::new(names::OPERATION_NAME, operation.name),
        KeyValue::new(names::OPERATION_TYPE, operation.kind.as_str()),
    ];
    if !destination.shown().is_empty() {
        labels.push(KeyValue::new(key, destination.shown().to_owned()));
    }
    if let Some(group) = operation.group {
        labels.push(KeyValue::new(names::CONSUMER_GROUP, group.to_owned()));
    }
    if let Some((address, port)) = operation.server {
        labels.push(KeyValue::new(names::SERVER_ADDRESS, address.to_owned()));
        labels.push(KeyValue::new(names::SERVER_PORT, i64::from(port)));
    }
    labels
}
