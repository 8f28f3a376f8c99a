//! Small columns shared by the builders: optional text, counts, ids, lists of events and links.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeBinaryBuilder, Int64Builder, ListArray, StringBuilder, StructArray,
    UInt32Builder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::record_batch::RecordBatch;

use crate::batch_error::BatchError;
use crate::id::{SpanId, TraceId};
use crate::schema;

/// Text where the empty one is null; left out of the batch when every row is null.
#[derive(Debug, Default)]
pub(crate) struct OptionalText {
    builder: StringBuilder,
    any: bool,
}

impl OptionalText {
    pub(crate) fn push(&mut self, text: &str) {
        if text.is_empty() {
            self.builder.append_null();
        } else {
            self.any = true;
            self.builder.append_value(text);
        }
    }

    /// Keeps the empty text apart from null.
    pub(crate) fn push_option(&mut self, text: Option<&str>) {
        self.any |= text.is_some();
        self.builder.append_option(text);
    }

    pub(crate) fn finish_array(&mut self) -> ArrayRef {
        self.any = false;
        Arc::new(self.builder.finish())
    }

    pub(crate) fn finish(&mut self) -> Option<ArrayRef> {
        let any = self.any;
        let array = self.finish_array();
        any.then_some(array)
    }
}

/// A count where 0 is null; left out of the batch when every row is 0.
#[derive(Debug, Default)]
pub(crate) struct OptionalCount {
    builder: UInt32Builder,
    any: bool,
}

impl OptionalCount {
    pub(crate) fn push(&mut self, count: u32) {
        self.any |= count > 0;
        self.builder.append_option((count > 0).then_some(count));
    }

    pub(crate) fn finish(&mut self) -> Option<ArrayRef> {
        let any = std::mem::take(&mut self.any);
        let array = self.builder.finish();
        any.then(|| Arc::new(array) as ArrayRef)
    }
}

/// Ids of a fixed width, null where there is none.
#[derive(Debug)]
pub(crate) struct Ids {
    builder: FixedSizeBinaryBuilder,
    any: bool,
}

impl Ids {
    pub(crate) fn traces() -> Self {
        Self { builder: FixedSizeBinaryBuilder::new(16), any: false }
    }

    pub(crate) fn spans() -> Self {
        Self { builder: FixedSizeBinaryBuilder::new(8), any: false }
    }

    pub(crate) fn push(&mut self, id: Option<&[u8]>) -> Result<(), BatchError> {
        match id {
            Some(id) => {
                self.any = true;
                self.builder.append_value(id)?;
            }
            None => self.builder.append_null(),
        }
        Ok(())
    }

    pub(crate) fn finish_array(&mut self) -> ArrayRef {
        self.any = false;
        Arc::new(self.builder.finish())
    }

    pub(crate) fn finish(&mut self) -> Option<ArrayRef> {
        let any = self.any;
        let array = self.finish_array();
        any.then_some(array)
    }
}

/// Where each row's part of a list column ends.
#[derive(Debug)]
pub(crate) struct Offsets(Vec<i32>);

impl Default for Offsets {
    fn default() -> Self {
        Self(vec![0])
    }
}

impl Offsets {
    /// Ends the row at `len` items in all.
    pub(crate) fn end_row(&mut self, len: usize) {
        self.0.push(i32::try_from(len).unwrap_or(i32::MAX));
    }

    /// The list column over `items`; nothing when no row has any.
    pub(crate) fn finish(
        &mut self,
        data_type: DataType,
        items: ArrayRef,
    ) -> Result<Option<ArrayRef>, BatchError> {
        let offsets = std::mem::replace(&mut self.0, vec![0]);
        if items.is_empty() {
            return Ok(None);
        }
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Some(Arc::new(ListArray::try_new(schema::item(data_type), offsets, items, None)?)))
    }
}

