//! `ExportTraceServiceRequest`.

use arrow::record_batch::RecordBatch;
use throughline_model::{SpanBatchBuilder, SpanFields, SpanId, TraceId};

use super::attributes::{self, JsonText};
use super::origin::OriginSink;
use super::rejection::Rejection;
use super::walk::{Items, walk};
use super::{Budget, Stop};
use crate::protobuf::{Fault, Reader};

pub(super) fn decode(request: &[u8], rejection: &mut Rejection) -> Result<RecordBatch, Stop> {
    let mut spans =
        Spans { builder: SpanBatchBuilder::new(), scratch: Scratch::default(), nested: 0, rejection };
    walk(request, &mut spans)?;
    Ok(spans.builder.finish()?)
}

struct Spans<'a, 'r> {
    builder: SpanBatchBuilder,
    scratch: Scratch<'a>,
    /// Events and links so far.
    nested: usize,
    rejection: &'r mut Rejection,
}

/// Parts of the span under way that wait until its ids are known to be good.
#[derive(Default)]
struct Scratch<'a> {
    attributes: Vec<&'a [u8]>,
    events: Vec<&'a [u8]>,
    links: Vec<&'a [u8]>,
    text: JsonText,
}

impl<'a> Items<'a> for Spans<'a, '_> {
    const FIELDS: [&'static str; 3] = ["resource_spans", "scope_spans", "spans"];

    fn builder(&mut self) -> &mut impl OriginSink {
        &mut self.builder
    }

    fn size(&self) -> (usize, usize) {
        (self.builder.rows(), self.builder.attribute_columns())
    }

    fn item(&mut self, message: &'a [u8], budget: Budget) -> Result<(), Stop> {
        let mut ids = Ids::default();
        let fields = read_span(message, &mut self.scratch, &mut ids)?;
        self.nested += self.scratch.events.len() + self.scratch.links.len();
        budget.check_nested(self.nested, message)?;
        let checked = ids.check().and_then(|ids| check_links(&self.scratch.links)?.map_or(Ok(ids), Err));
        match checked {
            Ok((trace_id, span_id, parent_span_id)) => {
                self.fill()?;
                let fields = SpanFields { trace_id, span_id, parent_span_id, ..fields };
                self.builder.finish_span(&fields)?;
            }
            Err(Bad::Item(reason)) => {
                self.check_rest()?;
                self.rejection.reject(|| reason);
            }
            Err(Bad::Fault(fault)) => return Err(fault.into()),
        }
        Ok(())
    }
}

impl Spans<'_, '_> {
    fn fill(&mut self) -> Result<(), Stop> {
        for (at, message) in self.scratch.attributes.iter().enumerate() {
            attributes::put(message, &mut self.builder)
                .map_err(|fault| fault.within_item("attributes", at))?;
        }
        for (at, message) in self.scratch.events.iter().enumerate() {
            let event = read_event(message, &mut self.scratch.text)
                .map_err(|fault| fault.within_item("events", at))?;
            self.builder.event(event.time_ns, event.name, self.scratch.text.close(), event.dropped);
        }
        for (at, message) in self.scratch.links.iter().enumerate() {
            let link = read_link(message, Some(&mut self.scratch.text))
                .map_err(|fault| fault.within_item("links", at))?;
            // Checked before: of the right width, or empty.
            let target = (
                TraceId::from_slice(link.trace_id).unwrap_or_default(),
                SpanId::from_slice(link.span_id).unwrap_or_default(),
            );
            let attributes = self.scratch.text.close();
            self.builder.link(target, link.trace_state, link.flags, attributes, link.dropped)?;
        }
        Ok(())
    }

    /// A rejected span must be well-formed all the same.
    #[cold]
    fn check_rest(&mut self) -> Result<(), Fault> {
        let text = &mut self.scratch.text;
        text.clear();
        for (at, message) in self.scratch.attributes.iter().enumerate() {
            attributes::put(message, text).map_err(|fault| fault.within_item("attributes", at))?;
        }
        for (at, message) in self.scratch.events.iter().enumerate() {
            read_event(message, text).map_err(|fault| fault.within_item("events", at))?;
        }
        for (at, message) in self.scratch.links.iter().enumerate() {
            read_link(message, Some(text)).map_err(|fault| fault.within_item("links", at))?;
        }
        Ok(())
    }
}

/// Why a span cannot be kept.
enum Bad {
    Item(String),
    Fault(Fault),
}

impl From<Fault> for Bad {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

#[derive(Default)]
struct Ids<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent: &'a [u8],
}

impl Ids<'_> {
    #[inline]
    fn check(&self) -> Result<(TraceId, SpanId, Option<SpanId>), Bad> {
        let trace_id = TraceId::from_slice(self.trace_id).filter(|id| !id.is_zero());
        let span_id = SpanId::from_slice(self.span_id).filter(|id| !id.is_zero());
        let parent =
            SpanId::from_slice(self.parent).or_else(|| self.parent.is_empty().then_some(SpanId::ZERO));
        match (trace_id, span_id, parent) {
            (Some(trace_id), Some(span_id), Some(parent)) => {
                Ok((trace_id, span_id, Some(parent).filter(|id| !id.is_zero())))
            }
            (None, ..) => Err(bad_id("trace id", self.trace_id, 16)),
            (_, None, _) => Err(bad_id("span id", self.span_id, 8)),
            (.., None) => Err(bad_id("parent span id", self.parent, 8)),
        }
    }
}

#[cold]
fn bad_id(name: &str, id: &[u8], width: usize) -> Bad {
    Bad::Item(if id.len() == width {
        format!("its {name} is all zeros")
    } else {
        format!("its {name} has {} bytes instead of {width}", id.len())
    })
}

