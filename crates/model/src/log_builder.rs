//! Building a batch of log records column by column.

use std::sync::Arc;

use arrow::array::{BooleanBuilder, Int32Builder, Int64Builder, UInt32Builder};
use arrow::record_batch::RecordBatch;

use crate::attr_json;
use crate::attribute_columns::AttributeColumns;
use crate::batch_error::BatchError;
use crate::columns::{Ids, OptionalCount, OptionalText, assemble};
use crate::dictionary::DictionaryColumn;
use crate::id::{SpanId, TraceId};
use crate::rows::LogRecord;
use crate::schema;
use crate::signal::Signal;
use crate::span_builder::{overflow_key, push_overflow};
use crate::value::Value;

/// The body of a log record.
#[derive(Debug, Clone, Copy, Default)]
pub enum BodyText<'a> {
    /// No body.
    #[default]
    None,
    /// A string.
    Text(&'a str),
    /// Attribute JSON of a value of another type.
    Json(&'a str),
}

/// The fields of a log record that take one value.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogFields<'a> {
    /// When it happened, nanoseconds since the epoch; 0 when the sender did not know.
    pub time_ns: i64,
    /// When it was observed.
    pub observed_ns: i64,
    /// OTLP severity number.
    pub severity_number: i32,
    /// Severity as the sender wrote it.
    pub severity_text: &'a str,
    /// Body.
    pub body: BodyText<'a>,
    /// Event name.
    pub event_name: &'a str,
    /// Trace that it belongs to.
    pub trace_id: Option<TraceId>,
    /// Span that it belongs to.
    pub span_id: Option<SpanId>,
    /// OTLP flags.
    pub flags: u32,
    /// Attributes dropped by the sender.
    pub dropped_attributes: u32,
}

/// Builds a batch of log records; used as [`crate::SpanBatchBuilder`] is.
#[derive(Debug)]
pub struct LogBatchBuilder {
    time: Int64Builder,
    observed: Int64Builder,
    severity_number: Int32Builder,
    severity_text: OptionalText,
    body: OptionalText,
    body_is_json: BooleanBuilder,
    any_json: bool,
    event_name: OptionalText,
    trace_id: Ids,
    span_id: Ids,
    flags: UInt32Builder,
    service: DictionaryColumn,
    resource: DictionaryColumn,
    scope: DictionaryColumn,
    dropped_attributes: OptionalCount,
    attributes: OptionalText,
    columns: AttributeColumns,
    overflow: String,
    origin: (i32, i32, i32),
    rows: usize,
}

impl Default for LogBatchBuilder {
    fn default() -> Self {
        Self {
            time: Int64Builder::new(),
            observed: Int64Builder::new(),
            severity_number: Int32Builder::new(),
            severity_text: OptionalText::default(),
            body: OptionalText::default(),
            body_is_json: BooleanBuilder::new(),
            any_json: false,
            event_name: OptionalText::default(),
            trace_id: Ids::traces(),
            span_id: Ids::spans(),
            flags: UInt32Builder::new(),
            service: DictionaryColumn::default(),
            resource: DictionaryColumn::default(),
            scope: DictionaryColumn::default(),
            dropped_attributes: OptionalCount::default(),
            attributes: OptionalText::default(),
            columns: AttributeColumns::default(),
            overflow: String::new(),
            origin: (0, 0, 0),
            rows: 0,
        }
    }
}

impl LogBatchBuilder {
    /// An empty builder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says where the following records come from: `service.name`, the resource's JSON and the
    /// scope's JSON. Must be called before the first record.
    pub fn set_origin(&mut self, service: &str, resource_json: &str, scope_json: &str) {
        let resource = self.intern_resource(service, resource_json);
        let scope = self.intern_scope(scope_json);
        self.set_origin_codes(resource, scope);
    }

    /// The codes of a `service.name` and a resource's JSON, for
    /// [`set_origin_codes`](Self::set_origin_codes).
    pub fn intern_resource(&mut self, service: &str, json: &str) -> (i32, i32) {
        (self.service.intern(service), self.resource.intern(json))
    }

