//! A recorded span, from its start until it is encoded.

use std::borrow::Cow;

use opentelemetry::trace::SpanId;

use crate::clock;
use crate::fields::{FieldLimits, Fields};
use crate::propagation::TraceContext;
use crate::{SpanKind, SpanStatus};

/// How many links a span keeps unless `OTEL_SPAN_LINK_COUNT_LIMIT` is set. Batches of messages are
/// larger than the 128 that an application may add by itself, and a message whose link is missing
/// is in no trace of its handling.
const LINKS_MAX: usize = 8_192;

/// How many links a span that is used again has room for.
const LINKS_POOLED: usize = 128;

/// Limits of a span, from `OTEL_SPAN_*` and `OTEL_ATTRIBUTE_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanLimits {
    pub(crate) fields: FieldLimits,
    pub(crate) events: usize,
    /// Links that the application adds.
    pub(crate) links: usize,
    /// These and the links of operations on messages together.
    pub(crate) links_in_all: usize,
    pub(crate) event_fields: FieldLimits,
    pub(crate) link_fields: FieldLimits,
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self {
            fields: FieldLimits::default(),
            events: 128,
            links: 128,
            links_in_all: LINKS_MAX,
            event_fields: FieldLimits::default(),
            link_fields: FieldLimits::default(),
        }
    }
}

/// A recorded span. Pooled: [`SpanData::reset`] keeps its buffers.
#[derive(Debug)]
pub(crate) struct SpanData {
    pub(crate) cx: TraceContext,
    pub(crate) parent_id: Option<SpanId>,
    pub(crate) parent_is_remote: bool,
    pub(crate) name: Cow<'static, str>,
    pub(crate) scope: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) status: SpanStatus,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    start_monotonic: u64,
    pub(crate) fields: Fields,
    pub(crate) events: Vec<EventData>,
    pub(crate) links: Vec<LinkData>,
    /// How many of them an operation on messages added.
    message_links: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_links: u32,
    /// Fingerprint of an exception already recorded here or below.
    pub(crate) exception: Option<u64>,
    /// An error was observed to pass through.
    #[cfg(feature = "audit")]
    pub(crate) error_seen: bool,
}

/// An event on a span.
#[derive(Debug)]
pub(crate) struct EventData {
    pub(crate) time_ns: u64,
    pub(crate) name: Cow<'static, str>,
    pub(crate) fields: Fields,
}

/// A link from a span to another.
#[derive(Debug)]
pub(crate) struct LinkData {
    pub(crate) cx: TraceContext,
    pub(crate) fields: Fields,
}

impl LinkData {
    pub(crate) fn to(cx: TraceContext) -> Self {
        Self { cx, fields: Fields::default() }
    }
}

impl Default for SpanData {
    fn default() -> Self {
        Self {
            cx: TraceContext::default(),
            parent_id: None,
            parent_is_remote: false,
            name: Cow::Borrowed(""),
            scope: Cow::Borrowed(""),
            kind: SpanKind::Internal,
            status: SpanStatus::Unset,
            start_ns: 0,
            end_ns: 0,
            start_monotonic: 0,
            fields: Fields::default(),
            events: Vec::new(),
            links: Vec::new(),
            message_links: 0,
            dropped_events: 0,
            dropped_links: 0,
            exception: None,
            #[cfg(feature = "audit")]
            error_seen: false,
        }
    }
}

impl SpanData {
    pub(crate) fn begin(
        &mut self,
        name: Cow<'static, str>,
        scope: Cow<'static, str>,
        parent_id: Option<SpanId>,
        parent_is_remote: bool,
    ) {
        self.parent_id = parent_id;
        self.parent_is_remote = parent_is_remote;
        self.name = name;
        self.scope = scope;
        self.start_monotonic = clock::monotonic_ns();
        self.start_ns = clock::wall_ns(self.start_monotonic);
    }

    /// Moves the start, as the OpenTelemetry API allows.
    pub(crate) fn start_at(&mut self, wall_ns: u64) {
        let earlier = self.start_ns.saturating_sub(wall_ns);
        self.start_ns = wall_ns;
        self.start_monotonic = self.start_monotonic.saturating_sub(earlier);
    }

    /// Ends the span now, unless its end was fixed earlier by [`SpanData::end_at`].
    pub(crate) fn finish(&mut self, cx: TraceContext) {
        self.cx = cx;
        if self.end_ns == 0 {
            self.end_at(clock::monotonic_ns());
        }
    }

    /// When it started, on the monotonic clock.
    pub(crate) fn started(&self) -> u64 {
        self.start_monotonic
    }

    pub(crate) fn end_at(&mut self, monotonic: u64) {
        self.end_ns = self.start_ns + monotonic.saturating_sub(self.start_monotonic);
    }

    pub(crate) fn set_status(&mut self, status: SpanStatus) {
        match (&self.status, &status) {
            (SpanStatus::Ok, _) | (SpanStatus::Error(_), SpanStatus::Unset) => {}
            (SpanStatus::Error(had), SpanStatus::Error(new)) if new.is_empty() && !had.is_empty() => {}
            _ => self.status = status,
        }
    }

    pub(crate) fn add_event(&mut self, event: EventData, limits: &SpanLimits) {
        if self.events.len() < limits.events {
            self.events.push(event);
        } else {
            self.dropped_events += 1;
        }
    }

    /// Adds a link that the application asks for.
    pub(crate) fn add_link(&mut self, link: LinkData, limits: &SpanLimits) {
        let kept = self.links.len();
        if kept - (self.message_links as usize) < limits.links && kept < limits.links_in_all {
            self.links.push(link);
        } else {
            self.dropped_links += 1;
        }
    }

    /// Adds a link of an operation on messages: to where one was created.
    #[cfg(any(feature = "nats", feature = "kafka", feature = "outbox"))]
    pub(crate) fn add_message_link(&mut self, link: LinkData, limits: &SpanLimits) {
        if self.links.len() < limits.links_in_all {
            self.links.push(link);
            self.message_links += 1;
        } else {
            self.dropped_links += 1;
        }
    }

    /// Memory held, for the byte bound of the queue.
    pub(crate) fn bytes(&self) -> usize {
        let events: usize = self.events.iter().map(|e| size_of::<EventData>() + e.fields.bytes()).sum();
        let links: usize = self.links.iter().map(|l| size_of::<LinkData>() + l.fields.bytes()).sum();
        size_of::<Self>() + self.fields.bytes() + self.name.len() + events + links
    }

    /// Empties it for reuse.
    pub(crate) fn reset(&mut self) {
        self.cx = TraceContext::default();
        self.name = Cow::Borrowed("");
        self.scope = Cow::Borrowed("");
        self.kind = SpanKind::Internal;
        self.status = SpanStatus::Unset;
        self.end_ns = 0;
        self.fields.clear();
        self.events.clear();
        self.links.clear();
        // The memory of a large batch's links is not kept for spans that have few.
        self.links.shrink_to(LINKS_POOLED);
        self.message_links = 0;
        self.dropped_events = 0;
        self.dropped_links = 0;
        self.exception = None;
        #[cfg(feature = "audit")]
        {
            self.error_seen = false;
        }
    }
}
