//! HTTP headers as a carrier.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
static BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// The W3C header of this name: looking for it costs less than looking for a text.
fn known(key: &str) -> Option<&'static HeaderName> {
    [&TRACEPARENT, &TRACESTATE, &BAGGAGE].into_iter().find(|name| name.as_str() == key)
}

pub(crate) struct HeaderWriter<'a>(pub(crate) &'a mut HeaderMap);

impl Injector for HeaderWriter<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = match known(key) {
            Some(name) => name.clone(),
            None => match HeaderName::from_bytes(key.as_bytes()) {
                Ok(name) => name,
                Err(_) => return,
            },
        };
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(value)) {
            self.0.insert(name, value);
        }
    }
}

pub(crate) struct HeaderReader<'a>(pub(crate) &'a HeaderMap);

impl Extractor for HeaderReader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = known(key).map_or_else(|| self.0.get(key), |name| self.0.get(name));
        value.and_then(|v| v.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values = known(key).map_or_else(|| self.0.get_all(key), |name| self.0.get_all(name));
        let all: Vec<&str> = values.iter().filter_map(|v| v.to_str().ok()).collect();
        (!all.is_empty()).then_some(all)
    }
}