/// The events of spans.
#[derive(Debug, Default)]
pub(crate) struct Events {
    offsets: Offsets,
    time: Int64Builder,
    name: StringBuilder,
    attributes: OptionalText,
    dropped: UInt32Builder,
    len: usize,
}

impl Events {
    pub(crate) fn push(&mut self, time_ns: i64, name: &str, attributes_json: Option<&str>, dropped: u32) {
        self.time.append_value(time_ns);
        self.name.append_value(name);
        self.attributes.push_option(attributes_json);
        self.dropped.append_value(dropped);
        self.len += 1;
    }

    pub(crate) fn end_row(&mut self) {
        self.offsets.end_row(self.len);
    }

    pub(crate) fn finish(&mut self) -> Result<Option<ArrayRef>, BatchError> {
        self.len = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.time.finish()),
            Arc::new(self.name.finish()),
            self.attributes.finish_array(),
            Arc::new(self.dropped.finish()),
        ];
        structs(&mut self.offsets, schema::EVENT_FIELDS.clone(), columns)
    }
}

/// The links of spans.
#[derive(Debug)]
pub(crate) struct Links {
    offsets: Offsets,
    trace_id: Ids,
    span_id: Ids,
    trace_state: OptionalText,
    flags: UInt32Builder,
    attributes: OptionalText,
    dropped: UInt32Builder,
    len: usize,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            offsets: Offsets::default(),
            trace_id: Ids::traces(),
            span_id: Ids::spans(),
            trace_state: OptionalText::default(),
            flags: UInt32Builder::new(),
            attributes: OptionalText::default(),
            dropped: UInt32Builder::new(),
            len: 0,
        }
    }
}

impl Links {
    pub(crate) fn push(
        &mut self,
        (trace_id, span_id): (TraceId, SpanId),
        trace_state: &str,
        flags: u32,
        attributes_json: Option<&str>,
        dropped: u32,
    ) -> Result<(), BatchError> {
        self.trace_id.push(Some(&trace_id.0))?;
        self.span_id.push(Some(&span_id.0))?;
        self.trace_state.push(trace_state);
        self.flags.append_value(flags);
        self.attributes.push_option(attributes_json);
        self.dropped.append_value(dropped);
        self.len += 1;
        Ok(())
    }

    pub(crate) fn end_row(&mut self) {
        self.offsets.end_row(self.len);
    }

    pub(crate) fn finish(&mut self) -> Result<Option<ArrayRef>, BatchError> {
        self.len = 0;
        let columns: Vec<ArrayRef> = vec![
            self.trace_id.finish_array(),
            self.span_id.finish_array(),
            self.trace_state.finish_array(),
            Arc::new(self.flags.finish()),
            self.attributes.finish_array(),
            Arc::new(self.dropped.finish()),
        ];
        structs(&mut self.offsets, schema::LINK_FIELDS.clone(), columns)
    }
}

/// A list column of structs.
pub(crate) fn structs(
    offsets: &mut Offsets,
    fields: Fields,
    columns: Vec<ArrayRef>,
) -> Result<Option<ArrayRef>, BatchError> {
    let items: ArrayRef = Arc::new(StructArray::try_new(fields.clone(), columns, None)?);
    offsets.finish(DataType::Struct(fields), items)
}

/// Puts named columns together; `None` columns are left out.
pub(crate) fn assemble(
    signal: crate::Signal,
    rows: usize,
    fixed: Vec<(&'static str, Option<ArrayRef>)>,
    attributes: Vec<(Field, ArrayRef)>,
) -> Result<RecordBatch, BatchError> {
    let mut fields = Vec::with_capacity(fixed.len() + attributes.len());
    let mut columns = Vec::with_capacity(fields.capacity());
    for (name, column) in fixed {
        let Some(column) = column else { continue };
        let field =
            schema::fixed_field(signal, name).ok_or_else(|| BatchError::MissingColumn(name.to_owned()))?;
        fields.push(field.clone());
        columns.push(column);
    }
    for (field, column) in attributes {
        fields.push(field);
        columns.push(column);
    }
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}
