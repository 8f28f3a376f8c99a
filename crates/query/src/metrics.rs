//! Which metrics were received.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use hashbrown::{HashMap, HashSet};
use throughline_model::{Signal, Tenant, schema};
use throughline_store::Store;
use throughline_store::scan::{Columns, ScanRequest, TimeRange};

use crate::catalog::{required, times, wrong_type};
use crate::limits::Meter;
use crate::run::scan;
use crate::{Limits, QueryStats, Result};

/// The metrics of a time range.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// By name.
    pub metrics: Vec<MetricInfo>,
    /// Whether every point was looked at and every metric is listed.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

/// What is known of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricInfo {
    /// Its name.
    pub name: String,
    /// What it measures with; the newest if it changed.
    pub kind: MetricKind,
    /// Its unit; the newest.
    pub unit: String,
    /// Its description; the newest.
    pub description: String,
    /// Services that sent it, by name.
    pub services: Vec<String>,
    /// How many different sets of resource, scope and attributes.
    pub series: u64,
    /// How many points.
    pub points: u64,
    /// Time of the newest point.
    pub last_ns: i64,
}

/// What a metric measures with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "OTLP's names")]
pub enum MetricKind {
    Gauge,
    Sum,
    Histogram,
    ExponentialHistogram,
    Summary,
}

impl MetricKind {
    fn from_code(code: i32) -> Self {
        match code {
            2 => Self::Sum,
            3 => Self::Histogram,
            4 => Self::ExponentialHistogram,
            5 => Self::Summary,
            _ => Self::Gauge,
        }
    }

    /// The name in JSON: `gauge`, `sum`, `histogram`, `exponential_histogram`, `summary`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Sum => "sum",
            Self::Histogram => "histogram",
            Self::ExponentialHistogram => "exponential_histogram",
            Self::Summary => "summary",
        }
    }
}

/// What is gathered about one metric.
struct Gathered {
    info: MetricInfo,
    services: BTreeSet<String>,
    series: HashSet<u64, ahash::RandomState>,
}

pub(crate) async fn list(
    store: &Store,
    mut meter: Meter,
    limits: &Limits,
    tenant: &Tenant,
    time: TimeRange,
) -> Result<Metrics> {
    let request = ScanRequest {
        time,
        columns: Columns::named(&[
            schema::NAME,
            schema::KIND,
            schema::UNIT,
            schema::DESCRIPTION,
            schema::SERVICE,
            schema::RESOURCE,
            schema::SCOPE,
            schema::ATTRIBUTES,
            schema::TIME_NS,
        ]),
        ..ScanRequest::new(tenant.clone(), Signal::Metrics)
    };
    let mut gathered: HashMap<String, Gathered, ahash::RandomState> = HashMap::default();
    let mut cut = false;
    scan(store, request, &mut meter, |batch| {
        cut |= gather(&batch, &mut gathered, limits.values_max)?;
        Ok(())
    })
    .await?;
    let (complete, stats) = meter.finish();
    let mut metrics: Vec<MetricInfo> = gathered
        .into_values()
        .map(|gathered| MetricInfo {
            services: gathered.services.into_iter().collect(),
            series: gathered.series.len() as u64,
            ..gathered.info
        })
        .collect();
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Metrics { metrics, complete: complete && !cut, stats })
}

/// Adds a batch; true when there are more metrics than may be listed.
fn gather(
    batch: &RecordBatch,
    gathered: &mut HashMap<String, Gathered, ahash::RandomState>,
    metrics_max: usize,
) -> Result<bool> {
    let texts = [
        schema::NAME,
        schema::UNIT,
        schema::DESCRIPTION,
        schema::SERVICE,
        schema::RESOURCE,
        schema::SCOPE,
        schema::ATTRIBUTES,
    ]
    .map(|name| batch.column_by_name(name));
    let [name, unit, description, service, resource, scope, attributes] = texts;
    let kinds = required(batch, schema::KIND)?;
    let kinds = kinds.as_primitive_opt::<Int32Type>().ok_or_else(|| wrong_type(schema::KIND))?.values();
    let times = times(batch, schema::TIME_NS)?;
    let hasher = ahash::RandomState::with_seeds(1, 2, 3, 4);
    let mut cut = false;
    for (row, (kind, time_ns)) in kinds.iter().zip(times).enumerate() {
        let name = text(name, row);
        if !gathered.contains_key(name) && gathered.len() >= metrics_max {
            cut = true;
            continue;
        }
        let metric = gathered.entry_ref(name).or_insert_with(|| Gathered::new(name));
        metric.info.points += 1;
        if *time_ns >= metric.info.last_ns {
            metric.info.last_ns = *time_ns;
            metric.info.kind = MetricKind::from_code(*kind);
            replace(&mut metric.info.unit, text(unit, row));
            replace(&mut metric.info.description, text(description, row));
        }
        let service = text(service, row);
        if !metric.services.contains(service) {
            metric.services.insert(service.to_owned());
        }
        let series = (text(resource, row), text(scope, row), text(attributes, row));
        metric.series.insert(hasher.hash_one(series));
    }
    Ok(cut)
}

impl Gathered {
    fn new(name: &str) -> Self {
        Self {
            info: MetricInfo {
                name: name.to_owned(),
                kind: MetricKind::Gauge,
                unit: String::new(),
                description: String::new(),
                services: Vec::new(),
                series: 0,
                points: 0,
                last_ns: i64::MIN,
            },
            services: BTreeSet::new(),
            series: HashSet::default(),
        }
    }
}

fn replace(text: &mut String, with: &str) {
    if text != with {
        with.clone_into(text);
    }
}

/// The text of a row, of a column of text or of a dictionary of it; empty where there is none.
fn text(column: Option<&ArrayRef>, row: usize) -> &str {
    let Some(column) = column.filter(|column| column.is_valid(row)) else {
        return "";
    };
    if let Some(texts) = column.as_string_opt::<i32>() {
        return texts.value(row);
    }
    let value = column.as_dictionary_opt::<Int32Type>().and_then(|dictionary| {
        let code = usize::try_from(dictionary.keys().value(row)).ok()?;
        let texts = dictionary.values().as_string_opt::<i32>()?;
        texts.is_valid(code).then(|| texts.value(code))
    });
    value.unwrap_or_default()
}
