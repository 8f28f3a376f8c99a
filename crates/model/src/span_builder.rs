//! Building a batch of spans column by column.

use std::sync::Arc;

use arrow::array::{Int32Builder, Int64Builder, StringBuilder, UInt32Builder};
use arrow::record_batch::RecordBatch;

use crate::attr_json;
use crate::attribute_columns::AttributeColumns;
use crate::batch_error::BatchError;
use crate::columns::{Events, Ids, Links, OptionalCount, OptionalText, assemble};
use crate::dictionary::DictionaryColumn;
use crate::id::{SpanId, TraceId};
use crate::rows::Span;
use crate::schema;
use crate::signal::Signal;
use crate::value::Value;

/// The fields of a span that take one value.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpanFields<'a> {
    /// Trace id.
    pub trace_id: TraceId,
    /// Span id.
    pub span_id: SpanId,
    /// Parent; `None` at a root.
    pub parent_span_id: Option<SpanId>,
    /// W3C tracestate.
    pub trace_state: &'a str,
    /// OTLP flags.
    pub flags: u32,
    /// Name.
    pub name: &'a str,
    /// OTLP span kind number.
    pub kind: i32,
    /// Start, nanoseconds since the epoch.
    pub start_ns: i64,
    /// End minus start, nanoseconds.
    pub duration_ns: i64,
    /// 0 unset, 1 ok, 2 error.
    pub status_code: i32,
    /// Status message.
    pub status_message: &'a str,
    /// Attributes dropped by the sender.
    pub dropped_attributes: u32,
    /// Events dropped by the sender.
    pub dropped_events: u32,
    /// Links dropped by the sender.
    pub dropped_links: u32,
}

/// Builds a batch of spans.
///
/// For each span: call the attribute, event and link methods in any order, then
/// [`finish_span`](Self::finish_span) with the rest. [`set_origin`](Self::set_origin) says where
/// the spans that follow come from.
#[derive(Debug)]
pub struct SpanBatchBuilder {
    trace_id: Ids,
    span_id: Ids,
    parent: Ids,
    trace_state: OptionalText,
    flags: UInt32Builder,
    name: StringBuilder,
    kind: Int32Builder,
    start: Int64Builder,
    duration: Int64Builder,
    status_code: Int32Builder,
    status_message: OptionalText,
    service: DictionaryColumn,
    resource: DictionaryColumn,
    scope: DictionaryColumn,
    dropped_attributes: OptionalCount,
    dropped_events: OptionalCount,
    dropped_links: OptionalCount,
    attributes: OptionalText,
    events: Events,
    links: Links,
    columns: AttributeColumns,
    overflow: String,
    origin: (i32, i32, i32),
    rows: usize,
}

impl Default for SpanBatchBuilder {
    fn default() -> Self {
        Self {
            trace_id: Ids::traces(),
            span_id: Ids::spans(),
            parent: Ids::spans(),
            trace_state: OptionalText::default(),
            flags: UInt32Builder::new(),
            name: StringBuilder::new(),
            kind: Int32Builder::new(),
            start: Int64Builder::new(),
            duration: Int64Builder::new(),
            status_code: Int32Builder::new(),
            status_message: OptionalText::default(),
            service: DictionaryColumn::default(),
            resource: DictionaryColumn::default(),
            scope: DictionaryColumn::default(),
            dropped_attributes: OptionalCount::default(),
            dropped_events: OptionalCount::default(),
            dropped_links: OptionalCount::default(),
            attributes: OptionalText::default(),
            events: Events::default(),
            links: Links::default(),
            columns: AttributeColumns::default(),
            overflow: String::new(),
            origin: (0, 0, 0),
            rows: 0,
        }
    }
}

impl SpanBatchBuilder {
    /// An empty builder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says where the following spans come from: `service.name`, the resource's JSON and the
    /// scope's JSON. Must be called before the first span.
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

    /// How many spans are finished.
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

    /// An attribute of the span under way that is a string.
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

    /// An attribute of the span under way that is an integer.
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

    /// An attribute of the span under way that is a double.
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

    /// An attribute of the span under way that is a truth value.
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

    /// An event of the span under way; the attributes as JSON, `None` when there are none.
    pub fn event(
        &mut self,
        time_ns: i64,
        name: &str,
        attributes_json: Option<&str>,
        dropped_attributes: u32,
    ) {
        self.events.push(time_ns, name, attributes_json, dropped_attributes);
    }

    /// A link of the span under way; the attributes as JSON, `None` when there are none.
    ///
    /// # Errors
    /// None for ids of the right width, which the types see to.
    pub fn link(
        &mut self,
        target: (TraceId, SpanId),
        trace_state: &str,
        flags: u32,
        attributes_json: Option<&str>,
        dropped_attributes: u32,
    ) -> Result<(), BatchError> {
        self.links.push(target, trace_state, flags, attributes_json, dropped_attributes)
    }

