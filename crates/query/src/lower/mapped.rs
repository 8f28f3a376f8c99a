//! Which field of the store a field of a query is.

use throughline_lang::traceql::{self, FieldRef, Intrinsic};
use throughline_model::schema;
use throughline_store::scan::{AttributeScope, Field};

/// What the store has for a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mapped {
    /// A field with the same values.
    Field(Field),
    /// A field of whole nanoseconds, which the query computes with as a float.
    Duration(Field),
    /// Text that the store leaves out where it is empty.
    OptionalText(Field),
    /// The status, stored as its number.
    Status,
    /// The kind, stored as its number.
    Kind,
    /// Known only when the whole trace is.
    OfTrace,
    /// Never has a value.
    Nothing,
}

pub(super) fn mapped(field: &FieldRef) -> Mapped {
    match field {
        FieldRef::Attribute { parent: true, .. } => Mapped::Nothing,
        FieldRef::Attribute { scope, name, .. } => {
            Mapped::Field(Field::Attribute { scope: scope_of(*scope), key: name.clone() })
        }
        FieldRef::Intrinsic(intrinsic) => of_intrinsic(*intrinsic),
    }
}

fn of_intrinsic(intrinsic: Intrinsic) -> Mapped {
    match intrinsic {
        Intrinsic::Duration => Mapped::Duration(Field::column(schema::DURATION_NS)),
        Intrinsic::Name => Mapped::Field(Field::column(schema::NAME)),
        Intrinsic::Status => Mapped::Status,
        Intrinsic::StatusMessage => Mapped::OptionalText(Field::column(schema::STATUS_MESSAGE)),
        Intrinsic::Kind => Mapped::Kind,
        Intrinsic::SpanId => Mapped::Field(Field::column(schema::SPAN_ID)),
        Intrinsic::ParentId => Mapped::Field(Field::column(schema::PARENT_SPAN_ID)),
        Intrinsic::TraceId => Mapped::Field(Field::column(schema::TRACE_ID)),
        Intrinsic::EventName => Mapped::Field(Field::EventName),
        Intrinsic::EventTimeSinceStart => Mapped::Duration(Field::EventTimeSinceStart),
        Intrinsic::LinkTraceId => Mapped::Field(Field::LinkTraceId),
        Intrinsic::LinkSpanId => Mapped::Field(Field::LinkSpanId),
        Intrinsic::InstrumentationName => Mapped::Field(Field::ScopeName),
        Intrinsic::InstrumentationVersion => Mapped::Field(Field::ScopeVersion),
        Intrinsic::ChildCount
        | Intrinsic::TraceDuration
        | Intrinsic::RootName
        | Intrinsic::RootService
        | Intrinsic::NestedSetLeft
        | Intrinsic::NestedSetRight
        | Intrinsic::NestedSetParent => Mapped::OfTrace,
        Intrinsic::Parent => Mapped::Nothing,
    }
}

/// The store's name of a scope.
pub(crate) fn scope_of(scope: traceql::AttributeScope) -> AttributeScope {
    match scope {
        traceql::AttributeScope::Any => AttributeScope::Any,
        traceql::AttributeScope::Span => AttributeScope::Span,
        traceql::AttributeScope::Resource => AttributeScope::Resource,
        traceql::AttributeScope::Event => AttributeScope::Event,
        traceql::AttributeScope::Link => AttributeScope::Link,
        traceql::AttributeScope::Instrumentation => AttributeScope::Instrumentation,
    }
}
