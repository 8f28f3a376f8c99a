//! The identity of a span as it travels.

use std::sync::Arc;

use opentelemetry::trace::{SpanId, TraceId};

use super::baggage::Baggage;
use crate::layer::active;

/// The W3C flag of a trace that is being kept.
pub(crate) const SAMPLED: u8 = 1;
/// The W3C flag of a trace id whose bits are random.
pub(crate) const RANDOM: u8 = 2;

/// The identity of a span as it travels between processes, with its baggage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: u8,
    pub(crate) remote: bool,
    pub(crate) state: Option<Arc<str>>,
    pub(crate) baggage: Option<Arc<Baggage>>,
}

impl Default for TraceContext {
    fn default() -> Self {
        Self {
            trace_id: TraceId::INVALID,
            span_id: SpanId::INVALID,
            flags: 0,
            remote: false,
            state: None,
            baggage: None,
        }
    }
}

impl TraceContext {
    /// The context of the current span; invalid outside any span.
    #[must_use]
    pub fn current() -> Self {
        active::current().unwrap_or_default()
    }

    /// A context known by its ids, as a message or a database row keeps them.
    #[must_use]
    pub fn remote(trace_id: TraceId, span_id: SpanId, sampled: bool) -> Self {
        Self { trace_id, span_id, flags: u8::from(sampled), remote: true, ..Self::default() }
    }

    /// Whether it names a span.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.trace_id != TraceId::INVALID && self.span_id != SpanId::INVALID
    }

    /// Whether the trace is being kept.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Whether it was received from another process.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.remote
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The `tracestate` header of the trace, empty when there is none.
    #[must_use]
    pub fn trace_state(&self) -> &str {
        self.state.as_deref().unwrap_or("")
    }

    /// The value of a baggage entry.
    #[must_use]
    pub fn baggage(&self, key: &str) -> Option<&str> {
        self.baggage.as_ref()?.get(key)
    }

    /// Every baggage entry.
    pub fn baggage_entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.baggage.iter().flat_map(|b| b.entries())
    }

    /// This context with a baggage entry added or replaced. Spans created from it (see
    /// [`TraceContext::in_scope`]) and everything below them carry the entry onwards.
    #[must_use]
    pub fn with_baggage(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let mut baggage = self.baggage.as_deref().cloned().unwrap_or_default();
        baggage.set(key.into(), value.into());
        self.baggage = Some(Arc::new(baggage));
        self
    }

    /// Runs `f`; a span created directly in it becomes a child of this context (a new root when
    /// the context is not valid) and carries its baggage.
    pub fn in_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        let _guard = active::push_parent(self.clone());
        f()
    }
}
