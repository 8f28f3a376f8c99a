//! Which services there are, and what they do.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use hashbrown::HashMap;
use throughline_lang::traceql::Kind;
use throughline_model::{Signal, Tenant, schema};
use throughline_store::Store;
use throughline_store::scan::{Columns, Field, Filter, ScanRequest, TimeRange};

use crate::limits::Meter;
use crate::run::scan;
use crate::{Error, Limits, QueryStats, Result};

/// The services of a time range.
#[derive(Debug, Clone, PartialEq)]
pub struct Services {
    /// By name.
    pub services: Vec<ServiceStats>,
    /// Whether every span was looked at.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

/// A service and how much it sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStats {
    /// `service.name`; empty for spans without.
    pub name: String,
    /// Spans; those sent twice may count twice until they are joined.
    pub spans: u64,
    /// Those of them with status error.
    pub errors: u64,
}

/// Which operations.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationsRequest {
    /// Whose spans.
    pub tenant: Tenant,
    /// Of which service; `None` for all.
    pub service: Option<String>,
    /// Of which kind; `None` for all.
    pub kind: Option<Kind>,
    /// When.
    pub time: TimeRange,
}

/// The operations of a time range.
#[derive(Debug, Clone, PartialEq)]
pub struct Operations {
    /// By name and kind.
    pub operations: Vec<Operation>,
    /// Whether every span was looked at and every operation is listed.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

/// A span name with its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The span name.
    pub name: String,
    /// The kind.
    pub kind: Kind,
    /// Spans; those sent twice may count twice until they are joined.
    pub spans: u64,
    /// Those of them with status error.
    pub errors: u64,
}

const STATUS_ERROR: i32 = 2;

pub(crate) async fn services(
    store: &Store,
    mut meter: Meter,
    tenant: &Tenant,
    time: TimeRange,
) -> Result<Services> {
    let request = ScanRequest {
        time,
        columns: Columns::named(&[schema::SERVICE, schema::STATUS_CODE]),
        ..ScanRequest::new(tenant.clone(), Signal::Traces)
    };
    let mut counts: HashMap<String, (u64, u64), ahash::RandomState> = HashMap::default();
    scan(store, request, &mut meter, |batch| {
        count_services(&batch, &mut counts)?;
        Ok(())
    })
    .await?;
    let (complete, stats) = meter.finish();
    let mut services: Vec<_> =
        counts.into_iter().map(|(name, (spans, errors))| ServiceStats { name, spans, errors }).collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Services { services, complete, stats })
}

/// Counts by dictionary code, so that no text is looked at row by row.
fn count_services(
    batch: &RecordBatch,
    counts: &mut HashMap<String, (u64, u64), ahash::RandomState>,
) -> Result<()> {
    let service = required(batch, schema::SERVICE)?;
    let service = service.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong_type(schema::SERVICE))?;
    let names = service.values().as_string_opt::<i32>().ok_or_else(|| wrong_type(schema::SERVICE))?;
    let errors = errors(batch)?;
    let mut by_code = vec![(0u64, 0u64); names.len()];
    for (row, code) in service.keys().iter().enumerate() {
        let code = code.and_then(|code| usize::try_from(code).ok());
        if let Some(count) = code.and_then(|code| by_code.get_mut(code)) {
            count.0 += 1;
            count.1 += u64::from(errors(row));
        }
    }
    for (code, (spans, errors)) in by_code.into_iter().enumerate().filter(|(_, count)| count.0 > 0) {
        let name = if names.is_valid(code) { names.value(code) } else { "" };
        let count = counts.entry_ref(name).or_default();
        count.0 += spans;
        count.1 += errors;
    }
    Ok(())
}

pub(crate) async fn operations(
    store: &Store,
    mut meter: Meter,
    limits: &Limits,
    request: OperationsRequest,
) -> Result<Operations> {
    let mut filter = Filter::All;
    if let Some(service) = &request.service {
        filter = filter.and(Filter::eq(Field::column(schema::SERVICE), service.as_str()));
    }
    if let Some(kind) = request.kind {
        filter = filter.and(Filter::eq(Field::column(schema::KIND), i64::from(kind.code())));
    }
    let scan_request = ScanRequest {
        time: request.time,
        filter,
        columns: Columns::named(&[schema::NAME, schema::KIND, schema::STATUS_CODE]),
        ..ScanRequest::new(request.tenant, Signal::Traces)
    };
    let mut counts: HashMap<i32, HashMap<String, (u64, u64), ahash::RandomState>> = HashMap::default();
    let mut distinct = 0;
    let mut cut = false;
    scan(store, scan_request, &mut meter, |batch| {
        let names = required(&batch, schema::NAME)?;
        let names = names.as_string_opt::<i32>().ok_or_else(|| wrong_type(schema::NAME))?;
        let kinds = required(&batch, schema::KIND)?;
        let kinds = kinds.as_primitive_opt::<Int32Type>().ok_or_else(|| wrong_type(schema::KIND))?;
        let errors = errors(&batch)?;
        for (row, kind) in kinds.values().iter().enumerate() {
            let of_kind = counts.entry(*kind).or_default();
            let name = names.value(row);
            let count = match of_kind.get_mut(name) {
                Some(count) => count,
                None if distinct >= limits.values_max => {
                    cut = true;
                    continue;
                }
                None => {
                    distinct += 1;
                    of_kind.entry_ref(name).or_default()
                }
            };
            count.0 += 1;
            count.1 += u64::from(errors(row));
        }
        Ok(())
    })
    .await?;
    let (complete, stats) = meter.finish();
    let mut operations: Vec<Operation> = counts
        .into_iter()
        .flat_map(|(kind, names)| {
            names.into_iter().map(move |(name, (spans, errors))| Operation {
                name,
                kind: Kind::from_code(kind),
                spans,
                errors,
            })
        })
        .collect();
    operations.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.kind.code().cmp(&b.kind.code())));
    Ok(Operations { operations, complete: complete && !cut, stats })
}

fn errors(batch: &RecordBatch) -> Result<impl Fn(usize) -> bool + '_> {
    let status = required(batch, schema::STATUS_CODE)?;
    let status =
        status.as_primitive_opt::<Int32Type>().ok_or_else(|| wrong_type(schema::STATUS_CODE))?.values();
    Ok(move |row: usize| status.get(row) == Some(&STATUS_ERROR))
}

pub(crate) fn required<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a arrow::array::ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| Error::internal(format!("the store left out column {name}")))
}

pub(crate) fn wrong_type(name: &str) -> Error {
    Error::internal(format!("the store gave column {name} another type"))
}

/// A column of times.
pub(crate) fn times<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [i64]> {
    let column = required(batch, name)?;
    Ok(column.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(name))?.values())
}
