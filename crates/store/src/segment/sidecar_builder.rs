//! Building a trace sidecar while the rows of a segment go by.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, Int64Array, Int64Builder, ListArray, RecordBatch,
    StringArray, StringBuilder, StructArray, UInt32Array,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use hashbrown::HashMap;
use throughline_model::schema;

use crate::error::Error;
use crate::segment::sidecar::{SCHEMA, SERVICE_FIELDS, primitive, text};
use crate::segment::sort::{required, wrong_type};
use crate::segment::trace_groups::{Groups, TraceIndex};

/// The status code of an error.
const STATUS_ERROR: i32 = 2;
/// Stands for no text, no entry.
const NONE: u32 = u32::MAX;

/// Sums up traces over the rows of a segment, which must come in segment order.
#[derive(Debug, Default)]
pub(crate) struct SidecarBuilder {
    index: TraceIndex,
    rows: usize,
    traces: Vec<Trace>,
    services: Vec<ServiceCount>,
    service_names: Texts,
    root_names: Texts,
}

/// What is known of a trace.
#[derive(Debug, Clone, Copy)]
struct Trace {
    start: i64,
    end: i64,
    spans: u32,
    errors: u32,
    root_start: i64,
    root_service: u32,
    root_name: u32,
    last_service: u32,
}

const NEW: Trace = Trace {
    start: i64::MAX,
    end: i64::MIN,
    spans: 0,
    errors: 0,
    root_start: i64::MAX,
    root_service: NONE,
    root_name: NONE,
    last_service: NONE,
};

/// What a service has in a trace; in service order for each trace, as the rows are.
#[derive(Debug, Clone, Copy)]
struct ServiceCount {
    trace: u32,
    service: u32,
    spans: u32,
    errors: u32,
}

/// Distinct texts by number.
#[derive(Debug, Default)]
struct Texts {
    by_text: HashMap<Arc<str>, u32, ahash::RandomState>,
    texts: Vec<Arc<str>>,
}

impl Texts {
    fn intern(&mut self, text: &str) -> u32 {
        if let Some(number) = self.by_text.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        let number = self.texts.len() as u32;
        self.texts.push(Arc::clone(&text));
        self.by_text.insert(text, number);
        number
    }

    fn get(&self, number: u32) -> Option<&str> {
        self.texts.get(number as usize).map(AsRef::as_ref)
    }
}

impl SidecarBuilder {
    /// A builder that knows the traces of all rows already; they are added with [`Self::add_indexed`].
    pub(crate) fn with_index(index: TraceIndex) -> Self {
        Self { index, ..Self::default() }
    }

