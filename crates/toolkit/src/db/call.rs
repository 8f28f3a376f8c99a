//! One operation on a database, from its start to its outcome.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tracing::Span;

use super::System;
use crate::core::Core;
use crate::fields::{FieldLimits, Fields, Key, Stored};
use crate::layer;
use crate::layer::span_data::{EventData, SpanData};
use crate::{SpanKind, clock, record_error};

/// What is done, before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Operation<'a> {
    pub(crate) system: System,
    /// `db.operation.name`, as the application wrote it.
    pub(crate) name: Option<&'a str>,
    /// `db.query.summary`: the span's name when there is one.
    pub(crate) summary: Option<&'a str>,
    pub(crate) target: Option<Target<'a>>,
    pub(crate) namespace: Option<&'a str>,
    /// A path of a socket has no port.
    pub(crate) server: Option<(&'a str, Option<u16>)>,
}

/// What an operation is performed on, where neither its name nor its summary says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Target<'a> {
    /// `db.collection.name`, which is also part of the span's name.
    #[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only NATS has collections"))]
    Collection(&'a str),
    /// `db.stored_procedure.name`.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "only Redis has procedures"))]
    Procedure(&'a str),
}

impl<'a> Target<'a> {
    /// The attribute that says it.
    pub(super) fn attribute(self) -> (&'static str, &'a str) {
        match self {
            Self::Collection(name) => ("db.collection.name", name),
            Self::Procedure(name) => ("db.stored_procedure.name", name),
        }
    }
}

/// How an operation failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure<'a> {
    /// `error.type`.
    pub(crate) kind: &'a str,
    /// `db.response.status_code`, when the database answered.
    pub(crate) code: Option<&'a str>,
}

/// An operation on its way. Dropped without an outcome it counts as cancelled.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    core: Arc<Core>,
    span: Span,
    operation: Operation<'a>,
    started: u64,
    decided: bool,
}

impl<'a> Call<'a> {
    /// Starts the operation in `span`; `more` adds attributes when the span is recorded.
    pub(crate) fn begin(
        core: Arc<Core>,
        span: Span,
        operation: Operation<'a>,
        more: impl FnOnce(&mut Fields, FieldLimits),
    ) -> Self {
        let started = clock::monotonic_ns();
        layer::with_data(&span, |data, core| {
            let limits = core.settings.span_limits.fields;
            describe(data, limits, &operation);
            more(&mut data.fields, limits);
        });
        Self { core, span, operation, started, decided: false }
    }

    /// The same, begun earlier (on the monotonic clock).
    #[cfg(feature = "outbox")]
    pub(crate) fn since(mut self, started: u64) -> Self {
        self.started = started;
        layer::with_data(&self.span, |data, _| data.start_at(clock::wall_ns(started)));
        self
    }

    /// Adds attributes, when the span is recorded.
    pub(crate) fn describe(&self, f: impl FnOnce(&mut Fields, FieldLimits)) {
        layer::with_data(&self.span, |data, core| f(&mut data.fields, core.settings.span_limits.fields));
    }

    pub(crate) fn succeed(mut self) {
        self.decide(None);
    }

    /// Records the error on the span.
    pub(crate) fn fail(mut self, error: &(dyn Error + 'static), failure: Failure<'_>) {
        record_error(&self.span, error, failure.kind);
        if let Some(code) = failure.code {
            self.describe(|fields, limits| fields.set_str("db.response.status_code", code, limits));
        }
        self.decide(Some(failure));
    }

    /// Leaves the operation open while its answer is on its way.
    #[cfg(feature = "nats")]
    pub(crate) fn pause(mut self) -> Paused {
        self.decided = true;
        Paused { core: Arc::clone(&self.core), span: self.span.clone(), started: self.started }
    }

    fn decide(&mut self, failure: Option<Failure<'_>>) {
        self.decided = true;
        let now = clock::monotonic_ns();
        layer::with_data(&self.span, |data, _| data.end_at(now));
        let elapsed = Duration::from_nanos(now.saturating_sub(self.started));
        let _current = self.span.enter();
        self.core.db.measure(&self.operation, elapsed, failure);
    }
}

/// An operation whose answer is on its way, and which is to be resumed.
#[cfg(feature = "nats")]
#[derive(Debug)]
pub(crate) struct Paused {
    core: Arc<Core>,
    span: Span,
    started: u64,
}

#[cfg(feature = "nats")]
impl Paused {
    /// Goes on with what the operation was.
    pub(crate) fn resume(self, operation: Operation<'_>) -> Call<'_> {
        let Self { core, span, started } = self;
        Call { core, span, operation, started, decided: false }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.decided {
            return;
        }
        layer::with_data(&self.span, |data, core| {
            let (time_ns, name) = (clock::now_ns(), "cancelled".into());
            let event = EventData { time_ns, name, fields: Fields::default() };
            data.add_event(event, &core.settings.span_limits);
        });
        self.decide(None);
    }
}

fn describe(data: &mut SpanData, limits: FieldLimits, operation: &Operation<'_>) {
    data.kind = SpanKind::Client;
    data.name = match (operation.summary.or(operation.name), operation.target) {
        (Some(name), Some(Target::Collection(target))) => [name, " ", target].concat().into(),
        (Some(name), _) => name.to_owned().into(),
        (None, _) => operation.system.as_str().into(),
    };
    let fields = &mut data.fields;
    fields.set(Key::Static("db.system.name"), Stored::Static(operation.system.as_str()), limits);
    if let Some((key, target)) = operation.target.map(Target::attribute) {
        fields.set_str(key, target, limits);
    }
    let texts = [
        ("db.query.summary", operation.summary),
        ("db.operation.name", operation.name),
        ("db.namespace", operation.namespace),
        ("server.address", operation.server.map(|(address, _)| address)),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            fields.set_str(key, value, limits);
        }
    }
    if let Some((_, Some(port))) = operation.server {
        fields.set(Key::Static("server.port"), Stored::Int(i64::from(port)), limits);
    }
}
