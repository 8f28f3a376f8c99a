//! Log records out of a batch.

use arrow::array::{BooleanArray, FixedSizeBinaryArray, Int32Array, Int64Array, StringArray, UInt32Array};
use arrow::record_batch::RecordBatch;

use super::LogRecord;
use super::column::{AttributeReader, Column, Dictionary, bad_json};
use crate::attr_json;
use crate::batch_error::BatchError;
use crate::origin::{Resource, Scope};
use crate::schema;
use crate::value::Value;

/// Every log record of a batch, in its order.
///
/// # Errors
/// A batch that is not of the log schema.
pub fn logs(batch: &RecordBatch) -> Result<Vec<LogRecord>, BatchError> {
    let time = Column::<Int64Array>::required(batch, schema::TIME_NS)?;
    let observed = Column::<Int64Array>::optional(batch, schema::OBSERVED_NS)?;
    let severity_number = Column::<Int32Array>::optional(batch, schema::SEVERITY_NUMBER)?;
    let severity_text = Column::<StringArray>::optional(batch, schema::SEVERITY_TEXT)?;
    let body = Column::<StringArray>::optional(batch, schema::BODY)?;
    let body_is_json = Column::<BooleanArray>::optional(batch, schema::BODY_IS_JSON)?;
    let event_name = Column::<StringArray>::optional(batch, schema::EVENT_NAME)?;
    let trace_id = Column::<FixedSizeBinaryArray>::optional(batch, schema::TRACE_ID)?;
    let span_id = Column::<FixedSizeBinaryArray>::optional(batch, schema::SPAN_ID)?;
    let flags = Column::<UInt32Array>::optional(batch, schema::FLAGS)?;
    let dropped = Column::<UInt32Array>::optional(batch, schema::DROPPED_ATTRIBUTES)?;
    let resource = Dictionary::new(batch, schema::RESOURCE)?;
    let mut resource = resource.parsed(schema::RESOURCE, Resource::from_json);
    let scope = Dictionary::new(batch, schema::SCOPE)?;
    let mut scope = scope.parsed(schema::SCOPE, Scope::from_json);
    let attributes = AttributeReader::new(batch)?;
    let mut logs = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let body = match body.get(row) {
            None => None,
            Some(text) if body_is_json.value(row) => {
                Some(attr_json::parse_value(text).map_err(|error| bad_json(schema::BODY, row, &error))?)
            }
            Some(text) => Some(Value::from(text)),
        };
        logs.push(LogRecord {
            time_ns: time.value(row),
            observed_ns: observed.value(row),
            severity_number: severity_number.value(row),
            severity_text: severity_text.value(row).to_owned(),
            body,
            event_name: event_name.value(row).to_owned(),
            trace_id: trace_id.trace_id(row),
            span_id: span_id.span_id(row),
            flags: flags.value(row),
            attributes: attributes.row(row)?,
            dropped_attributes_count: dropped.value(row),
            resource: resource(row)?,
            scope: scope(row)?,
        });
    }
    Ok(logs)
}
