//! One span of a trace, and claims about it.

use std::ops::Deref;

use super::{Span, Trace, Value};
use crate::{SpanKind, SpanStatus};

/// A [`Span`] with the [`Trace`] around it. Each claim gives it back, so that claims chain.
#[derive(Debug, Clone)]
pub struct TraceSpan<'s> {
    trace: Trace<'s>,
    span: Span,
}

impl Deref for TraceSpan<'_> {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.span
    }
}

impl<'s> TraceSpan<'s> {
    pub(super) fn new(trace: Trace<'s>, span: Span) -> Self {
        Self { trace, span }
    }

    /// The trace it is in.
    #[must_use]
    pub fn trace(&self) -> Trace<'s> {
        self.trace
    }

    /// Claims that it handles a request.
    #[track_caller]
    pub fn is_server(self) -> Self {
        self.of_kind(SpanKind::Server)
    }

    /// Claims that it makes a request.
    #[track_caller]
    pub fn is_client(self) -> Self {
        self.of_kind(SpanKind::Client)
    }

    /// Claims that it hands a message over.
    #[track_caller]
    pub fn is_producer(self) -> Self {
        self.of_kind(SpanKind::Producer)
    }

    /// Claims that it handles a message.
    #[track_caller]
    pub fn is_consumer(self) -> Self {
        self.of_kind(SpanKind::Consumer)
    }

    /// Claims that it is work inside the process.
    #[track_caller]
    pub fn is_internal(self) -> Self {
        self.of_kind(SpanKind::Internal)
    }

    #[track_caller]
    fn of_kind(self, kind: SpanKind) -> Self {
        self.claim(self.kind() == kind, || format!("is {:?}, not {kind:?}", self.kind()))
    }

    /// Claims which service emitted it.
    #[track_caller]
    pub fn in_service(self, name: &str) -> Self {
        self.claim(self.service() == name, || format!("is of service {:?}, not {name:?}", self.service()))
    }

    /// Claims that it has no parent.
    #[track_caller]
    pub fn is_root(self) -> Self {
        self.claim(self.parent_id().is_none(), || "is no root".to_owned())
    }

    /// Claims the name of its parent.
    #[track_caller]
    pub fn child_of(self, name: &str) -> Self {
        let parent = self.trace.eventually(|spans| {
            let parent = spans.into_iter().find(|span| Some(span.span_id()) == self.parent_id());
            parent.ok_or_else(|| format!("the parent of {:?} has not arrived", self.name()))
        });
        self.claim(parent.name() == name, || format!("is a child of {:?}, not of {name:?}", parent.name()))
    }

    /// Claims that a span of this name is somewhere above it.
    #[track_caller]
    pub fn below(self, name: &str) -> Self {
        self.trace.eventually(|spans| {
            let above = |span: &Span| spans.iter().find(|s| Some(s.span_id()) == span.parent_id());
            let mut line = std::iter::successors(above(&self.span), |span| above(span));
            let found = line.any(|span| span.name() == name);
            if found { Ok(()) } else { Err(format!("{:?} is not below {name:?}", self.name())) }
        });
        self
    }

    /// Claims that a link leads to a span of this name, in this trace or another.
    #[track_caller]
    pub fn linked_to(self, name: &str) -> Self {
        let leads = |span: &Span| span.name() == name && self.links().any(|link| link.leads_to(span));
        let found = self.trace.sink().look(|arrived| arrived.spans.iter().any(leads).then_some(()));
        self.claim(found.is_some(), || format!("is not linked to {name:?}"))
    }

    /// Claims how many links it has.
    #[track_caller]
    pub fn has_links(self, n: usize) -> Self {
        self.claim(self.links().count() == n, || format!("has {} links, not {n}", self.links().count()))
    }

    /// Claims the value of an attribute.
    #[track_caller]
    pub fn has(self, key: &str, value: impl Into<Value>) -> Self {
        let (found, wanted) = (self.attribute(key), value.into());
        self.claim(found.as_ref() == Some(&wanted), || match &found {
            Some(found) => format!("has {key} = {found:?}, not {wanted:?}"),
            None => format!("has no {key}; wanted was {wanted:?}"),
        })
    }

    /// Claims that it has an attribute, whatever its value.
    #[track_caller]
    pub fn has_some(self, key: &str) -> Self {
        self.claim(self.attribute(key).is_some(), || format!("has no {key}"))
    }

    /// Claims that it does not have an attribute.
    #[track_caller]
    pub fn has_no(self, key: &str) -> Self {
        let found = self.attribute(key);
        self.claim(found.is_none(), || format!("has {key} = {found:?}"))
    }

    /// Claims that it has an event of this name.
    #[track_caller]
    pub fn has_event(self, name: &str) -> Self {
        self.claim(self.events().any(|event| event.name() == name), || format!("has no event {name:?}"))
    }

    /// Claims that an exception was recorded on it, once, with this text in its message.
    #[track_caller]
    pub fn has_exception(self, text: &str) -> Self {
        let messages: Vec<String> = self
            .events()
            .filter(|event| event.name() == "exception")
            .filter_map(|event| event.attribute("exception.message").map(|message| message.to_string()))
            .collect();
        let found = matches!(&messages[..], [message] if message.contains(text));
        self.claim(found, || format!("has not one exception that says {text:?} but {messages:?}"))
    }

    /// Claims that its status is not ERROR.
    #[track_caller]
    pub fn ended_ok(self) -> Self {
        self.claim(!self.is_error(), || format!("ended with {:?}", self.status()))
    }

    /// Claims that its status is ERROR.
    #[track_caller]
    pub fn failed(self) -> Self {
        self.claim(self.is_error(), || "did not fail".to_owned())
    }

    /// Claims that its status is ERROR and its `error.type` this one.
    #[track_caller]
    pub fn failed_with(self, error_type: &str) -> Self {
        self.failed().has("error.type", error_type)
    }

    /// Claims that its status is ERROR with this text in its description.
    #[track_caller]
    pub fn failed_saying(self, text: &str) -> Self {
        let said = matches!(self.status(), SpanStatus::Error(message) if message.contains(text));
        self.claim(said, || format!("ended with {:?}, which does not say {text:?}", self.status()))
    }

    #[track_caller]
    fn claim(&self, holds: bool, but: impl FnOnce() -> String) -> Self {
        if !holds {
            self.trace.fail(&format!("{:?} {}", self.name(), but()));
        }
        self.clone()
    }
}
