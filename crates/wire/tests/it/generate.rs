//! Random OTLP messages from a seed.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyKind;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What the messages may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taste {
    /// Anything that the protocol can say.
    Anything,
    /// Only what the generated types write alike in both encodings: no NaN or infinity, no minus
    /// zero, no value without content.
    Plain,
}

/// Makes messages.
pub(crate) struct Generator {
    random: StdRng,
    taste: Taste,
}

impl Generator {
    pub(crate) fn new(seed: u64, taste: Taste) -> Self {
        Self { random: StdRng::seed_from_u64(seed), taste }
    }

    pub(crate) fn traces(&mut self) -> ExportTraceServiceRequest {
        let resource_spans = self.many(3, |g| ResourceSpans {
            resource: g.maybe(Self::resource),
            scope_spans: g.many(3, |g| ScopeSpans {
                scope: g.maybe(Self::scope),
                spans: g.many(5, Self::span),
                schema_url: g.text(),
            }),
            schema_url: g.text(),
        });
        ExportTraceServiceRequest { resource_spans }
    }

    pub(crate) fn logs(&mut self) -> ExportLogsServiceRequest {
        let resource_logs = self.many(3, |g| ResourceLogs {
            resource: g.maybe(Self::resource),
            scope_logs: g.many(3, |g| ScopeLogs {
                scope: g.maybe(Self::scope),
                log_records: g.many(5, Self::record),
                schema_url: g.text(),
            }),
            schema_url: g.text(),
        });
        ExportLogsServiceRequest { resource_logs }
    }

    pub(crate) fn metrics(&mut self) -> ExportMetricsServiceRequest {
        let resource_metrics = self.many(3, |g| ResourceMetrics {
            resource: g.maybe(Self::resource),
            scope_metrics: g.many(3, |g| ScopeMetrics {
                scope: g.maybe(Self::scope),
                metrics: g.many(4, Self::metric),
                schema_url: g.text(),
            }),
            schema_url: g.text(),
        });
        ExportMetricsServiceRequest { resource_metrics }
    }

