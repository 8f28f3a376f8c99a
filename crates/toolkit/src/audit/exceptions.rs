//! Which exceptions were recorded lately, to tell those that are recorded again.
//!
//! The same failure may well be recorded by two spans side by side: three attempts are three
//! failures. It is the same one when it climbs: on a span and on one above it, or as an event of a
//! span and as a log record of it.

use std::collections::{HashMap, VecDeque};

use opentelemetry::trace::{SpanId, TraceId};

/// Traces with exceptions that are remembered.
const TRACES_MAX: usize = 256;
/// Exceptions that are remembered of one trace.
const EXCEPTIONS_MAX: usize = 16;
/// The ends of messages are kept: an outer error's message ends with that of its cause.
const MESSAGE_BYTES_MAX: usize = 300;

/// Exceptions of the latest traces.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    traces: HashMap<TraceId, Vec<Seen>>,
    order: VecDeque<TraceId>,
}

#[derive(Debug)]
struct Seen {
    message: Box<str>,
    span: SpanId,
    /// The innermost span above that has not ended yet.
    next: SpanId,
    in_log: bool,
}

/// Where a span stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) parent: Option<SpanId>,
}

impl Exceptions {
    /// Whether an exception was recorded in this trace lately.
    pub(super) fn knows(&self, trace: TraceId) -> bool {
        self.traces.contains_key(&trace)
    }

    /// A span ended with these exceptions; answers how many of them had been recorded before.
    pub(super) fn span_ended<'a>(&mut self, at: Place, messages: impl Iterator<Item = &'a str>) -> usize {
        let mut repeated = 0;
        let mut own: Vec<Seen> = Vec::new();
        let known = self.traces.get_mut(&at.trace);
        let mut below: Vec<&mut Seen> =
            known.into_iter().flatten().filter(|seen| seen.next == at.span).collect();
        for message in messages {
            let again = |seen: &Seen| same(&seen.message, message);
            if below.iter().any(|seen| again(seen)) || own.iter().any(again) {
                repeated += 1;
            } else {
                own.push(Seen::new(message, at.span, at.parent.unwrap_or(SpanId::INVALID), false));
            }
        }
        for seen in &mut below {
            seen.next = at.parent.unwrap_or(SpanId::INVALID);
        }
        for seen in own {
            self.remember(at.trace, seen);
        }
        repeated
    }

    /// A log record holds an exception; whether its span holds the same.
    pub(super) fn logged(&mut self, trace: TraceId, span: SpanId, message: &str) -> bool {
        let known = self.traces.get(&trace).into_iter().flatten();
        let again =
            known.into_iter().any(|seen| seen.span == span && !seen.in_log && same(&seen.message, message));
        if !again {
            // The span may end later, with an event of the same.
            self.remember(trace, Seen::new(message, span, span, true));
        }
        again
    }

    fn remember(&mut self, trace: TraceId, seen: Seen) {
        if !self.traces.contains_key(&trace) {
            if self.order.len() >= TRACES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.traces.remove(&oldest);
            }
            self.order.push_back(trace);
        }
        let list = self.traces.entry(trace).or_default();
        if list.len() < EXCEPTIONS_MAX {
            list.push(seen);
        }
    }
}

impl Seen {
    fn new(message: &str, span: SpanId, next: SpanId, in_log: bool) -> Self {
        Self { message: end_of(message).into(), span, next, in_log }
    }
}

fn end_of(message: &str) -> &str {
    let start = message.ceil_char_boundary(message.len().saturating_sub(MESSAGE_BYTES_MAX));
    message.get(start..).unwrap_or(message)
}

/// Whether two messages are about the same: one may have the other as its cause.
fn same(kept: &str, message: &str) -> bool {
    let message = end_of(message);
    !kept.is_empty() && !message.is_empty() && (kept.ends_with(message) || message.ends_with(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(span: u64, parent: u64) -> Place {
        Place {
            trace: TraceId::from(1),
            span: SpanId::from(span),
            parent: Some(SpanId::from(parent)).filter(|id| *id != SpanId::INVALID),
        }
    }

    fn ended(seen: &mut Exceptions, span: u64, parent: u64, messages: &[&str]) -> usize {
        seen.span_ended(place(span, parent), messages.iter().copied())
    }

    #[test]
    fn an_exception_that_climbs_is_told_however_far() {
        let mut seen = Exceptions::default();
        assert_eq!(ended(&mut seen, 4, 3, &["account 7 is closed"]), 0);
        assert_eq!(ended(&mut seen, 3, 2, &[]), 0);
        assert_eq!(ended(&mut seen, 2, 0, &["cannot book: account 7 is closed"]), 1);
        assert_eq!(ended(&mut seen, 5, 0, &["twice", "twice"]), 1);
    }

    #[test]
    fn failures_side_by_side_are_failures_of_their_own() {
        let mut seen = Exceptions::default();
        for attempt in 2..5 {
            assert_eq!(ended(&mut seen, attempt, 1, &["connection refused"]), 0);
        }
        assert_eq!(ended(&mut seen, 1, 0, &["gave up"]), 0);
    }

    #[test]
    fn an_event_and_a_log_record_of_one_span_are_told_in_either_order() {
        let (trace, span) = (TraceId::from(1), SpanId::from(2));
        let mut seen = Exceptions::default();
        assert!(!seen.logged(trace, span, "disk"));
        assert!(!seen.logged(trace, span, "disk"), "two log records are the log's own affair");
        assert_eq!(ended(&mut seen, 2, 0, &["disk"]), 1);
        let mut seen = Exceptions::default();
        assert_eq!(ended(&mut seen, 2, 0, &["disk"]), 0);
        assert!(seen.logged(trace, span, "disk"));
        assert!(!seen.logged(trace, SpanId::from(3), "disk"));
    }

    #[test]
    fn only_the_latest_traces_are_remembered() {
        let mut seen = Exceptions::default();
        for trace in 1..=1_000_u64 {
            let at = Place { trace: TraceId::from(u128::from(trace)), ..place(1, 0) };
            seen.span_ended(at, ["disk"].into_iter());
        }
        assert_eq!((seen.traces.len(), seen.order.len()), (TRACES_MAX, TRACES_MAX));
        assert!(seen.knows(TraceId::from(1_000)) && !seen.knows(TraceId::from(1)));
    }
}
