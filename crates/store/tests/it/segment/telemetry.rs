//! Random rows of every signal that use everything OTLP has, and rows made comparable.

use std::sync::Arc;

use arrow::array::RecordBatch;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use throughline_model::{
    Attributes, Event, Exemplar, ExponentialHistogram, Histogram, Link, LogBatchBuilder, LogRecord,
    MetricBatchBuilder, MetricPoint, Number, PointData, Quantile, Resource, Scope, Signal, Span,
    SpanBatchBuilder, SpanId, TraceId, Value, rows,
};

/// Makes random rows from a seed.
pub(crate) struct Telemetry(pub(crate) SmallRng);

/// A moment in the hour that starts at 2026-11-21 08:00 UTC.
pub(crate) const NOON_NS: i64 = 1_795_250_000_000_000_000;

impl Telemetry {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.0.random_ratio(1, n)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0.random_range(0..n)
    }

    fn text(&mut self) -> String {
        ["", "a", "GET /x", "naïve \"quoted\"\n", "zürich", "{\"not\":\"json", "0"][self.below(7) as usize]
            .to_owned()
    }

    pub(crate) fn value(&mut self, depth: u32) -> Value {
        match self.below(if depth == 0 { 8 } else { 6 }) {
            0 | 1 => Value::String(self.text()),
            2 => Value::Int(self.0.random::<i32>().into()),
            3 => Value::Double([0.5, -0.0, 1e300, f64::INFINITY, f64::NAN][self.below(5) as usize]),
            4 => Value::Bool(self.one_in(2)),
            5 => Value::Bytes(vec![0, 255, self.below(256) as u8]),
            6 => Value::Array((0..self.below(3)).map(|_| self.value(depth + 1)).collect()),
            _ => Value::Map(vec![("k".to_owned(), self.value(depth + 1)), ("$odd".to_owned(), Value::Null)]),
        }
    }

    pub(crate) fn attributes(&mut self) -> Attributes {
        let mut attributes: Attributes = Vec::new();
        for key in 0..8 {
            if self.one_in(3) {
                attributes.push((format!("key.{key}"), self.value(0)));
            }
        }
        if self.one_in(20) {
            attributes.push((format!("rare.{}", self.below(1_000)), self.value(0)));
        }
        attributes
    }

    fn resource(&mut self) -> Arc<Resource> {
        let service = ["", "api", "cart", "web"][self.below(4) as usize];
        let mut attributes = vec![("service.name".to_owned(), Value::from(service))];
        attributes.push(("instance".to_owned(), Value::Int(self.below(3) as i64)));
        let schema_url = if self.one_in(2) { "https://example.com/schema" } else { "" };
        Arc::new(Resource {
            attributes,
            dropped_attributes_count: self.below(2) as u32,
            schema_url: schema_url.to_owned(),
            ..Resource::default()
        })
    }

    fn scope(&mut self) -> Arc<Scope> {
        let name = ["", "lib", "other"][self.below(3) as usize];
        Arc::new(Scope { name: name.to_owned(), version: "1".to_owned(), ..Scope::default() })
    }

    fn time(&mut self) -> i64 {
        NOON_NS + self.below(60_000) as i64 * 1_000_000
    }

    fn trace_id(&mut self) -> TraceId {
        let mut id = [7; 16];
        id[3] = self.below(40) as u8;
        TraceId(id)
    }

    pub(crate) fn span(&mut self) -> Span {
        let events = if self.one_in(5) { self.below(3) } else { 0 };
        let links = if self.one_in(7) { 1 } else { 0 };
        Span {
            trace_id: self.trace_id(),
            span_id: SpanId(self.0.random()),
            parent_span_id: if self.one_in(4) { None } else { Some(SpanId(self.0.random())) },
            trace_state: if self.one_in(9) { "a=b".to_owned() } else { String::new() },
            flags: self.below(3) as u32,
            name: ["GET /", "SELECT", "", "publish"][self.below(4) as usize].to_owned(),
            kind: self.below(6) as i32,
            start_ns: self.time(),
            duration_ns: self.below(5_000_000_000) as i64 - 10,
            status_code: self.below(3) as i32,
            status_message: if self.one_in(5) { self.text() } else { String::new() },
            attributes: self.attributes(),
            dropped_attributes_count: self.below(2) as u32,
            events: (0..events)
                .map(|_| Event {
                    time_ns: self.time(),
                    name: self.text(),
                    attributes: self.attributes(),
                    dropped_attributes_count: 1,
                })
                .collect(),
            dropped_events_count: u32::from(self.one_in(9)),
            links: (0..links)
                .map(|_| Link {
                    trace_id: self.trace_id(),
                    span_id: SpanId(self.0.random()),
                    trace_state: self.text(),
                    flags: 1,
                    attributes: self.attributes(),
                    dropped_attributes_count: 0,
                })
                .collect(),
            dropped_links_count: u32::from(self.one_in(9)),
            resource: self.resource(),
            scope: self.scope(),
        }
    }

    pub(crate) fn log(&mut self) -> LogRecord {
        LogRecord {
            time_ns: self.time(),
            observed_ns: self.time(),
            severity_number: self.below(25) as i32,
            severity_text: ["", "INFO", "error"][self.below(3) as usize].to_owned(),
            body: if self.one_in(6) { None } else { Some(self.value(0)) },
            event_name: if self.one_in(6) { "device.reset".to_owned() } else { String::new() },
            trace_id: if self.one_in(2) { Some(self.trace_id()) } else { None },
            span_id: if self.one_in(2) { Some(SpanId(self.0.random())) } else { None },
            flags: self.below(2) as u32,
            attributes: self.attributes(),
            dropped_attributes_count: self.below(2) as u32,
            resource: self.resource(),
            scope: self.scope(),
        }
    }

    pub(crate) fn point(&mut self) -> MetricPoint {
        let name = ["http.requests", "queue.depth", "rtt"][self.below(3) as usize].to_owned();
        let exemplars = if self.one_in(5) { 1 } else { 0 };
        MetricPoint {
            name,
            description: self.text(),
            unit: "ms".to_owned(),
            metadata: if self.one_in(8) { self.attributes() } else { Attributes::new() },
            temporality: self.below(3) as i32,
            monotonic: self.one_in(2),
            attributes: self.attributes(),
            start_ns: self.time(),
            time_ns: self.time(),
            flags: self.below(2) as u32,
            data: self.data(),
            exemplars: (0..exemplars)
                .map(|_| Exemplar {
                    time_ns: self.time(),
                    value: Some(Number::Int(5)),
                    trace_id: Some(self.trace_id()),
                    span_id: Some(SpanId(self.0.random())),
                    attributes: self.attributes(),
                })
                .collect(),
            resource: self.resource(),
            scope: self.scope(),
        }
    }

    fn data(&mut self) -> PointData {
        match self.below(5) {
            0 => PointData::Gauge(Some(Number::Double(self.0.random()))),
            1 => PointData::Sum(if self.one_in(5) { None } else { Some(Number::Int(self.0.random())) }),
            2 => PointData::Histogram(Histogram {
                count: 6,
                sum: Some(self.0.random()),
                min: None,
                max: Some(3.0),
                bucket_counts: vec![1, 2, 3],
                explicit_bounds: vec![0.5, 1.5],
            }),
            3 => PointData::ExponentialHistogram(ExponentialHistogram {
                count: 4,
                scale: -2,
                zero_count: 1,
                positive: Some((3, vec![1, 2])),
                negative: None,
                ..ExponentialHistogram::default()
            }),
            _ => PointData::Summary {
                count: 2,
                sum: 0.25,
                quantiles: vec![Quantile { quantile: 0.5, value: 0.1 }],
            },
        }
    }

    /// A batch of `count` random rows.
    pub(crate) fn batch(&mut self, signal: Signal, count: usize) -> RecordBatch {
        match signal {
            Signal::Traces => span_batch(&(0..count).map(|_| self.span()).collect::<Vec<_>>()),
            Signal::Logs => {
                let mut builder = LogBatchBuilder::new();
                (0..count).for_each(|_| builder.push(&self.log()).unwrap());
                builder.finish().unwrap()
            }
            Signal::Metrics => {
                let mut builder = MetricBatchBuilder::new();
                (0..count).for_each(|_| builder.push(&self.point()).unwrap());
                builder.finish().unwrap()
            }
        }
    }
}

pub(crate) fn span_batch(spans: &[Span]) -> RecordBatch {
    let mut builder = SpanBatchBuilder::new();
    spans.iter().for_each(|span| builder.push(span).unwrap());
    builder.finish().unwrap()
}

fn by_key(attributes: &mut Attributes) {
    attributes.sort_by(|a, b| a.0.cmp(&b.0));
}

/// The rows of some batches as text, each attribute list in order of its keys, in order: equal for equal multisets of rows.
pub(crate) fn multiset<'a>(
    signal: Signal,
    batches: impl IntoIterator<Item = &'a RecordBatch>,
) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for batch in batches {
        match signal {
            Signal::Traces => all.extend(rows::spans(batch).unwrap().into_iter().map(|mut span| {
                by_key(&mut span.attributes);
                format!("{span:?}")
            })),
            Signal::Logs => all.extend(rows::logs(batch).unwrap().into_iter().map(|mut log| {
                by_key(&mut log.attributes);
                format!("{log:?}")
            })),
            Signal::Metrics => {
                all.extend(rows::points(batch).unwrap().into_iter().map(|point| format!("{point:?}")))
            }
        }
    }
    all.sort_unstable();
    all
}