    fn many<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.random.random_range(0..=most);
        (0..count).map(|_| make(self)).collect()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.random.random_bool(0.8).then(|| make(self))
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 14] = [
            "",
            "",
            "GET /",
            "service.name",
            "a",
            "b",
            "c",
            "häßlich ☃ 🦀",
            "\"q\" \\ \u{0} \n\t",
            "$bytes",
            "$map",
            "shop",
            "1",
            "a much longer text that takes more than one hundred and twenty-seven bytes so that its \
             length needs two bytes as a varint, which is a boundary of its own",
        ];
        TEXTS[self.random.random_range(0..TEXTS.len())].to_owned()
    }

    fn key(&mut self) -> String {
        const KEYS: [&str; 9] = ["service.name", "http.route", "a", "b", "c", "d", "$schema_url", "$map", ""];
        KEYS[self.random.random_range(0..KEYS.len())].to_owned()
    }

    fn number(&mut self) -> u64 {
        match self.random.random_range(0..6) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => 1_544_712_660_300_000_000 + u64::from(self.random.random::<u32>()),
            4 => self.random.random_range(0..300),
            _ => self.random.random(),
        }
    }

    fn small(&mut self) -> u32 {
        if self.random.random_bool(0.5) { 0 } else { self.random.random() }
    }

    fn double(&mut self) -> f64 {
        let any = match self.random.random_range(0..7) {
            0 => 0.0,
            1 => 1.5,
            2 => -0.0,
            3 => f64::INFINITY,
            4 => f64::NAN,
            5 => self.random.random_range(-1e3..1e3),
            _ => f64::from_bits(self.random.random()),
        };
        let plain = any.is_finite() && any.to_bits() != (-0.0_f64).to_bits();
        if self.taste == Taste::Plain && !plain { 2.5 } else { any }
    }

    fn id(&mut self, width: usize) -> Vec<u8> {
        match self.random.random_range(0..12) {
            0 => Vec::new(),
            1 => vec![0; width],
            2 => vec![7; self.random.random_range(0..2 * width)],
            _ => (0..width).map(|_| self.random.random()).collect(),
        }
    }

    fn any_value(&mut self, depth: usize) -> AnyValue {
        let most = if depth > 4 { 6 } else { 8 };
        let value = match self.random.random_range(0..most) {
            0 => AnyKind::BoolValue(self.random.random()),
            1 => AnyKind::IntValue(self.number() as i64),
            2 => AnyKind::DoubleValue(self.double()),
            3 => AnyKind::BytesValue(self.many(5, |g| g.random.random())),
            4 if self.taste == Taste::Anything => return AnyValue { value: None },
            4 | 5 => AnyKind::StringValue(self.text()),
            6 => AnyKind::ArrayValue(ArrayValue { values: self.many(3, |g| g.any_value(depth + 1)) }),
            _ => AnyKind::KvlistValue(KeyValueList { values: self.many(3, |g| g.key_value(depth + 1)) }),
        };
        AnyValue { value: Some(value) }
    }

    fn key_value(&mut self, depth: usize) -> KeyValue {
        let value = self.any_value(depth);
        let value = (self.taste == Taste::Plain || self.random.random_bool(0.95)).then_some(value);
        KeyValue { key: self.key(), value, key_strindex: 0 }
    }

    fn attributes(&mut self) -> Vec<KeyValue> {
        self.many(6, |g| g.key_value(0))
    }

    fn resource(&mut self) -> Resource {
        let entity_refs = self.many(2, |g| EntityRef {
            schema_url: g.text(),
            r#type: g.text(),
            id_keys: g.many(2, Self::key),
            description_keys: g.many(2, Self::key),
        });
        Resource { attributes: self.attributes(), dropped_attributes_count: self.small(), entity_refs }
    }

    fn scope(&mut self) -> InstrumentationScope {
        InstrumentationScope {
            name: self.text(),
            version: self.text(),
            attributes: self.attributes(),
            dropped_attributes_count: self.small(),
        }
    }

    fn span(&mut self) -> Span {
        Span {
            trace_id: self.id(16),
            span_id: self.id(8),
            trace_state: self.text(),
            parent_span_id: self.id(8),
            flags: self.small(),
            name: self.text(),
            kind: self.random.random_range(-1..7),
            start_time_unix_nano: self.number(),
            end_time_unix_nano: self.number(),
            attributes: self.attributes(),
            dropped_attributes_count: self.small(),
            events: self.many(3, |g| Event {
                time_unix_nano: g.number(),
                name: g.text(),
                attributes: g.attributes(),
                dropped_attributes_count: g.small(),
            }),
            dropped_events_count: self.small(),
            links: self.many(2, |g| Link {
                trace_id: g.id(16),
                span_id: g.id(8),
                trace_state: g.text(),
                attributes: g.attributes(),
                dropped_attributes_count: g.small(),
                flags: g.small(),
            }),
            dropped_links_count: self.small(),
            status: self.maybe(|g| Status { message: g.text(), code: g.random.random_range(0..4) }),
        }
    }

    fn record(&mut self) -> LogRecord {
        LogRecord {
            time_unix_nano: self.number(),
            observed_time_unix_nano: self.number(),
            severity_number: self.random.random_range(0..25),
            severity_text: self.text(),
            body: self.maybe(|g| g.any_value(0)),
            attributes: self.attributes(),
            dropped_attributes_count: self.small(),
            flags: self.small(),
            trace_id: self.id(16),
            span_id: self.id(8),
            event_name: self.text(),
        }
    }

    fn metric(&mut self) -> Metric {
        let aggregation_temporality = self.random.random_range(0..3);
        let data = match self.random.random_range(0..6) {
            0 => Some(metric::Data::Gauge(Gauge { data_points: self.many(4, Self::number_point) })),
            1 => Some(metric::Data::Sum(Sum {
                data_points: self.many(4, Self::number_point),
                aggregation_temporality,
                is_monotonic: self.random.random(),
            })),
            2 => Some(metric::Data::Histogram(Histogram {
                data_points: self.many(4, Self::histogram_point),
                aggregation_temporality,
            })),
            3 => Some(metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points: self.many(4, Self::exponential_point),
                aggregation_temporality,
            })),
            4 => Some(metric::Data::Summary(Summary { data_points: self.many(4, Self::summary_point) })),
            _ => None,
        };
        let metadata = self.attributes();
        Metric { name: self.text(), description: self.text(), unit: self.text(), metadata, data }
    }

    fn number_point(&mut self) -> NumberDataPoint {
        let value = match self.random.random_range(0..3) {
            0 => None,
            1 => Some(number_data_point::Value::AsDouble(self.double())),
            _ => Some(number_data_point::Value::AsInt(self.number() as i64)),
        };
        NumberDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.number(),
            time_unix_nano: self.number(),
            exemplars: self.many(2, Self::exemplar),
            flags: self.small(),
            value,
        }
    }

    fn histogram_point(&mut self) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.number(),
            time_unix_nano: self.number(),
            count: self.number(),
            sum: self.maybe(Self::double),
            bucket_counts: self.many(5, Self::number),
            explicit_bounds: self.many(4, Self::double),
            exemplars: self.many(2, Self::exemplar),
            flags: self.small(),
            min: self.maybe(Self::double),
            max: self.maybe(Self::double),
        }
    }

    fn buckets(&mut self) -> Buckets {
        Buckets { offset: self.random.random_range(-300..300), bucket_counts: self.many(5, Self::number) }
    }

    fn exponential_point(&mut self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.number(),
            time_unix_nano: self.number(),
            count: self.number(),
            sum: self.maybe(Self::double),
            scale: self.random.random_range(-12..21),
            zero_count: self.number(),
            positive: self.maybe(Self::buckets),
            negative: self.maybe(Self::buckets),
            flags: self.small(),
            exemplars: self.many(2, Self::exemplar),
            min: self.maybe(Self::double),
            max: self.maybe(Self::double),
            zero_threshold: self.double(),
        }
    }

    fn summary_point(&mut self) -> SummaryDataPoint {
        SummaryDataPoint {
            attributes: self.attributes(),
            start_time_unix_nano: self.number(),
            time_unix_nano: self.number(),
            count: self.number(),
            sum: self.double(),
            quantile_values: self.many(3, |g| ValueAtQuantile { quantile: g.double(), value: g.double() }),
            flags: self.small(),
        }
    }

    fn exemplar(&mut self) -> Exemplar {
        let value = match self.random.random_range(0..3) {
            0 => None,
            1 => Some(exemplar::Value::AsDouble(self.double())),
            _ => Some(exemplar::Value::AsInt(self.number() as i64)),
        };
        Exemplar {
            filtered_attributes: self.attributes(),
            time_unix_nano: self.number(),
            span_id: self.id(8),
            trace_id: self.id(16),
            value,
        }
    }
}
