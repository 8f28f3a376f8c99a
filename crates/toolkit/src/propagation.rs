//! Trace context and baggage, in and out of any carrier.
//!
//! ```
//! use std::collections::HashMap;
//! use throughline_toolkit::propagation::{self, TraceContext};
//!
//! let mut message = HashMap::new();
//! propagation::inject(&TraceContext::current(), &mut message);
//! let parent = propagation::extract(&message);
//! let span = parent.in_scope(|| tracing::info_span!("process orders"));
//! ```

use std::sync::Arc;

pub use opentelemetry::propagation::{Extractor, Injector};
pub use opentelemetry::trace::{SpanId, TraceId};

/// The identity of a span as it travels between processes, with its baggage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: u8,
    pub(crate) state: Option<Arc<str>>,
    pub(crate) remote: bool,
}

impl Default for TraceContext {
    fn default() -> Self {
        Self {
            trace_id: TraceId::INVALID,
            span_id: SpanId::INVALID,
            flags: 0,
            state: None,
            remote: false,
        }
    }
}

impl TraceContext {
    /// The context of the current span; invalid outside any span.
    #[must_use]
    pub fn current() -> Self {
        Self::default()
    }

    /// Whether it names a span.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.trace_id != TraceId::INVALID && self.span_id != SpanId::INVALID
    }

    /// Whether the trace is being kept.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
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
        let _ = key;
        None
    }

    /// This context with a baggage entry added or replaced.
    #[must_use]
    pub fn with_baggage(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let _ = (key.into(), value.into());
        self
    }

    /// Runs `f`; a span created directly in it becomes a child of this context (a new root when
    /// the context is not valid) and carries its baggage.
    pub fn in_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
}

/// Writes the context into a carrier, as the configured propagators (`OTEL_PROPAGATORS`) do.
pub fn inject(context: &TraceContext, carrier: &mut dyn Injector) {
    let _ = (context, carrier);
}

/// Reads a context from a carrier; invalid when it holds none.
#[must_use]
pub fn extract(carrier: &dyn Extractor) -> TraceContext {
    let _ = carrier;
    TraceContext::default()
}

/// [`inject`] for HTTP headers.
pub fn inject_headers(context: &TraceContext, headers: &mut http::HeaderMap) {
    let _ = (context, headers);
}

/// [`extract`] for HTTP headers.
#[must_use]
pub fn extract_headers(headers: &http::HeaderMap) -> TraceContext {
    let _ = headers;
    TraceContext::default()
}