    /// Adds rows.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.index.add(batch)?;
        self.add_indexed(batch)
    }

    /// Adds rows whose traces are in the index.
    pub(crate) fn add_indexed(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let service = cast(required(batch, schema::SERVICE)?, &schema::dictionary_type())?;
        let service = service.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong_type(schema::SERVICE))?;
        let names = service.values().as_string_opt::<i32>().ok_or_else(|| wrong_type(schema::SERVICE))?;
        let numbers: Vec<u32> =
            (0..names.len()).map(|code| self.service_names.intern(text(names, code))).collect();
        let number = |code: i32| {
            usize::try_from(code).ok().and_then(|code| numbers.get(code)).copied().unwrap_or(NONE)
        };
        let span_names = cast(required(batch, schema::NAME)?, &DataType::Utf8)?;
        let span_names = span_names.as_string_opt::<i32>().ok_or_else(|| wrong_type(schema::NAME))?;
        let parent = batch.column_by_name(schema::PARENT_SPAN_ID);
        let starts = primitive::<Int64Type>(batch, schema::START_NS)?.iter();
        let durations = primitive::<Int64Type>(batch, schema::DURATION_NS)?;
        let statuses = primitive::<Int32Type>(batch, schema::STATUS_CODE)?;
        let traces = self.index.of_rows(self.rows);
        self.traces.resize(self.index.ids().len(), NEW);
        let values = starts.zip(durations).zip(statuses).zip(service.keys().values()).zip(traces).enumerate();
        for (row, ((((start, duration), status), code), trace_number)) in values {
            let Some(trace) = self.traces.get_mut(*trace_number as usize) else { continue };
            let (service, error) = (number(*code), u32::from(*status == STATUS_ERROR));
            trace.start = trace.start.min(*start);
            trace.end = trace.end.max(start.saturating_add(*duration));
            trace.spans += 1;
            trace.errors += error;
            let last =
                self.services.get(trace.last_service as usize).is_some_and(|last| last.service == service);
            if !last {
                trace.last_service = self.services.len() as u32;
                self.services.push(ServiceCount { trace: *trace_number, service, spans: 0, errors: 0 });
            }
            if let Some(count) = self.services.get_mut(trace.last_service as usize) {
                count.spans += 1;
                count.errors += error;
            }
            if *start < trace.root_start && parent.is_none_or(|parent| parent.is_null(row)) {
                trace.root_start = *start;
                trace.root_service = service;
                trace.root_name = self.root_names.intern(text(span_names, row));
            }
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    /// The sidecar, sorted by trace id.
    pub(crate) fn finish(self) -> Result<RecordBatch, Error> {
        let mut order: Vec<(u128, u32)> = self.index.ids().iter().copied().zip(0..).collect();
        order.sort_unstable();
        let traces: Vec<(u128, u32, Trace)> = order
            .into_iter()
            .filter_map(|(id, number)| Some((id, number, *self.traces.get(number as usize)?)))
            .collect();
        let ids: Vec<u8> = traces.iter().flat_map(|(id, ..)| id.to_be_bytes()).collect();
        let ints =
            |of: fn(&Trace) -> i64| Int64Array::from_iter_values(traces.iter().map(|(.., trace)| of(trace)));
        let counts =
            |of: fn(&Trace) -> u32| UInt32Array::from_iter_values(traces.iter().map(|(.., trace)| of(trace)));
        let (root_service, root_name, root_start) = self.roots(&traces);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(ids), None)?),
            Arc::new(ints(|trace| trace.start)),
            Arc::new(ints(|trace| trace.end)),
            Arc::new(counts(|trace| trace.spans)),
            Arc::new(counts(|trace| trace.errors)),
            root_service,
            root_name,
            root_start,
            self.service_lists(&traces)?,
            self.row_lists(&traces)?,
        ];
        Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)
    }

    fn roots(&self, traces: &[(u128, u32, Trace)]) -> (ArrayRef, ArrayRef, ArrayRef) {
        let mut service = StringBuilder::with_capacity(traces.len(), traces.len() * 12);
        let mut name = StringBuilder::with_capacity(traces.len(), traces.len() * 16);
        let mut start = Int64Builder::with_capacity(traces.len());
        for (.., trace) in traces {
            let root = self.root_names.get(trace.root_name);
            name.append_option(root);
            service.append_option(root.and_then(|_| self.service_names.get(trace.root_service)));
            start.append_option(root.map(|_| trace.root_start));
        }
        (Arc::new(service.finish()), Arc::new(name.finish()), Arc::new(start.finish()))
    }

    fn service_lists(&self, traces: &[(u128, u32, Trace)]) -> Result<ArrayRef, Error> {
        let trace_of_count: Vec<u32> = self.services.iter().map(|count| count.trace).collect();
        let groups = Groups::of(&trace_of_count, self.traces.len());
        let lists = || traces.iter().map(|(_, number, _)| groups.get(*number as usize));
        let counts: Vec<&ServiceCount> =
            lists().flatten().filter_map(|at| self.services.get(*at as usize)).collect();
        let name = |count: &&ServiceCount| self.service_names.get(count.service).unwrap_or_default();
        let values = StructArray::try_new(
            SERVICE_FIELDS.clone(),
            vec![
                Arc::new(StringArray::from_iter_values(counts.iter().map(name))),
                Arc::new(UInt32Array::from_iter_values(counts.iter().map(|count| count.spans))),
                Arc::new(UInt32Array::from_iter_values(counts.iter().map(|count| count.errors))),
            ],
            None,
        )?;
        list(Arc::new(values), lists().map(<[u32]>::len))
    }

    fn row_lists(&self, traces: &[(u128, u32, Trace)]) -> Result<ArrayRef, Error> {
        let groups = self.index.groups();
        let lists = || traces.iter().map(|(_, number, _)| groups.get(*number as usize));
        let rows = UInt32Array::from_iter_values(lists().flatten().copied());
        list(Arc::new(rows), lists().map(<[u32]>::len))
    }
}

fn list(values: ArrayRef, lengths: impl Iterator<Item = usize>) -> Result<ArrayRef, Error> {
    let field = schema::item(values.data_type().clone());
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, None)?))
}
