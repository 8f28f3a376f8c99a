//! Record headers as a carrier of context, whichever client has them.
//!
//! Kafka's headers are a list: names repeat, values are bytes or absent. Context is in headers
//! `traceparent`, `tracestate` and `baggage` (or those of the other `OTEL_PROPAGATORS`) with UTF-8
//! values. When a name repeats the last one counts, for that is what was added last on the way;
//! values that are no UTF-8 are as good as absent.

use opentelemetry::propagation::{Extractor, Injector};

use crate::propagation::{self, TraceContext};

/// The headers of a record, in their order.
///
/// Implemented for the headers of `rdkafka` and of `krafka`, and for slices of pairs; a client
/// that has others takes a few lines.
pub trait Headers {
    /// How many there are.
    fn count(&self) -> usize;

    /// Name and value of one of them. `None` when it has no value or cannot be read.
    fn get(&self, index: usize) -> Option<(&str, &[u8])>;
}

/// Headers that can be changed, those of a record about to be sent.
pub trait HeadersMut: Headers {
    /// Adds a header after the others.
    fn push(&mut self, name: &str, value: String);

    /// Removes the headers whose name `gone` answers true to.
    fn remove(&mut self, gone: impl Fn(&str) -> bool);
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Headers for [(K, Option<V>)] {
    fn count(&self) -> usize {
        self.len()
    }

    fn get(&self, index: usize) -> Option<(&str, &[u8])> {
        let (name, value) = <[_]>::get(self, index)?;
        Some((name.as_ref(), value.as_ref()?.as_ref()))
    }
}

impl<K: AsRef<str>, V: AsRef<[u8]>> Headers for Vec<(K, Option<V>)> {
    fn count(&self) -> usize {
        self.len()
    }

    fn get(&self, index: usize) -> Option<(&str, &[u8])> {
        Headers::get(self.as_slice(), index)
    }
}

impl<V: AsRef<[u8]> + From<String>> HeadersMut for Vec<(String, Option<V>)> {
    fn push(&mut self, name: &str, value: String) {
        Self::push(self, (name.to_owned(), Some(value.into())));
    }

    fn remove(&mut self, gone: impl Fn(&str) -> bool) {
        self.retain(|(name, _)| !gone(name));
    }
}

/// Writes the context into the headers, in place of a context they hold already; all other headers
/// stay. A context that is not valid leaves the headers as they are.
pub fn inject(context: &TraceContext, headers: &mut impl HeadersMut) {
    if context.is_valid() && (0..headers.count()).any(|i| headers.get(i).is_some_and(|(n, _)| of_trace(n))) {
        headers.remove(of_trace);
    }
    propagation::inject(context, &mut Writer(headers));
}

/// Reads the context that the headers hold; not valid when they hold none.
#[must_use]
pub fn extract(headers: &(impl Headers + ?Sized)) -> TraceContext {
    Found::among(headers, "").context()
}

/// The names that the formats of `OTEL_PROPAGATORS` use; baggage last.
const NAMES: [&str; 9] = [
    "traceparent",
    "tracestate",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    BAGGAGE,
];
const BAGGAGE: &str = "baggage";

/// Whether a header says which trace a record belongs to: none of them may outlive the others.
fn of_trace(name: &str) -> bool {
    name != BAGGAGE && position(name).is_some()
}

fn position(name: &str) -> Option<usize> {
    NAMES.iter().position(|n| n.len() == name.len() && n.eq_ignore_ascii_case(name))
}

/// The text of a header.
pub(crate) fn text(headers: &(impl Headers + ?Sized), index: usize) -> Option<&str> {
    str::from_utf8(headers.get(index)?.1).ok()
}

/// What is of interest among the headers of a record, found in one pass over them.
#[derive(Debug, Default)]
pub(crate) struct Found<'a> {
    of_names: [Option<&'a str>; NAMES.len()],
    message_id_at: Option<usize>,
}

impl<'a> Found<'a> {
    /// Looks for context, and for the header of that name with the message's id.
    pub(crate) fn among(headers: &'a (impl Headers + ?Sized), message_id: &str) -> Self {
        let mut found = Self::default();
        for index in 0..headers.count() {
            let Some((name, value)) = headers.get(index) else { continue };
            if let Some(slot) = position(name).and_then(|at| found.of_names.get_mut(at)) {
                *slot = str::from_utf8(value).ok().or(*slot);
            } else if name == message_id {
                found.message_id_at = Some(index);
            }
        }
        found
    }

    pub(crate) fn context(&self) -> TraceContext {
        if self.of_names.iter().all(Option::is_none) {
            return TraceContext::default();
        }
        propagation::extract(self)
    }

    /// Which header has the message's id.
    pub(crate) fn message_id_at(&self) -> Option<usize> {
        self.message_id_at
    }
}

impl Extractor for Found<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.of_names.get(position(key)?).copied()?
    }

    fn keys(&self) -> Vec<&str> {
        let found = NAMES.iter().zip(&self.of_names);
        found.filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect()
    }
}

struct Writer<'a, H>(&'a mut H);

impl<H: HeadersMut> Injector for Writer<'_, H> {
    fn set(&mut self, key: &str, value: String) {
        if key == BAGGAGE {
            self.0.remove(|name| name == BAGGAGE);
        }
        self.0.push(key, value);
    }
}

#[cfg(test)]
mod tests;
