//! A trace put together: which span is whose child, in which order to show them, what is missing.
//!
//! Spans arrive in any order, from several machines, some twice and some not at all. Whatever is
//! wrong with them, assembling ends, keeps every distinct span, and gives the same result for the
//! same spans in any order.

mod assembly;
mod critical_path;
mod skew;
mod summary;

use throughline_model::{Span, SpanId, TraceId};
use throughline_store::scan::TraceSummary;

/// A trace put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The trace's id.
    pub trace_id: TraceId,
    /// Every span once, in waterfall order: depth first, children by start.
    pub spans: Vec<Span>,
    /// What assembling found out about each span; same order and length as [`Trace::spans`].
    pub nodes: Vec<Node>,
    /// When the first span starts.
    pub start_ns: i64,
    /// When the last span ends.
    pub end_ns: i64,
    /// Spans that came more than once and were merged into one.
    pub duplicates: usize,
}

/// A span's place in its trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Index of the parent, when it is in the trace.
    pub parent: Option<usize>,
    /// How many ancestors the span has.
    pub depth: u32,
    /// How many children.
    pub children: u32,
    /// How many descendants; they are the spans that follow this one.
    pub descendants: usize,
    /// Whether the span names a parent that is not there, or that is its own descendant.
    pub orphan: bool,
    /// When the walk of the trace enters the span, counted from 1.
    pub nested_left: i64,
    /// When the walk of the trace leaves the span.
    pub nested_right: i64,
    /// By how much the span's clock is off its parent's, as far as one can tell; 0 when it looks
    /// right. Negative: the span seems to start before its parent on another service.
    pub skew_ns: i64,
}

/// A stretch of time that decided how long the trace took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CriticalSegment {
    /// Index of the span that was worked on.
    pub span: usize,
    /// From when.
    pub start_ns: i64,
    /// Until when.
    pub end_ns: i64,
}

impl Trace {
    /// Puts spans of one trace together; `None` when there are none.
    #[must_use]
    pub fn assemble(trace_id: TraceId, spans: Vec<Span>) -> Option<Self> {
        assembly::assemble(trace_id, spans)
    }

    /// The earliest span without a parent id. A trace whose root has not arrived has none.
    #[must_use]
    pub fn root(&self) -> Option<usize> {
        let roots = self.spans.iter().enumerate().filter(|(_, span)| span.parent_span_id.is_none());
        roots.min_by_key(|(_, span)| (span.start_ns, span.span_id)).map(|(index, _)| index)
    }

    /// From the first start to the last end, in nanoseconds.
    #[must_use]
    pub fn duration_ns(&self) -> i64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// Whether no span names a parent that is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.nodes.iter().all(|node| !node.orphan)
    }

    /// The index of the span with this id.
    #[must_use]
    pub fn find(&self, span_id: SpanId) -> Option<usize> {
        self.spans.iter().position(|span| span.span_id == span_id)
    }

    /// The chain of spans that decided how long the trace took, in order of time: of each span
    /// the last child to finish, then what ran before that child started, and so on.
    #[must_use]
    pub fn critical_path(&self) -> Vec<CriticalSegment> {
        critical_path::of(self)
    }

    /// Root, counts and services in short.
    #[must_use]
    pub fn summary(&self) -> TraceSummary {
        summary::of(self)
    }
}

#[cfg(test)]
mod tests;
