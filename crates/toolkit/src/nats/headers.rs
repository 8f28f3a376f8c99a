//! Context in and out of NATS headers, and which headers may travel on.

use std::borrow::{Borrow, BorrowMut};

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};

use crate::propagation::{self, TraceContext};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");
/// Asks nats-server to send a trace of the message's route to a subject.
const TRACE_DEST: HeaderName = HeaderName::from_static("Nats-Trace-Dest");

/// Headers that control nats-server's tracing of one message's route.
const TRACE_PREFIX: &str = "Nats-Trace-";
/// Headers by which a client and the server speak about one message on one hop.
const SERVER_PREFIX: &str = "Nats-";
/// Of these, what a service says to its caller (ADR-32).
const SERVICE_PREFIX: &str = "Nats-Service-";
/// What the formats of `OTEL_PROPAGATORS` write.
const CONTEXT: &[&str] = &[
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
];

/// NATS headers as a carrier of context, for reading (`HeaderCarrier(&headers)`) and for writing
/// (`HeaderCarrier(&mut headers)`).
///
/// Names are written in lower case, as nats-server expects `traceparent` for its own message
/// tracing. They are read in any case, the exact one first: some clients capitalise them.
#[derive(Debug)]
pub struct HeaderCarrier<H>(pub H);

impl<H: BorrowMut<HeaderMap>> Injector for HeaderCarrier<H> {
    fn set(&mut self, key: &str, value: String) {
        let name = match key {
            "traceparent" => TRACEPARENT,
            "tracestate" => TRACESTATE,
            "baggage" => BAGGAGE,
            _ => match key.parse() {
                Ok(name) => name,
                Err(_) => return,
            },
        };
        // The client panics on values that would break the protocol.
        if !value.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
            self.0.borrow_mut().insert(name, value);
        }
    }
}

impl<H: Borrow<HeaderMap>> Extractor for HeaderCarrier<H> {
    fn get(&self, key: &str) -> Option<&str> {
        find(self.0.borrow(), key)?.first().map(HeaderValue::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.borrow().iter().map(|(name, _)| name.as_ref()).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        Some(find(self.0.borrow(), key)?.iter().map(HeaderValue::as_str).collect())
    }
}

/// The values of a header. Messages have few headers: looking at all is cheaper than hashing.
fn find<'a>(headers: &'a HeaderMap, key: &str) -> Option<&'a [HeaderValue]> {
    let mut found = None;
    for (name, values) in headers.iter() {
        let name: &str = name.as_ref();
        if name.eq_ignore_ascii_case(key) {
            found = Some(values.as_slice());
            if name == key {
                break;
            }
        }
    }
    found
}

/// Writes a context into headers, in place of one they may hold. A context that is not valid
/// leaves them as they are.
pub fn inject(context: &TraceContext, headers: &mut HeaderMap) {
    if context.is_valid() {
        retain(headers, |name| !is_trace_context(name));
    }
    propagation::inject(context, &mut HeaderCarrier(headers));
}

/// Reads a context from headers; invalid when they hold none.
#[must_use]
pub fn extract(headers: &HeaderMap) -> TraceContext {
    if headers.is_empty() {
        return TraceContext::default();
    }
    propagation::extract(&HeaderCarrier(headers))
}

/// The headers of a received message that may be published again: those of the application.
///
/// Left out are the context, which is the publishing span's to write, and all by which the
/// publisher and the server spoke about the received message only (`Nats-…`): message ids and
/// expectations, which would have the copy refused or silently taken for a duplicate, time to
/// live, rollup, schedule and batch, which would be obeyed a second time, and `Nats-Trace-Dest`,
/// which a stored message carries as `trace disabled`. Errors of a service (`Nats-Service-…`)
/// stay.
#[must_use]
pub fn forwarded_headers(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    retain(&mut kept, |name| {
        let of_the_hop = has_prefix(name, SERVER_PREFIX) && !has_prefix(name, SERVICE_PREFIX);
        !of_the_hop && !CONTEXT.iter().any(|context| name.eq_ignore_ascii_case(context))
    });
    kept
}

/// What a message is published with: `headers` with this context, without the server tracing of
/// another message, and with server tracing to `trace_to` when that is wanted.
pub(super) fn outgoing(
    headers: Option<HeaderMap>,
    context: &TraceContext,
    trace_to: Option<&HeaderValue>,
) -> Option<HeaderMap> {
    let mut headers = headers.unwrap_or_default();
    let asked = trace_to.is_some();
    retain(&mut headers, |name| !has_prefix(name, TRACE_PREFIX) || asked && is_trace_only(name));
    if let Some(subject) = trace_to {
        headers.insert(TRACE_DEST, subject.clone());
    }
    inject(context, &mut headers);
    (!headers.is_empty()).then_some(headers)
}

fn is_trace_context(name: &str) -> bool {
    name.eq_ignore_ascii_case("traceparent") || name.eq_ignore_ascii_case("tracestate")
}

/// The caller's wish to have a message routed and traced but not delivered.
fn is_trace_only(name: &str) -> bool {
    name.eq_ignore_ascii_case("Nats-Trace-Only")
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Keeps the headers `keep` says. The map has no removal, so it is made anew when one goes.
fn retain(headers: &mut HeaderMap, keep: impl Fn(&str) -> bool) {
    if headers.iter().all(|(name, _)| keep(name.as_ref())) {
        return;
    }
    let all = std::mem::take(headers);
    for (name, values) in all.iter().filter(|(name, _)| keep(name.as_ref())) {
        for value in values {
            headers.append(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests;
