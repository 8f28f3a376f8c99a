//! The trace sidecar of a span segment: one row a trace, sorted by trace id, with what searches show and where the spans are.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Fields, Int64Type, Schema, SchemaRef, UInt32Type,
};
use throughline_model::{TraceId, schema};

use crate::error::Error;
use crate::segment::sort::{required, wrong_type};

/// Column names of a sidecar.
pub(crate) mod column {
    pub(crate) const TRACE_ID: &str = "trace_id";
    pub(crate) const START_NS: &str = "start_ns";
    pub(crate) const END_NS: &str = "end_ns";
    pub(crate) const SPAN_COUNT: &str = "span_count";
    pub(crate) const ERROR_COUNT: &str = "error_count";
    pub(crate) const ROOT_SERVICE: &str = "root_service";
    pub(crate) const ROOT_NAME: &str = "root_name";
    pub(crate) const ROOT_START_NS: &str = "root_start_ns";
    pub(crate) const SERVICES: &str = "services";
    pub(crate) const ROWS: &str = "rows";
}

/// What a segment holds of one trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRow {
    /// The trace.
    pub trace_id: TraceId,
    /// Start of its first span in the segment.
    pub start_ns: i64,
    /// End of its last span in the segment.
    pub end_ns: i64,
    /// Its spans in the segment.
    pub span_count: u32,
    /// Those of them with status error.
    pub error_count: u32,
    /// Its earliest span without a parent, if the segment has one.
    pub root: Option<TraceRoot>,
    /// Its services in the segment, by name.
    pub services: Vec<TraceService>,
    /// The numbers of its rows in the segment, ascending.
    pub rows: Vec<u32>,
}

/// The root span of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRoot {
    /// Its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its start.
    pub start_ns: i64,
}

/// What a service has in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceService {
    /// The service.
    pub service: String,
    /// Its spans.
    pub spans: u32,
    /// Those of them with status error.
    pub errors: u32,
}

pub(super) static SERVICE_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new(schema::SERVICE, DataType::Utf8, false),
        Field::new("spans", DataType::UInt32, false),
        Field::new("errors", DataType::UInt32, false),
    ])
});

pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new(column::TRACE_ID, schema::TRACE_ID_TYPE, false),
        Field::new(column::START_NS, DataType::Int64, false),
        Field::new(column::END_NS, DataType::Int64, false),
        Field::new(column::SPAN_COUNT, DataType::UInt32, false),
        Field::new(column::ERROR_COUNT, DataType::UInt32, false),
        Field::new(column::ROOT_SERVICE, DataType::Utf8, true),
        Field::new(column::ROOT_NAME, DataType::Utf8, true),
        Field::new(column::ROOT_START_NS, DataType::Int64, true),
        Field::new(
            column::SERVICES,
            DataType::List(schema::item(DataType::Struct(SERVICE_FIELDS.clone()))),
            false,
        ),
        Field::new(column::ROWS, DataType::List(schema::item(DataType::UInt32)), false),
    ]))
});

pub(super) fn primitive<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a [T::Native], Error> {
    let column: &PrimitiveArray<T> =
        required(batch, name)?.as_primitive_opt().ok_or_else(|| wrong_type(name))?;
    Ok(column.values())
}

pub(super) fn text(texts: &StringArray, at: usize) -> &str {
    if at < texts.len() && texts.is_valid(at) { texts.value(at) } else { "" }
}

/// Reads sidecar rows back.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<TraceRow>, Error> {
    let ids = required(batch, column::TRACE_ID)?
        .as_fixed_size_binary_opt()
        .ok_or_else(|| wrong_type(column::TRACE_ID))?;
    let start = primitive::<Int64Type>(batch, column::START_NS)?;
    let end = primitive::<Int64Type>(batch, column::END_NS)?;
    let counts = |name| primitive::<UInt32Type>(batch, name);
    let (spans, errors) = (counts(column::SPAN_COUNT)?, counts(column::ERROR_COUNT)?);
    let string = |name: &str| required(batch, name)?.as_string_opt::<i32>().ok_or_else(|| wrong_type(name));
    let (root_service, root_name) = (string(column::ROOT_SERVICE)?, string(column::ROOT_NAME)?);
    let root_start = primitive::<Int64Type>(batch, column::ROOT_START_NS)?;
    let list = |name: &str| required(batch, name)?.as_list_opt::<i32>().ok_or_else(|| wrong_type(name));
    let (services, numbers) = (list(column::SERVICES)?, list(column::ROWS)?);
    let at = |values: &[i64], row: usize| values.get(row).copied().unwrap_or_default();
    let count = |values: &[u32], row: usize| values.get(row).copied().unwrap_or_default();
    (0..batch.num_rows())
        .map(|row| {
            Ok(TraceRow {
                trace_id: TraceId::from_slice(ids.value(row)).unwrap_or_default(),
                start_ns: at(start, row),
                end_ns: at(end, row),
                span_count: count(spans, row),
                error_count: count(errors, row),
                root: root_name.is_valid(row).then(|| TraceRoot {
                    service: text(root_service, row).to_owned(),
                    name: text(root_name, row).to_owned(),
                    start_ns: at(root_start, row),
                }),
                services: services_of(&services.value(row))?,
                rows: numbers
                    .value(row)
                    .as_primitive_opt::<UInt32Type>()
                    .ok_or_else(|| wrong_type(column::ROWS))?
                    .values()
                    .to_vec(),
            })
        })
        .collect()
}

fn services_of(list: &ArrayRef) -> Result<Vec<TraceService>, Error> {
    let fields = list.as_struct_opt().ok_or_else(|| wrong_type(column::SERVICES))?;
    let batch = RecordBatch::from(fields.clone());
    let names = required(&batch, schema::SERVICE)?
        .as_string_opt::<i32>()
        .ok_or_else(|| wrong_type(column::SERVICES))?;
    let spans = primitive::<UInt32Type>(&batch, "spans")?;
    let errors = primitive::<UInt32Type>(&batch, "errors")?;
    let rows = spans.iter().zip(errors).enumerate();
    Ok(rows
        .map(|(at, (spans, errors))| TraceService {
            service: text(names, at).to_owned(),
            spans: *spans,
            errors: *errors,
        })
        .collect())
}