    /// The code of a scope's JSON, for [`set_origin_codes`](Self::set_origin_codes).
    pub fn intern_scope(&mut self, json: &str) -> i32 {
        self.scope.intern(json)
    }

    /// [`set_origin`](Self::set_origin) with what was interned before.
    pub fn set_origin_codes(&mut self, (service, resource): (i32, i32), scope: i32) {
        self.origin = (service, resource, scope);
    }

    /// How many records are finished.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many attribute columns there are so far.
    #[must_use]
    pub fn attribute_columns(&self) -> usize {
        self.columns.len()
    }

    /// The column of an attribute key that was seen before, by the key's bytes.
    #[inline]
    pub fn find_attribute(&mut self, key: &[u8]) -> Option<usize> {
        self.columns.find(key)
    }

    /// An attribute of the record under way that is a string.
    pub fn attribute_str(&mut self, key: &str, value: &str) {
        if !self.columns.push_str(self.rows, key, value) {
            overflow_key(&mut self.overflow, key);
            attr_json::write_string(&mut self.overflow, value);
        }
    }

    /// The same for a key whose column [`find_attribute`](Self::find_attribute) found.
    #[inline]
    pub fn attribute_str_at(&mut self, column: usize, value: &str) {
        if !self.columns.push_str_at(column, self.rows, value) {
            overflow_key(&mut self.overflow, self.columns.key(column));
            attr_json::write_string(&mut self.overflow, value);
        }
    }

    /// An attribute of the record under way that is an integer.
    pub fn attribute_int(&mut self, key: &str, value: i64) {
        if !self.columns.push_int(self.rows, key, value) {
            overflow_key(&mut self.overflow, key);
            attr_json::write_int(&mut self.overflow, value);
        }
    }

    /// The same for a key whose column [`find_attribute`](Self::find_attribute) found.
    #[inline]
    pub fn attribute_int_at(&mut self, column: usize, value: i64) {
        if !self.columns.push_int_at(column, self.rows, value) {
            overflow_key(&mut self.overflow, self.columns.key(column));
            attr_json::write_int(&mut self.overflow, value);
        }
    }

    /// An attribute of the record under way that is a double.
    pub fn attribute_double(&mut self, key: &str, value: f64) {
        if !self.columns.push_double(self.rows, key, value) {
            overflow_key(&mut self.overflow, key);
            attr_json::write_double(&mut self.overflow, value);
        }
    }

    /// The same for a key whose column [`find_attribute`](Self::find_attribute) found.
    #[inline]
    pub fn attribute_double_at(&mut self, column: usize, value: f64) {
        if !self.columns.push_double_at(column, self.rows, value) {
            overflow_key(&mut self.overflow, self.columns.key(column));
            attr_json::write_double(&mut self.overflow, value);
        }
    }

    /// An attribute of the record under way that is a truth value.
    pub fn attribute_bool(&mut self, key: &str, value: bool) {
        if !self.columns.push_bool(self.rows, key, value) {
            overflow_key(&mut self.overflow, key);
            attr_json::write_bool(&mut self.overflow, value);
        }
    }

    /// The same for a key whose column [`find_attribute`](Self::find_attribute) found.
    #[inline]
    pub fn attribute_bool_at(&mut self, column: usize, value: bool) {
        if !self.columns.push_bool_at(column, self.rows, value) {
            overflow_key(&mut self.overflow, self.columns.key(column));
            attr_json::write_bool(&mut self.overflow, value);
        }
    }

    /// An attribute of any other type; `write` appends its attribute JSON.
    pub fn attribute_json(&mut self, key: &str, write: impl FnOnce(&mut String)) {
        overflow_key(&mut self.overflow, key);
        write(&mut self.overflow);
    }

    /// An attribute of any type.
    pub fn attribute(&mut self, key: &str, value: &Value) {
        match value {
            Value::String(text) => self.attribute_str(key, text),
            Value::Int(number) => self.attribute_int(key, *number),
            Value::Double(number) => self.attribute_double(key, *number),
            Value::Bool(truth) => self.attribute_bool(key, *truth),
            other => self.attribute_json(key, |out| attr_json::write_value(out, other)),
        }
    }