    /// Ends the span under way.
    ///
    /// # Errors
    /// None for ids of the right width, which the types see to.
    pub fn finish_span(&mut self, span: &SpanFields<'_>) -> Result<(), BatchError> {
        self.trace_id.push(Some(&span.trace_id.0))?;
        self.span_id.push(Some(&span.span_id.0))?;
        self.parent.push(span.parent_span_id.as_ref().map(|id| id.0.as_slice()))?;
        self.trace_state.push(span.trace_state);
        self.flags.append_value(span.flags);
        self.name.append_value(span.name);
        self.kind.append_value(span.kind);
        self.start.append_value(span.start_ns);
        self.duration.append_value(span.duration_ns);
        self.status_code.append_value(span.status_code);
        self.status_message.push(span.status_message);
        self.service.push(self.origin.0);
        self.resource.push(self.origin.1);
        self.scope.push(self.origin.2);
        self.dropped_attributes.push(span.dropped_attributes);
        self.dropped_events.push(span.dropped_events);
        self.dropped_links.push(span.dropped_links);
        push_overflow(&mut self.overflow, &mut self.attributes);
        self.events.end_row();
        self.links.end_row();
        self.rows += 1;
        Ok(())
    }

    /// Appends an owned span.
    ///
    /// # Errors
    /// As [`finish_span`](Self::finish_span).
    pub fn push(&mut self, span: &Span) -> Result<(), BatchError> {
        self.set_origin(span.resource.service_name(), &span.resource.to_json(), &span.scope.to_json());
        for (key, value) in &span.attributes {
            self.attribute(key, value);
        }
        for event in &span.events {
            self.event(
                event.time_ns,
                &event.name,
                json(&event.attributes).as_deref(),
                event.dropped_attributes_count,
            );
        }
        for link in &span.links {
            let attributes = json(&link.attributes);
            let target = (link.trace_id, link.span_id);
            self.link(
                target,
                &link.trace_state,
                link.flags,
                attributes.as_deref(),
                link.dropped_attributes_count,
            )?;
        }
        self.finish_span(&SpanFields {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            trace_state: &span.trace_state,
            flags: span.flags,
            name: &span.name,
            kind: span.kind,
            start_ns: span.start_ns,
            duration_ns: span.duration_ns,
            status_code: span.status_code,
            status_message: &span.status_message,
            dropped_attributes: span.dropped_attributes_count,
            dropped_events: span.dropped_events_count,
            dropped_links: span.dropped_links_count,
        })
    }

    /// The batch; leaves the builder empty.
    ///
    /// # Errors
    /// Columns of different lengths: spans were finished before [`set_origin`](Self::set_origin).
    pub fn finish(&mut self) -> Result<RecordBatch, BatchError> {
        let rows = std::mem::take(&mut self.rows);
        let fixed = vec![
            (schema::TRACE_ID, Some(self.trace_id.finish_array())),
            (schema::SPAN_ID, Some(self.span_id.finish_array())),
            (schema::PARENT_SPAN_ID, self.parent.finish()),
            (schema::TRACE_STATE, self.trace_state.finish()),
            (schema::FLAGS, Some(Arc::new(self.flags.finish()) as _)),
            (schema::NAME, Some(Arc::new(self.name.finish()) as _)),
            (schema::KIND, Some(Arc::new(self.kind.finish()) as _)),
            (schema::START_NS, Some(Arc::new(self.start.finish()) as _)),
            (schema::DURATION_NS, Some(Arc::new(self.duration.finish()) as _)),
            (schema::STATUS_CODE, Some(Arc::new(self.status_code.finish()) as _)),
            (schema::STATUS_MESSAGE, self.status_message.finish()),
            (schema::SERVICE, Some(self.service.finish()?)),
            (schema::RESOURCE, Some(self.resource.finish()?)),
            (schema::SCOPE, Some(self.scope.finish()?)),
            (schema::DROPPED_ATTRIBUTES, self.dropped_attributes.finish()),
            (schema::DROPPED_EVENTS, self.dropped_events.finish()),
            (schema::DROPPED_LINKS, self.dropped_links.finish()),
            (schema::ATTRIBUTES, self.attributes.finish()),
            (schema::EVENTS, self.events.finish()?),
            (schema::LINKS, self.links.finish()?),
        ];
        assemble(Signal::Traces, rows, fixed, self.columns.finish(rows))
    }
}

/// Attribute JSON, or nothing when there are no attributes.
pub(crate) fn json(attributes: &[(String, Value)]) -> Option<String> {
    (!attributes.is_empty()).then(|| {
        let mut text = String::new();
        attr_json::write_attributes(&mut text, attributes);
        text
    })
}

pub(crate) fn overflow_key(overflow: &mut String, key: &str) {
    overflow.push(if overflow.is_empty() { '{' } else { ',' });
    attr_json::write_string(overflow, key);
    overflow.push(':');
}

pub(crate) fn push_overflow(overflow: &mut String, column: &mut OptionalText) {
    if !overflow.is_empty() {
        overflow.push('}');
    }
    column.push(overflow);
    overflow.clear();
}