/// A link may have no target (the API allows it), but not half an id.
fn check_links(links: &[&[u8]]) -> Result<Option<Bad>, Bad> {
    for (at, message) in links.iter().enumerate() {
        let link = read_link(message, None).map_err(|fault| fault.within_item("links", at))?;
        for (name, id, width) in [("trace id", link.trace_id, 16), ("span id", link.span_id, 8)] {
            if !id.is_empty() && id.len() != width {
                return Ok(Some(bad_id(&format!("link's {name}"), id, width)));
            }
        }
    }
    Ok(None)
}

#[inline]
fn read_span<'a>(
    message: &'a [u8],
    scratch: &mut Scratch<'a>,
    ids: &mut Ids<'a>,
) -> Result<SpanFields<'a>, Fault> {
    let mut fields = SpanFields::default();
    let (mut start, mut end) = (0_u64, 0_u64);
    scratch.attributes.clear();
    scratch.events.clear();
    scratch.links.clear();
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => ids.trace_id = reader.bytes(tag).map_err(|fault| fault.within("trace_id"))?,
            2 => ids.span_id = reader.bytes(tag).map_err(|fault| fault.within("span_id"))?,
            3 => fields.trace_state = reader.string(tag).map_err(|fault| fault.within("trace_state"))?,
            4 => ids.parent = reader.bytes(tag).map_err(|fault| fault.within("parent_span_id"))?,
            5 => fields.name = reader.string(tag).map_err(|fault| fault.within("name"))?,
            6 => fields.kind = reader.int32(tag).map_err(|fault| fault.within("kind"))?,
            7 => start = reader.fixed64(tag).map_err(|fault| fault.within("start_time_unix_nano"))?,
            8 => end = reader.fixed64(tag).map_err(|fault| fault.within("end_time_unix_nano"))?,
            9 => scratch.attributes.push(reader.bytes(tag).map_err(|fault| fault.within("attributes"))?),
            10 => {
                fields.dropped_attributes =
                    reader.uint32(tag).map_err(|fault| fault.within("dropped_attributes_count"))?;
            }
            11 => scratch.events.push(reader.bytes(tag).map_err(|fault| fault.within("events"))?),
            12 => {
                fields.dropped_events =
                    reader.uint32(tag).map_err(|fault| fault.within("dropped_events_count"))?
            }
            13 => scratch.links.push(reader.bytes(tag).map_err(|fault| fault.within("links"))?),
            14 => {
                fields.dropped_links =
                    reader.uint32(tag).map_err(|fault| fault.within("dropped_links_count"))?
            }
            15 => {
                let status = reader.bytes(tag).and_then(|status| read_status(status, &mut fields));
                status.map_err(|fault| fault.within("status"))?;
            }
            16 => fields.flags = reader.fixed32(tag).map_err(|fault| fault.within("flags"))?,
            _ => reader.skip(tag)?,
        }
    }
    // Wraps for times beyond 2262 and for clocks that ran backwards; the encoder wraps back.
    fields.start_ns = start as i64;
    fields.duration_ns = end.wrapping_sub(start) as i64;
    Ok(fields)
}

fn read_status<'a>(message: &'a [u8], fields: &mut SpanFields<'a>) -> Result<(), Fault> {
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            2 => fields.status_message = reader.string(tag).map_err(|fault| fault.within("message"))?,
            3 => fields.status_code = reader.int32(tag).map_err(|fault| fault.within("code"))?,
            _ => reader.skip(tag)?,
        }
    }
    Ok(())
}

#[derive(Default)]
struct Event<'a> {
    time_ns: i64,
    name: &'a str,
    dropped: u32,
}

fn read_event<'a>(message: &'a [u8], text: &mut JsonText) -> Result<Event<'a>, Fault> {
    let mut event = Event::default();
    text.clear();
    let mut attributes = 0;
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => event.time_ns = reader.fixed64(tag).map_err(|fault| fault.within("time_unix_nano"))? as i64,
            2 => event.name = reader.string(tag).map_err(|fault| fault.within("name"))?,
            3 => {
                let put = reader.bytes(tag).and_then(|message| attributes::put(message, text));
                put.map_err(|fault| fault.within_item("attributes", attributes))?;
                attributes += 1;
            }
            4 => {
                event.dropped =
                    reader.uint32(tag).map_err(|fault| fault.within("dropped_attributes_count"))?
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok(event)
}

#[derive(Default)]
struct Link<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    trace_state: &'a str,
    flags: u32,
    dropped: u32,
}

/// Without `text`, attributes are passed over.
fn read_link<'a>(message: &'a [u8], mut text: Option<&mut JsonText>) -> Result<Link<'a>, Fault> {
    let mut link = Link::default();
    if let Some(text) = &mut text {
        text.clear();
    }
    let mut attributes = 0;
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match (tag.field(), &mut text) {
            (1, _) => link.trace_id = reader.bytes(tag).map_err(|fault| fault.within("trace_id"))?,
            (2, _) => link.span_id = reader.bytes(tag).map_err(|fault| fault.within("span_id"))?,
            (3, _) => link.trace_state = reader.string(tag).map_err(|fault| fault.within("trace_state"))?,
            (4, Some(text)) => {
                let put = reader.bytes(tag).and_then(|message| attributes::put(message, *text));
                put.map_err(|fault| fault.within_item("attributes", attributes))?;
                attributes += 1;
            }
            (5, _) => {
                link.dropped = reader.uint32(tag).map_err(|fault| fault.within("dropped_attributes_count"))?
            }
            (6, _) => link.flags = reader.fixed32(tag).map_err(|fault| fault.within("flags"))?,
            _ => reader.skip(tag)?,
        }
    }
    Ok(link)
}