    /// Ends the record under way.
    ///
    /// # Errors
    /// None for ids of the right width, which the types see to.
    pub fn finish_record(&mut self, record: &LogFields<'_>) -> Result<(), BatchError> {
        self.time.append_value(record.time_ns);
        self.observed.append_value(record.observed_ns);
        self.severity_number.append_value(record.severity_number);
        self.severity_text.push(record.severity_text);
        let (body, is_json) = match record.body {
            BodyText::None => (None, false),
            BodyText::Text(text) => (Some(text), false),
            BodyText::Json(text) => (Some(text), true),
        };
        self.body.push_option(body);
        self.body_is_json.append_option(is_json.then_some(true));
        self.any_json |= is_json;
        self.event_name.push(record.event_name);
        self.trace_id.push(record.trace_id.as_ref().map(|id| id.0.as_slice()))?;
        self.span_id.push(record.span_id.as_ref().map(|id| id.0.as_slice()))?;
        self.flags.append_value(record.flags);
        self.service.push(self.origin.0);
        self.resource.push(self.origin.1);
        self.scope.push(self.origin.2);
        self.dropped_attributes.push(record.dropped_attributes);
        push_overflow(&mut self.overflow, &mut self.attributes);
        self.rows += 1;
        Ok(())
    }

    /// Appends an owned record.
    ///
    /// # Errors
    /// As [`finish_record`](Self::finish_record).
    pub fn push(&mut self, record: &LogRecord) -> Result<(), BatchError> {
        self.set_origin(record.resource.service_name(), &record.resource.to_json(), &record.scope.to_json());
        for (key, value) in &record.attributes {
            self.attribute(key, value);
        }
        let mut body_json = String::new();
        let body = match &record.body {
            None => BodyText::None,
            Some(Value::String(text)) => BodyText::Text(text),
            Some(other) => {
                attr_json::write_value(&mut body_json, other);
                BodyText::Json(&body_json)
            }
        };
        self.finish_record(&LogFields {
            time_ns: record.time_ns,
            observed_ns: record.observed_ns,
            severity_number: record.severity_number,
            severity_text: &record.severity_text,
            body,
            event_name: &record.event_name,
            trace_id: record.trace_id,
            span_id: record.span_id,
            flags: record.flags,
            dropped_attributes: record.dropped_attributes_count,
        })
    }

    /// The batch; leaves the builder empty.
    ///
    /// # Errors
    /// Columns of different lengths: records were finished before [`set_origin`](Self::set_origin).
    pub fn finish(&mut self) -> Result<RecordBatch, BatchError> {
        let rows = std::mem::take(&mut self.rows);
        let body_is_json = self.body_is_json.finish();
        let any_json = std::mem::take(&mut self.any_json);
        let fixed = vec![
            (schema::TIME_NS, Some(Arc::new(self.time.finish()) as _)),
            (schema::OBSERVED_NS, Some(Arc::new(self.observed.finish()) as _)),
            (schema::SEVERITY_NUMBER, Some(Arc::new(self.severity_number.finish()) as _)),
            (schema::SEVERITY_TEXT, self.severity_text.finish()),
            (schema::BODY, self.body.finish()),
            (schema::BODY_IS_JSON, any_json.then(|| Arc::new(body_is_json) as _)),
            (schema::EVENT_NAME, self.event_name.finish()),
            (schema::TRACE_ID, self.trace_id.finish()),
            (schema::SPAN_ID, self.span_id.finish()),
            (schema::FLAGS, Some(Arc::new(self.flags.finish()) as _)),
            (schema::SERVICE, Some(self.service.finish()?)),
            (schema::RESOURCE, Some(self.resource.finish()?)),
            (schema::SCOPE, Some(self.scope.finish()?)),
            (schema::DROPPED_ATTRIBUTES, self.dropped_attributes.finish()),
            (schema::ATTRIBUTES, self.attributes.finish()),
        ];
        assemble(Signal::Logs, rows, fixed, self.columns.finish(rows))
    }
}
