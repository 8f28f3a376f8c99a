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

mod baggage;
mod carrier;
mod context;
mod foreign;
mod w3c;

pub use context::TraceContext;
pub(crate) use context::{RANDOM, SAMPLED};
pub use opentelemetry::propagation::{Extractor, Injector};
pub use opentelemetry::trace::{SpanId, TraceId};
pub(crate) use w3c::push_hex;

use crate::layer::TelemetryLayer;
use carrier::{HeaderReader, HeaderWriter};

/// One format of context on the wire: a value of `OTEL_PROPAGATORS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagator {
    TraceContext,
    Baggage,
    B3,
    B3Multi,
    Jaeger,
}

/// What is used when nothing is configured.
pub(crate) const DEFAULT: &[Propagator] = &[Propagator::TraceContext, Propagator::Baggage];

impl Propagator {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "tracecontext" => Self::TraceContext,
            "baggage" => Self::Baggage,
            "b3" => Self::B3,
            "b3multi" => Self::B3Multi,
            "jaeger" => Self::Jaeger,
            _ => return None,
        })
    }

    fn inject(self, context: &TraceContext, carrier: &mut dyn Injector) {
        match self {
            Self::Baggage => baggage::inject(context, carrier),
            _ if !context.is_valid() => {}
            Self::TraceContext => w3c::inject(context, carrier),
            Self::B3 => foreign::inject_b3(context, carrier),
            Self::B3Multi => foreign::inject_b3_multi(context, carrier),
            Self::Jaeger => foreign::inject_jaeger(context, carrier),
        }
    }

    fn extract(self, context: &mut TraceContext, carrier: &dyn Extractor) {
        let found = match self {
            Self::Baggage => return baggage::extract(context, carrier),
            Self::TraceContext => w3c::extract(carrier),
            Self::B3 | Self::B3Multi => foreign::extract_b3(carrier),
            Self::Jaeger => foreign::extract_jaeger(carrier),
        };
        if let Some(found) = found {
            let baggage = context.baggage.take();
            *context = TraceContext { baggage, ..found };
        }
    }
}

/// Writes the context into a carrier, as the configured propagators (`OTEL_PROPAGATORS`) do.
pub fn inject(context: &TraceContext, carrier: &mut dyn Injector) {
    with_propagators(|list| inject_with(list, context, carrier));
}

/// Reads a context from a carrier; invalid when it holds none.
#[must_use]
pub fn extract(carrier: &dyn Extractor) -> TraceContext {
    with_propagators(|list| extract_with(list, carrier))
}

/// [`inject`] for HTTP headers.
pub fn inject_headers(context: &TraceContext, headers: &mut http::HeaderMap) {
    inject(context, &mut HeaderWriter(headers));
}

/// [`extract`] for HTTP headers.
#[must_use]
pub fn extract_headers(headers: &http::HeaderMap) -> TraceContext {
    extract(&HeaderReader(headers))
}

fn inject_with(list: &[Propagator], context: &TraceContext, carrier: &mut dyn Injector) {
    for propagator in list {
        propagator.inject(context, carrier);
    }
}

fn extract_with(list: &[Propagator], carrier: &dyn Extractor) -> TraceContext {
    let mut context = TraceContext::default();
    for propagator in list {
        propagator.extract(&mut context, carrier);
    }
    context
}

fn with_propagators<R: Default>(f: impl FnOnce(&[Propagator]) -> R) -> R {
    TelemetryLayer::with_current(|core| f(core.map_or(DEFAULT, |core| core.settings.propagators.as_slice())))
}

#[cfg(test)]
mod tests;
