//! The trace sidecar of a span segment: one row a trace, sorted by trace id, with what searches show and where the spans are.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, Int64Array, Int64Builder, ListArray, PrimitiveArray, RecordBatch, StringArray,
    StringBuilder, StructArray, UInt32Array,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, Fields, Int32Type, Int64Type, Schema, SchemaRef};
use throughline_model::{TraceId, schema};

use crate::error::Error;
use crate::segment::sort::{required, wrong_type};
use crate::segment::trace_groups::TraceGroups;

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

static SERVICE_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new(schema::SERVICE, DataType::Utf8, false),
        Field::new("spans", DataType::UInt32, false),
        Field::new("errors", DataType::UInt32, false),
    ])
});

pub(crate) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new(column::TRACE_ID, schema::TRACE_ID_TYPE, false),
        Field::new(column::START_NS, DataType::Int64, false),
        Field::new(column::END_NS, DataType::Int64, false),
        Field::new(column::SPAN_COUNT, DataType::UInt32, false),
        Field::new(column::ERROR_COUNT, DataType::UInt32, false),
        Field::new(column::ROOT_SERVICE, DataType::Utf8, true),
        Field::new(column::ROOT_NAME, DataType::Utf8, true),
        Field::new(column::ROOT_START_NS, DataType::Int64, true),
        Field::new(column::SERVICES, DataType::List(schema::item(DataType::Struct(SERVICE_FIELDS.clone()))), false),
        Field::new(column::ROWS, DataType::List(schema::item(DataType::UInt32)), false),
    ]))
});

/// The columns of a span batch that a sidecar is made of.
struct Spans<'a> {
    start: &'a [i64],
    duration: &'a [i64],
    status: &'a [i32],
    parent: Option<ArrayRef>,
    service: ArrayRef,
    name: ArrayRef,
}

impl<'a> Spans<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, Error> {
        Ok(Self {
            start: primitive::<Int64Type>(batch, schema::START_NS)?,
            duration: primitive::<Int64Type>(batch, schema::DURATION_NS)?,
            status: primitive::<Int32Type>(batch, schema::STATUS_CODE)?,
            parent: batch.column_by_name(schema::PARENT_SPAN_ID).cloned(),
            service: cast(required(batch, schema::SERVICE)?, &schema::dictionary_type())?,
            name: cast(required(batch, schema::NAME)?, &DataType::Utf8)?,
        })
    }

    fn is_root(&self, row: usize) -> bool {
        self.parent.as_ref().is_none_or(|parent| parent.is_null(row))
    }
}

fn primitive<'a, T: ArrowPrimitiveType>(batch: &'a RecordBatch, name: &str) -> Result<&'a [T::Native], Error> {
    let column: &PrimitiveArray<T> = required(batch, name)?.as_primitive_opt().ok_or_else(|| wrong_type(name))?;
    Ok(column.values())
}

/// The status code of an error.
const STATUS_ERROR: i32 = 2;

/// Builds the sidecar of `batch`, whose rows are in segment order and grouped in `groups`.
pub(crate) fn build(batch: &RecordBatch, groups: &TraceGroups) -> Result<RecordBatch, Error> {
    let spans = Spans::of(batch)?;
    let service = spans.service.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong_type(schema::SERVICE))?;
    let service_names = service.values().as_string_opt::<i32>().ok_or_else(|| wrong_type(schema::SERVICE))?;
    let service_codes = service.keys().values();
    let names = spans.name.as_string_opt::<i32>().ok_or_else(|| wrong_type(schema::NAME))?;
    let mut out = Columns::with_capacity(groups);
    for (id, rows) in groups.iter() {
        let mut trace = Trace::default();
        for row in rows {
            let row = *row as usize;
            // Every column has a value for every row of the batch.
            let (Some(start), Some(duration), Some(status), Some(code)) =
                (spans.start.get(row), spans.duration.get(row), spans.status.get(row), service_codes.get(row))
            else {
                continue;
            };
            let error = u32::from(*status == STATUS_ERROR);
            trace.add(*start, start.saturating_add(*duration), error);
            out.count_service(trace.spans == 1, *code, error);
            if spans.is_root(row) && trace.root.is_none_or(|(earliest, _)| *start < earliest) {
                trace.root = Some((*start, row));
            }
        }
        out.end_trace(id, &trace, rows);
        if let Some((start, row)) = trace.root {
            let code = service_codes.get(row).and_then(|code| usize::try_from(*code).ok()).unwrap_or_default();
            out.root_service.append_value(text(service_names, code));
            out.root_name.append_value(text(names, row));
            out.root_start.append_value(start);
        } else {
            out.root_service.append_null();
            out.root_name.append_null();
            out.root_start.append_null();
        }
    }
    out.finish(service_names)
}

fn text(texts: &StringArray, at: usize) -> &str {
    if at < texts.len() && texts.is_valid(at) { texts.value(at) } else { "" }
}

/// One trace while its rows are read.
struct Trace {
    start: i64,
    end: i64,
    spans: u32,
    errors: u32,
    root: Option<(i64, usize)>,
}

impl Default for Trace {
    fn default() -> Self {
        Self { start: i64::MAX, end: i64::MIN, spans: 0, errors: 0, root: None }
    }
}

