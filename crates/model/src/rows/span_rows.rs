//! Spans out of a batch.

use arrow::array::{
    AsArray, FixedSizeBinaryArray, Int32Array, Int64Array, ListArray, StringArray, UInt32Array,
};
use arrow::record_batch::RecordBatch;

use super::column::{AttributeReader, Column, Dictionary};
use super::{Event, Link, Span};
use crate::batch_error::BatchError;
use crate::origin::{Resource, Scope};
use crate::schema;

/// Every span of a batch, in its order.
///
/// # Errors
/// A batch that is not of the span schema.
pub fn spans(batch: &RecordBatch) -> Result<Vec<Span>, BatchError> {
    let trace_id = Column::<FixedSizeBinaryArray>::required(batch, schema::TRACE_ID)?;
    let span_id = Column::<FixedSizeBinaryArray>::required(batch, schema::SPAN_ID)?;
    let parent = Column::<FixedSizeBinaryArray>::optional(batch, schema::PARENT_SPAN_ID)?;
    let trace_state = Column::<StringArray>::optional(batch, schema::TRACE_STATE)?;
    let flags = Column::<UInt32Array>::optional(batch, schema::FLAGS)?;
    let name = Column::<StringArray>::optional(batch, schema::NAME)?;
    let kind = Column::<Int32Array>::optional(batch, schema::KIND)?;
    let start = Column::<Int64Array>::required(batch, schema::START_NS)?;
    let duration = Column::<Int64Array>::optional(batch, schema::DURATION_NS)?;
    let status_code = Column::<Int32Array>::optional(batch, schema::STATUS_CODE)?;
    let status_message = Column::<StringArray>::optional(batch, schema::STATUS_MESSAGE)?;
    let dropped_attributes = Column::<UInt32Array>::optional(batch, schema::DROPPED_ATTRIBUTES)?;
    let dropped_events = Column::<UInt32Array>::optional(batch, schema::DROPPED_EVENTS)?;
    let dropped_links = Column::<UInt32Array>::optional(batch, schema::DROPPED_LINKS)?;
    let resource = Dictionary::new(batch, schema::RESOURCE)?;
    let mut resource = resource.parsed(schema::RESOURCE, Resource::from_json);
    let scope = Dictionary::new(batch, schema::SCOPE)?;
    let mut scope = scope.parsed(schema::SCOPE, Scope::from_json);
    let attributes = AttributeReader::new(batch)?;
    let events = events(batch)?;
    let links = links(batch)?;
    let mut spans = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        spans.push(Span {
            trace_id: trace_id.trace_id(row).unwrap_or_default(),
            span_id: span_id.span_id(row).unwrap_or_default(),
            parent_span_id: parent.span_id(row),
            trace_state: trace_state.value(row).to_owned(),
            flags: flags.value(row),
            name: name.value(row).to_owned(),
            kind: kind.value(row),
            start_ns: start.value(row),
            duration_ns: duration.value(row),
            status_code: status_code.value(row),
            status_message: status_message.value(row).to_owned(),
            attributes: attributes.row(row)?,
            dropped_attributes_count: dropped_attributes.value(row),
            events: events(row)?,
            dropped_events_count: dropped_events.value(row),
            links: links(row)?,
            dropped_links_count: dropped_links.value(row),
            resource: resource(row)?,
            scope: scope(row)?,
        });
    }
    Ok(spans)
}

type RowReader<'a, T> = Box<dyn Fn(usize) -> Result<Vec<T>, BatchError> + 'a>;

fn events(batch: &RecordBatch) -> Result<RowReader<'_, Event>, BatchError> {
    let lists = Column::<ListArray>::optional(batch, schema::EVENTS)?;
    let Some(items) = lists.array().and_then(|lists| lists.values().as_struct_opt()) else {
        return Ok(Box::new(|_| Ok(Vec::new())));
    };
    let time = Column::<Int64Array>::field(items, schema::TIME_NS)?;
    let name = Column::<StringArray>::field(items, schema::NAME)?;
    let attributes = Column::<StringArray>::field(items, schema::ATTRIBUTES)?;
    let dropped = Column::<UInt32Array>::field(items, schema::DROPPED_ATTRIBUTES)?;
    let event = move |i| {
        Ok(Event {
            time_ns: time.value(i),
            name: name.value(i).to_owned(),
            attributes: attributes.attributes(i)?,
            dropped_attributes_count: dropped.value(i),
        })
    };
    Ok(Box::new(move |row| lists.range(row).map(event).collect()))
}

fn links(batch: &RecordBatch) -> Result<RowReader<'_, Link>, BatchError> {
    let lists = Column::<ListArray>::optional(batch, schema::LINKS)?;
    let Some(items) = lists.array().and_then(|lists| lists.values().as_struct_opt()) else {
        return Ok(Box::new(|_| Ok(Vec::new())));
    };
    let trace_id = Column::<FixedSizeBinaryArray>::field(items, schema::TRACE_ID)?;
    let span_id = Column::<FixedSizeBinaryArray>::field(items, schema::SPAN_ID)?;
    let trace_state = Column::<StringArray>::field(items, schema::TRACE_STATE)?;
    let flags = Column::<UInt32Array>::field(items, schema::FLAGS)?;
    let attributes = Column::<StringArray>::field(items, schema::ATTRIBUTES)?;
    let dropped = Column::<UInt32Array>::field(items, schema::DROPPED_ATTRIBUTES)?;
    let link = move |i| {
        Ok(Link {
            trace_id: trace_id.trace_id(i).unwrap_or_default(),
            span_id: span_id.span_id(i).unwrap_or_default(),
            trace_state: trace_state.value(i).to_owned(),
            flags: flags.value(i),
            attributes: attributes.attributes(i)?,
            dropped_attributes_count: dropped.value(i),
        })
    };
    Ok(Box::new(move |row| lists.range(row).map(link).collect()))
}
