//! Fields that a row tells on its own: where the store keeps them, and how their values read.

use throughline_lang::traceql::{AttributeScope, FieldRef, Intrinsic, Kind, Status};
use throughline_model::{Value, schema};
use throughline_store::scan::Field;

use crate::FieldValue;
use crate::lower::scope_of;

/// The store's name of a field; `None` for what only a whole trace tells.
pub(super) fn stored_field(field: &FieldRef) -> Option<Field> {
    use Intrinsic as I;
    let intrinsic = match field {
        FieldRef::Attribute { parent: true, .. } => return None,
        FieldRef::Attribute { scope, name, .. } => {
            return Some(Field::Attribute { scope: scope_of(*scope), key: name.clone() });
        }
        FieldRef::Intrinsic(intrinsic) => *intrinsic,
    };
    Some(match intrinsic {
        I::Duration => Field::column(schema::DURATION_NS),
        I::Name => Field::column(schema::NAME),
        I::Status => Field::column(schema::STATUS_CODE),
        I::StatusMessage => Field::column(schema::STATUS_MESSAGE),
        I::Kind => Field::column(schema::KIND),
        I::SpanId => Field::column(schema::SPAN_ID),
        I::ParentId => Field::column(schema::PARENT_SPAN_ID),
        I::TraceId => Field::column(schema::TRACE_ID),
        I::EventName => Field::EventName,
        I::EventTimeSinceStart => Field::EventTimeSinceStart,
        I::LinkTraceId => Field::LinkTraceId,
        I::LinkSpanId => Field::LinkSpanId,
        I::InstrumentationName => Field::ScopeName,
        I::InstrumentationVersion => Field::ScopeVersion,
        I::ChildCount
        | I::Parent
        | I::TraceDuration
        | I::RootName
        | I::RootService
        | I::NestedSetLeft
        | I::NestedSetRight
        | I::NestedSetParent => return None,
    })
}

/// A stored value with the type that TraceQL gives it.
pub(super) fn typed(field: &FieldRef, value: Value) -> Option<FieldValue> {
    use Intrinsic as I;
    let code = |number: i64| i32::try_from(number).unwrap_or_default();
    Some(match (field, value) {
        (_, Value::Null) => return None,
        (FieldRef::Intrinsic(I::Duration | I::EventTimeSinceStart), Value::Int(nanos)) => {
            FieldValue::Duration(nanos)
        }
        (FieldRef::Intrinsic(I::Status), Value::Int(number)) => {
            FieldValue::Status(Status::from_code(code(number)))
        }
        (FieldRef::Intrinsic(I::Kind), Value::Int(number)) => FieldValue::Kind(Kind::from_code(code(number))),
        (_, value) => FieldValue::Value(value),
    })
}

/// The service's name, which has a column of its own.
pub(super) fn is_service(field: &FieldRef) -> bool {
    matches!(field, FieldRef::Attribute { scope: AttributeScope::Resource, parent: false, name } if name == "service.name")
}
