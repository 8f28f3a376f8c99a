//! `ExportLogsServiceRequest`.

use arrow::record_batch::RecordBatch;
use throughline_model::{BodyText, LogBatchBuilder, LogFields, SpanId, TraceId};

use super::attributes::{self, AnyValue};
use super::origin::OriginSink;
use super::rejection::Rejection;
use super::walk::{Items, walk};
use super::{Budget, Stop};
use crate::protobuf::{Fault, Reader};

pub(super) fn decode(request: &[u8], rejection: &mut Rejection) -> Result<RecordBatch, Stop> {
    let mut logs = Logs { builder: LogBatchBuilder::new(), body: String::new(), rejection };
    walk(request, &mut logs)?;
    Ok(logs.builder.finish()?)
}

struct Logs<'r> {
    builder: LogBatchBuilder,
    body: String,
    rejection: &'r mut Rejection,
}

impl<'a> Items<'a> for Logs<'_> {
    const FIELDS: [&'static str; 3] = ["resource_logs", "scope_logs", "log_records"];

    fn builder(&mut self) -> &mut impl OriginSink {
        &mut self.builder
    }

    fn size(&self) -> (usize, usize) {
        (self.builder.rows(), self.builder.attribute_columns())
    }

    fn item(&mut self, message: &'a [u8], _: Budget) -> Result<(), Stop> {
        let mut record = Record::default();
        self.read(message, &mut record)?;
        let (trace_id, span_id) = optional_ids((record.trace_id, record.span_id), self.rejection);
        self.body.clear();
        let body = match &record.body {
            AnyValue::Null => BodyText::None,
            AnyValue::String(text) => BodyText::Text(text),
            other => {
                other.write_json(&mut self.body);
                BodyText::Json(&self.body)
            }
        };
        Ok(self.builder.finish_record(&LogFields { body, trace_id, span_id, ..record.fields })?)
    }
}

#[derive(Default)]
struct Record<'a> {
    fields: LogFields<'a>,
    body: AnyValue<'a>,
    trace_id: &'a [u8],
    span_id: &'a [u8],
}

impl Logs<'_> {
    fn read<'a>(&mut self, message: &'a [u8], record: &mut Record<'a>) -> Result<(), Fault> {
        let fields = &mut record.fields;
        let mut attributes = 0;
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match tag.field() {
                1 => {
                    fields.time_ns =
                        reader.fixed64(tag).map_err(|fault| fault.within("time_unix_nano"))? as i64
                }
                2 => {
                    fields.severity_number =
                        reader.int32(tag).map_err(|fault| fault.within("severity_number"))?
                }
                3 => {
                    fields.severity_text =
                        reader.string(tag).map_err(|fault| fault.within("severity_text"))?
                }
                5 => {
                    let merged = reader.bytes(tag).and_then(|message| record.body.merge(message, 1));
                    merged.map_err(|fault| fault.within("body"))?;
                }
                6 => {
                    let put =
                        reader.bytes(tag).and_then(|message| attributes::put(message, &mut self.builder));
                    put.map_err(|fault| fault.within_item("attributes", attributes))?;
                    attributes += 1;
                }
                7 => {
                    fields.dropped_attributes =
                        reader.uint32(tag).map_err(|fault| fault.within("dropped_attributes_count"))?;
                }
                8 => fields.flags = reader.fixed32(tag).map_err(|fault| fault.within("flags"))?,
                9 => record.trace_id = reader.bytes(tag).map_err(|fault| fault.within("trace_id"))?,
                10 => record.span_id = reader.bytes(tag).map_err(|fault| fault.within("span_id"))?,
                11 => {
                    fields.observed_ns =
                        reader.fixed64(tag).map_err(|fault| fault.within("observed_time_unix_nano"))? as i64;
                }
                12 => fields.event_name = reader.string(tag).map_err(|fault| fault.within("event_name"))?,
                _ => reader.skip(tag)?,
            }
        }
        Ok(())
    }
}

/// Ids that an item may lack. OTLP: an item with an invalid id belongs to no trace, so a wrong
/// length costs the id and a warning, not the item.
pub(super) fn optional_ids(
    (trace_id, span_id): (&[u8], &[u8]),
    rejection: &mut Rejection,
) -> (Option<TraceId>, Option<SpanId>) {
    for (name, id, width) in [("trace id", trace_id, 16), ("span id", span_id, 8)] {
        if !id.is_empty() && id.len() != width {
            rejection
                .warn(|| format!("its {name} has {} bytes instead of {width} and was dropped", id.len()));
        }
    }
    let trace_id = TraceId::from_slice(trace_id).filter(|id| !id.is_zero());
    (trace_id, SpanId::from_slice(span_id).filter(|id| !id.is_zero()))
}