impl Trace {
    fn add(&mut self, start: i64, end: i64, error: u32) {
        self.start = self.start.min(start);
        self.end = self.end.max(end);
        self.spans += 1;
        self.errors += error;
    }
}

/// The sidecar's columns while they grow.
struct Columns {
    ids: Vec<u8>,
    start: Vec<i64>,
    end: Vec<i64>,
    spans: Vec<u32>,
    errors: Vec<u32>,
    root_service: StringBuilder,
    root_name: StringBuilder,
    root_start: Int64Builder,
    service_codes: Vec<i32>,
    service_spans: Vec<u32>,
    service_errors: Vec<u32>,
    service_counts: Vec<usize>,
    services_done: usize,
    rows: Vec<u32>,
    row_counts: Vec<usize>,
}

impl Columns {
    fn with_capacity(groups: &TraceGroups) -> Self {
        let traces = groups.len();
        Self {
            ids: Vec::with_capacity(traces * 16),
            start: Vec::with_capacity(traces),
            end: Vec::with_capacity(traces),
            spans: Vec::with_capacity(traces),
            errors: Vec::with_capacity(traces),
            root_service: StringBuilder::with_capacity(traces, traces * 16),
            root_name: StringBuilder::with_capacity(traces, traces * 24),
            root_start: Int64Builder::with_capacity(traces),
            service_codes: Vec::new(),
            service_spans: Vec::new(),
            service_errors: Vec::new(),
            service_counts: Vec::with_capacity(traces),
            services_done: 0,
            rows: Vec::with_capacity(groups.row_count()),
            row_counts: Vec::with_capacity(traces),
        }
    }

    /// Counts a span for its service: rows are in service order, so a service's spans follow each other.
    fn count_service(&mut self, first_of_trace: bool, code: i32, error: u32) {
        if first_of_trace || self.service_codes.last() != Some(&code) {
            self.service_codes.push(code);
            self.service_spans.push(0);
            self.service_errors.push(0);
        }
        if let (Some(spans), Some(errors)) = (self.service_spans.last_mut(), self.service_errors.last_mut()) {
            *spans += 1;
            *errors += error;
        }
    }

    fn end_trace(&mut self, id: u128, trace: &Trace, rows: &[u32]) {
        self.ids.extend_from_slice(&id.to_be_bytes());
        self.start.push(trace.start);
        self.end.push(trace.end);
        self.spans.push(trace.spans);
        self.errors.push(trace.errors);
        self.service_counts.push(self.service_codes.len() - self.services_done);
        self.services_done = self.service_codes.len();
        self.rows.extend_from_slice(rows);
        self.row_counts.push(rows.len());
    }

    fn finish(mut self, service_names: &StringArray) -> Result<RecordBatch, Error> {
        let services = self.service_codes.iter().map(|code| text(service_names, usize::try_from(*code).unwrap_or(usize::MAX)));
        let services = StructArray::try_new(
            SERVICE_FIELDS.clone(),
            vec![
                Arc::new(StringArray::from_iter_values(services)),
                Arc::new(UInt32Array::from(self.service_spans)),
                Arc::new(UInt32Array::from(self.service_errors)),
            ],
            None,
        )?;
        let list = |values: ArrayRef, lengths: Vec<usize>| {
            let field = schema::item(values.data_type().clone());
            ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, None)
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(self.ids), None)?),
            Arc::new(Int64Array::from(self.start)),
            Arc::new(Int64Array::from(self.end)),
            Arc::new(UInt32Array::from(self.spans)),
            Arc::new(UInt32Array::from(self.errors)),
            Arc::new(self.root_service.finish()),
            Arc::new(self.root_name.finish()),
            Arc::new(self.root_start.finish()),
            Arc::new(list(Arc::new(services), self.service_counts)?),
            Arc::new(list(Arc::new(UInt32Array::from(self.rows)), self.row_counts)?),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)
    }
}

/// Reads sidecar rows back.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<TraceRow>, Error> {
    let ids = required(batch, column::TRACE_ID)?.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(column::TRACE_ID))?;
    let start = primitive::<Int64Type>(batch, column::START_NS)?;
    let end = primitive::<Int64Type>(batch, column::END_NS)?;
    let counts = |name| primitive::<arrow::datatypes::UInt32Type>(batch, name);
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
                rows: numbers.value(row).as_primitive_opt::<arrow::datatypes::UInt32Type>().ok_or_else(|| wrong_type(column::ROWS))?.values().to_vec(),
            })
        })
        .collect()
}

fn services_of(list: &ArrayRef) -> Result<Vec<TraceService>, Error> {
    let fields = list.as_struct_opt().ok_or_else(|| wrong_type(column::SERVICES))?;
    let batch = RecordBatch::from(fields.clone());
    let names = required(&batch, schema::SERVICE)?.as_string_opt::<i32>().ok_or_else(|| wrong_type(column::SERVICES))?;
    let spans = primitive::<arrow::datatypes::UInt32Type>(&batch, "spans")?;
    let errors = primitive::<arrow::datatypes::UInt32Type>(&batch, "errors")?;
    let rows = spans.iter().zip(errors).enumerate();
    Ok(rows.map(|(at, (spans, errors))| TraceService { service: text(names, at).to_owned(), spans: *spans, errors: *errors }).collect())
}
