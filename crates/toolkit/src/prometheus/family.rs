//! Metrics of OpenTelemetry as families of Prometheus.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};

use super::name::{self, Kind};
use super::sample::{self, Sample};

/// Labels of a series, by name.
pub(super) type Labels = BTreeMap<String, String>;

/// Series of one name.
#[derive(Debug)]
pub(super) struct Family {
    /// Without `_total` and `_info`.
    pub(super) name: String,
    pub(super) unit: Option<String>,
    pub(super) help: String,
    pub(super) kind: Kind,
    pub(super) series: BTreeMap<Labels, Sample>,
    /// Series that become the same are added up.
    adds: bool,
}

impl Family {
    /// The name in the format that knows no families: what its series begin with.
    pub(super) fn full_name(&self) -> String {
        match self.kind {
            Kind::Counter => format!("{}_total", self.name),
            Kind::Info => format!("{}_info", self.name),
            Kind::Gauge | Kind::Histogram => self.name.clone(),
        }
    }
}

/// The families of everything that was collected, by their names.
pub(super) fn collect(request: &ExportMetricsServiceRequest, scope_labels: bool) -> Vec<Family> {
    let mut families = Families::default();
    for group in &request.resource_metrics {
        if let Some(resource) = group.resource.as_ref().filter(|r| !r.attributes.is_empty()) {
            let labels = labels_of(&resource.attributes, Kind::Info);
            let family = Family {
                name: "target".to_owned(),
                unit: None,
                help: "The resource that these metrics are about.".to_owned(),
                kind: Kind::Info,
                series: BTreeMap::from([(labels, Sample::Number(1.0))]),
                adds: false,
            };
            families.add(family, "target_info");
        }
        for scoped in &group.scope_metrics {
            let scope = scoped.scope.as_ref().filter(|_| scope_labels);
            for metric in &scoped.metrics {
                if let Some(family) = family_of(metric, scope) {
                    families.add(family, &metric.name);
                }
            }
        }
    }
    families.finish()
}

#[derive(Debug, Default)]
struct Families {
    by_name: BTreeMap<String, Family>,
    /// Metrics whose names were taken by others of a different type.
    left_out: BTreeMap<Labels, Sample>,
}

impl Families {
    fn add(&mut self, family: Family, metric: &str) {
        let Some(known) = self.by_name.get_mut(&family.full_name()) else {
            self.by_name.insert(family.full_name(), family);
            return;
        };
        if known.kind != family.kind {
            let labels = Labels::from([("metric".to_owned(), metric.to_owned())]);
            self.left_out.insert(labels, Sample::Number(1.0));
            return;
        }
        for (labels, sample) in family.series {
            match known.series.entry(labels) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(sample);
                }
                std::collections::btree_map::Entry::Occupied(mut same) => {
                    same.get_mut().merge(sample, known.adds);
                }
            }
        }
    }

    fn finish(mut self) -> Vec<Family> {
        if !self.left_out.is_empty() {
            let family = Family {
                name: "throughline_prometheus_left_out".to_owned(),
                unit: None,
                help: "Metrics left out because their names are those of others with a different type."
                    .to_owned(),
                kind: Kind::Gauge,
                series: std::mem::take(&mut self.left_out),
                adds: false,
            };
            self.by_name.insert(family.full_name(), family);
        }
        self.by_name.into_values().collect()
    }
}

/// One metric as a family; `None` when it has no form in Prometheus.
fn family_of(metric: &Metric, scope: Option<&InstrumentationScope>) -> Option<Family> {
    let cumulative = |t: i32| t == AggregationTemporality::Cumulative as i32;
    let mut points: Vec<(&[KeyValue], Sample)> = Vec::new();
    let (kind, adds) = match metric.data.as_ref()? {
        Data::Gauge(gauge) => {
            points.extend(gauge.data_points.iter().map(|p| (&p.attributes[..], sample::number(p))));
            (Kind::Gauge, false)
        }
        Data::Sum(sum) if cumulative(sum.aggregation_temporality) => {
            points.extend(sum.data_points.iter().map(|p| (&p.attributes[..], sample::number(p))));
            (if sum.is_monotonic { Kind::Counter } else { Kind::Gauge }, true)
        }
        Data::Histogram(h) if cumulative(h.aggregation_temporality) => {
            points.extend(h.data_points.iter().map(|p| (&p.attributes[..], sample::explicit(p))));
            (Kind::Histogram, true)
        }
        Data::ExponentialHistogram(h) if cumulative(h.aggregation_temporality) => {
            points.extend(h.data_points.iter().map(|p| (&p.attributes[..], sample::exponential(p))));
            (Kind::Histogram, true)
        }
        _ => return None,
    };
    let (name, unit) = name::family(&metric.name, &metric.unit, kind);
    let mut series: BTreeMap<Labels, Sample> = BTreeMap::new();
    for (attributes, sample) in points {
        let mut labels = labels_of(attributes, kind);
        if let Some(scope) = scope {
            labels.insert("otel_scope_name".to_owned(), scope.name.clone());
            labels.insert("otel_scope_version".to_owned(), scope.version.clone());
        }
        match series.get_mut(&labels) {
            Some(same) => same.merge(sample, adds),
            None => {
                series.insert(labels, sample);
            }
        }
    }
    Some(Family { name, unit, help: metric.description.clone(), kind, series, adds })
}

/// Attributes as labels. Values under names that become the same stand side by side, in the order
/// of the original names.
fn labels_of(attributes: &[KeyValue], kind: Kind) -> Labels {
    let mut ordered: Vec<&KeyValue> = attributes.iter().collect();
    ordered.sort_by(|a, b| a.key.cmp(&b.key));
    let mut labels = Labels::new();
    for attribute in ordered {
        let mut name = name::label(&attribute.key);
        if kind == Kind::Histogram && name == "le" {
            name.push('_');
        }
        let value = text_of(attribute.value.as_ref());
        labels
            .entry(name)
            .and_modify(|had: &mut String| {
                had.push(';');
                had.push_str(&value);
            })
            .or_insert(value);
    }
    labels
}

/// A value as text: lists and maps as JSON.
fn text_of(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        other => json_of(other).to_string(),
    }
}

fn json_of(value: Option<&Value>) -> serde_json::Value {
    match value {
        Some(Value::StringValue(text)) => text.as_str().into(),
        Some(Value::BoolValue(value)) => (*value).into(),
        Some(Value::IntValue(value)) => (*value).into(),
        Some(Value::DoubleValue(value)) => (*value).into(),
        Some(Value::ArrayValue(list)) => list.values.iter().map(|v| json_of(v.value.as_ref())).collect(),
        Some(Value::KvlistValue(map)) => {
            let entry = |kv: &KeyValue| {
                (kv.key.clone(), json_of(kv.value.as_ref().and_then(|value| value.value.as_ref())))
            };
            map.values.iter().map(entry).collect::<serde_json::Map<_, _>>().into()
        }
        _ => serde_json::Value::Null,
    }
}
