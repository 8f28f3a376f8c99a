//! Spans and filters drawn from small alphabets, so that most filters keep some rows and not all.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;
use throughline_model::{Attributes, Event, Link, Resource, Scope, Span, SpanId, TraceId, Value};
use throughline_store::scan::{ArithmeticOp, AttributeScope, CompareOp, Field, Filter, Operand};

const KEYS: [&str; 6] = ["http.route", "n", "ratio", "ok", "odd \"key\"", "$dollar"];
const TEXTS: [&str; 7] = ["", "a", "ab", "b", "/users/{id}", "GET \"x\"\n", "é"];

/// A value of any type, weighted towards what compares.
pub(super) fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => select(&TEXTS[..]).prop_map(Value::from),
        3 => int().prop_map(Value::Int),
        2 => double().prop_map(Value::Double),
        2 => any::<bool>().prop_map(Value::Bool),
        1 => vec(0_u8..3, 0..3).prop_map(Value::Bytes),
        1 => Just(Value::Null),
        1 => Just(Value::Array(vec![Value::Int(1), Value::from("a")])),
        1 => Just(Value::Map(vec![("n".into(), Value::Int(1))])),
    ]
}

fn int() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -3_i64..6, 1 => select(vec![i64::MIN, i64::MAX, (1 << 53) + 1])]
}

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-6_i32..12).prop_map(|n| f64::from(n) / 2.0),
        1 => select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 9_007_199_254_740_992.0, -0.0]),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    vec((select(&KEYS[..]), value()), 0..5).prop_map(|pairs| {
        let mut attributes: Attributes = Vec::new();
        for (key, value) in pairs {
            if !attributes.iter().any(|(have, _)| have == key) {
                attributes.push((key.to_owned(), value));
            }
        }
        attributes
    })
}

fn trace_id() -> impl Strategy<Value = TraceId> {
    (1_u8..6).prop_map(|n| TraceId::from_slice(&[&[0; 15][..], &[n]].concat()).unwrap())
}

fn span_id() -> impl Strategy<Value = SpanId> {
    (1_u8..20).prop_map(|n| SpanId::from_slice(&[0xAB, 0, 0, 0, 0, 0, 0, n]).unwrap())
}

fn event() -> impl Strategy<Value = Event> {
    (90_i64..130, select(&TEXTS[..]), attributes()).prop_map(|(time_ns, name, attributes)| Event {
        time_ns,
        name: name.to_owned(),
        attributes,
        dropped_attributes_count: 0,
    })
}

fn link() -> impl Strategy<Value = Link> {
    (trace_id(), span_id(), attributes()).prop_map(|(trace_id, span_id, attributes)| Link {
        trace_id,
        span_id,
        attributes,
        ..Link::default()
    })
}

fn origin() -> impl Strategy<Value = (Arc<Resource>, Arc<Scope>)> {
    let service = option::weighted(0.8, select(vec!["shop", "cart", "a"]));
    (service, attributes(), select(vec!["", "lib"]), select(vec!["", "1.0"]), attributes()).prop_map(
        |(service, mut attributes, name, version, scope_attributes)| {
            if let Some(service) = service {
                attributes.insert(0, ("service.name".into(), service.into()));
            }
            let scope = Scope {
                name: name.into(),
                version: version.into(),
                attributes: scope_attributes,
                ..Scope::default()
            };
            (Arc::new(Resource { attributes, ..Resource::default() }), Arc::new(scope))
        },
    )
}

/// One span.
pub(super) fn span() -> impl Strategy<Value = Span> {
    let ids = (trace_id(), span_id(), option::of(span_id()));
    let times = (100_i64..120, -2_i64..40);
    let enums = (0_i32..6, 0_i32..3, 0_u32..3);
    let lists = (vec(event(), 0..3), vec(link(), 0..3));
    (ids, times, enums, select(&TEXTS[..]), select(&TEXTS[..]), attributes(), lists, origin()).prop_map(
        |(ids, times, enums, name, message, attributes, lists, origin)| Span {
            trace_id: ids.0,
            span_id: ids.1,
            parent_span_id: ids.2,
            name: name.to_owned(),
            kind: enums.0,
            start_ns: times.0,
            duration_ns: times.1,
            status_code: enums.1,
            status_message: message.to_owned(),
            flags: enums.2,
            attributes,
            events: lists.0,
            links: lists.1,
            resource: origin.0,
            scope: origin.1,
            ..Span::default()
        },
    )
}

