//! Traces in short, from the sidecars and live rows, without reading stored spans.

use super::meter::Meter;
use super::request::Columns;
use super::source::Source;
use super::traces::{IdSet, Lookup};
use crate::Error;
use crate::segment::TraceRow;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use std::collections::BTreeMap;
use throughline_model::{TraceId, schema};

/// A trace in short. A span that was sent twice and lies in two places may count twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSummary {
    /// The trace's id.
    pub trace_id: TraceId,
    /// When the first span starts.
    pub start_ns: i64,
    /// When the last span ends.
    pub end_ns: i64,
    /// How many spans.
    pub span_count: u64,
    /// How many with status error.
    pub error_count: u64,
    /// Service of the root, the earliest span without a parent; empty when there is none yet.
    pub root_service: String,
    /// Name of the root; empty when there is none yet.
    pub root_name: String,
    /// Spans and errors by service, the most spans first, then by name.
    pub services: Vec<ServiceCount>,
}

/// Spans and errors of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCount {
    /// The service.
    pub service: String,
    /// How many spans.
    pub spans: u64,
    /// How many of them with status error.
    pub errors: u64,
}

/// The OTLP number of status error.
const STATUS_ERROR: i32 = 2;

/// A summary while it grows.
#[derive(Debug)]
struct Partial {
    start_ns: i64,
    end_ns: i64,
    spans: u64,
    errors: u64,
    /// Start, service and name: the smallest wins, so that the order of sources does not matter.
    root: Option<(i64, String, String)>,
    services: BTreeMap<String, (u64, u64)>,
}

impl Default for Partial {
    fn default() -> Self {
        let services = BTreeMap::new();
        Self { start_ns: i64::MAX, end_ns: i64::MIN, spans: 0, errors: 0, root: None, services }
    }
}

impl Partial {
    fn span(&mut self, times: (i64, i64), error: bool, service: &str) {
        self.start_ns = self.start_ns.min(times.0);
        self.end_ns = self.end_ns.max(times.1);
        self.spans += 1;
        self.errors += u64::from(error);
        self.service(service, 1, u64::from(error));
    }

    fn service(&mut self, service: &str, spans: u64, errors: u64) {
        if !self.services.contains_key(service) {
            self.services.insert(service.to_owned(), (0, 0));
        }
        if let Some(count) = self.services.get_mut(service) {
            count.0 += spans;
            count.1 += errors;
        }
    }

    fn root(&mut self, start_ns: i64, service: &str, name: &str) {
        let root = (start_ns, service.to_owned(), name.to_owned());
        if self.root.as_ref().is_none_or(|have| root < *have) {
            self.root = Some(root);
        }
    }

    fn stored(&mut self, row: &TraceRow) {
        self.start_ns = self.start_ns.min(row.start_ns);
        self.end_ns = self.end_ns.max(row.end_ns);
        self.spans += u64::from(row.span_count);
        self.errors += u64::from(row.error_count);
        for service in &row.services {
            self.service(&service.service, service.spans.into(), service.errors.into());
        }
        if let Some(root) = &row.root {
            self.root(root.start_ns, &root.service, &root.name);
        }
    }

    fn finish(self, trace_id: TraceId) -> TraceSummary {
        let (_, root_service, root_name) = self.root.unwrap_or_default();
        let counts = self.services.into_iter();
        let mut services: Vec<ServiceCount> =
            counts.map(|(service, (spans, errors))| ServiceCount { service, spans, errors }).collect();
        services.sort_by_key(|count| std::cmp::Reverse(count.spans));
        TraceSummary {
            trace_id,
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            span_count: self.spans,
            error_count: self.errors,
            root_service,
            root_name,
            services,
        }
    }
}

impl Lookup {
    /// The traces that exist, in the order asked for.
    pub(super) fn summaries(&self, meter: &Meter) -> Result<Vec<TraceSummary>, Error> {
        self.validate()?;
        let set = IdSet::new(&self.ids);
        let mut partials: BTreeMap<TraceId, Partial> = BTreeMap::new();
        let columns = span_columns();
        for batch in &self.view.batches {
            meter.spend(batch.num_rows(), batch.num_rows() as u64 * 16)?;
            let rows = set.rows(batch);
            if !rows.is_empty() {
                add_spans(&Source::Live(batch.clone()).rows(&rows, &columns, meter)?, &set, &mut partials)?;
            }
        }
        for segment in self.open_segments(meter)? {
            let found = meter.leave_out(segment.reader.traces(&self.ids))?;
            match found {
                None => {}
                Some(Some(rows)) => {
                    meter.spend(rows.len(), 0)?;
                    rows.iter().for_each(|row| partials.entry(row.trace_id).or_default().stored(row));
                }
                // No sidecar: count its spans themselves.
                Some(None) => {
                    let read = self.stored(&segment, &columns, meter);
                    if let Some(batch) = meter.leave_out(read)?.flatten() {
                        add_spans(&batch, &set, &mut partials)?;
                    }
                }
            }
        }
        Ok(self.ids.iter().filter_map(|id| Some(partials.remove(id)?.finish(*id))).collect())
    }
}

fn span_columns() -> Columns {
    Columns::named(&[
        schema::TRACE_ID,
        schema::PARENT_SPAN_ID,
        schema::START_NS,
        schema::DURATION_NS,
        schema::STATUS_CODE,
        schema::SERVICE,
        schema::NAME,
    ])
}

fn add_spans(
    batch: &RecordBatch,
    set: &IdSet,
    partials: &mut BTreeMap<TraceId, Partial>,
) -> Result<(), Error> {
    let missing = |name: &str| Error::internal(format!("spans have no column {name:?}"));
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| missing(name));
    let ints = |name: &str| column(name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| missing(name));
    let ids =
        column(schema::TRACE_ID)?.as_fixed_size_binary_opt().ok_or_else(|| missing(schema::TRACE_ID))?;
    let (start, duration) = (ints(schema::START_NS)?, ints(schema::DURATION_NS)?);
    let status = column(schema::STATUS_CODE)?
        .as_primitive_opt::<Int32Type>()
        .ok_or_else(|| missing(schema::STATUS_CODE))?;
    let (service, name) = (column(schema::SERVICE)?, column(schema::NAME)?);
    let parent = batch.column_by_name(schema::PARENT_SPAN_ID);
    for row in 0..batch.num_rows() {
        let Some(id) = TraceId::from_slice(ids.value(row)).filter(|id| set.contains(&id.0)) else { continue };
        let partial = partials.entry(id).or_default();
        let start = start.value(row);
        let service = super::field_values::text(service, row).unwrap_or_default();
        partial.span(
            (start, start.saturating_add(duration.value(row))),
            status.value(row) == STATUS_ERROR,
            service,
        );
        if parent.is_none_or(|parent| parent.is_null(row)) {
            partial.root(start, service, super::field_values::text(name, row).unwrap_or_default());
        }
    }
    Ok(())
}