/// A field of a span.
pub(super) fn field() -> impl Strategy<Value = Field> {
    let columns = vec![
        "trace_id",
        "span_id",
        "parent_span_id",
        "name",
        "service",
        "kind",
        "status_code",
        "status_message",
        "flags",
        "start_ns",
        "duration_ns",
    ];
    let scopes = vec![
        AttributeScope::Any,
        AttributeScope::Span,
        AttributeScope::Resource,
        AttributeScope::Instrumentation,
        AttributeScope::Event,
        AttributeScope::Link,
    ];
    let others = vec![
        Field::EndNs,
        Field::EventName,
        Field::EventTimeSinceStart,
        Field::LinkTraceId,
        Field::LinkSpanId,
        Field::ScopeName,
        Field::ScopeVersion,
        Field::attribute(AttributeScope::Resource, "service.name"),
        Field::attribute(AttributeScope::Any, "service.name"),
    ];
    prop_oneof![
        3 => select(columns).prop_map(Field::column),
        4 => (select(scopes), select(&KEYS[..])).prop_map(|(scope, key)| Field::attribute(scope, key)),
        2 => select(others),
    ]
}

fn operand() -> impl Strategy<Value = Operand> {
    let leaf = prop_oneof![field().prop_map(Operand::Field), literal(value())];
    leaf.prop_recursive(2, 4, 2, |inner| {
        let op = select(vec![
            ArithmeticOp::Add,
            ArithmeticOp::Sub,
            ArithmeticOp::Mul,
            ArithmeticOp::Div,
            ArithmeticOp::Mod,
            ArithmeticOp::Pow,
        ]);
        prop_oneof![
            (op, inner.clone(), inner.clone()).prop_map(|(op, left, right)| Operand::Arithmetic {
                op,
                left: Box::new(left),
                right: Box::new(right),
            }),
            inner.prop_map(|inner| Operand::Negate(Box::new(inner))),
        ]
    })
}

fn literal(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Operand> {
    let near = (99_i64..140).prop_map(Value::Int);
    let id = select(vec!["1", "AB00000000000003", "00000000000000000000000000000002", "zz"]);
    let service = select(vec!["shop", "cart"]).prop_map(Value::from);
    prop_oneof![5 => values, 2 => near, 1 => id.prop_map(Value::from), 1 => service]
        .prop_map(Operand::Literal)
}

fn comparison() -> impl Strategy<Value = Filter> {
    let order = || {
        select(vec![CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge])
    };
    let simple = (field(), order(), literal(value()), any::<bool>()).prop_map(|(field, op, value, swap)| {
        let field = Operand::Field(field);
        let (left, right) = if swap { (value, field) } else { (field, value) };
        Filter::Compare { left, op, right }
    });
    let computed =
        (operand(), order(), operand()).prop_map(|(left, op, right)| Filter::Compare { left, op, right });
    let pattern = (
        field(),
        select(vec![CompareOp::Regex, CompareOp::NotRegex]),
        select(vec!["^(?:a|b)$", "a", "^(?:.*b)$", "^(?:)$", "0[12]$", "sh.p"]),
    );
    let contained = (
        field(),
        select(vec![CompareOp::Contains, CompareOp::NotContains]),
        select(vec!["", "a", "b", "{id}", "\"", "op"]),
    );
    let text = prop_oneof![pattern, contained].prop_map(|(field, op, text)| Filter::compare(field, op, text));
    prop_oneof![
        5 => simple,
        1 => computed,
        3 => text,
        2 => field().prop_map(Filter::Exists),
        1 => (field(), vec(literal(value()), 0..4)).prop_map(|(field, values)| {
            let values = values.into_iter().map(|value| match value {
                Operand::Literal(value) => value,
                _ => Value::Null,
            });
            Filter::In(field, values.collect())
        }),
    ]
}

/// A filter that passes validation.
pub(super) fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![20 => comparison(), 1 => Just(Filter::All), 1 => Just(Filter::None)];
    leaf.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..4).prop_map(Filter::And),
            2 => vec(inner.clone(), 0..4).prop_map(Filter::Or),
            1 => inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
    .prop_filter("an event compared with a link", |filter| filter.validate().is_ok())
}
