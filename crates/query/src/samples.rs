//! Traces and predicates made up for tests: small ranges of names and values, so that conditions
//! meet data often.

use std::sync::Arc;

use proptest::prelude::*;
use throughline_model::{Event, Link, Resource, Scope, Span, SpanId, TraceId, Value};

const KEYS: [&str; 3] = ["k", "flag", "n"];

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        prop::sample::select(vec!["", "a", "b", "GET", "ab"]).prop_map(Value::from),
        (-2i64..4).prop_map(Value::Int),
        prop::sample::select(vec![-1.5, 0.0, 1.0, 2.5]).prop_map(Value::Double),
        any::<bool>().prop_map(Value::Bool),
    ];
    prop_oneof![
        12 => scalar.clone(),
        2 => prop::collection::vec(scalar, 0..3).prop_map(Value::Array),
        1 => Just(Value::Null),
        1 => Just(Value::Bytes(vec![1, 2])),
        1 => Just(Value::Map(vec![("m".to_owned(), Value::Int(1))])),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<(String, Value)>> {
    prop::collection::hash_map(prop::sample::select(KEYS.to_vec()), value(), 0..3).prop_map(|attributes| {
        let mut attributes: Vec<_> =
            attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        attributes
    })
}

fn resource() -> impl Strategy<Value = Arc<Resource>> {
    (prop::sample::select(vec!["api", "db", "web"]), attributes(), 0..5u8).prop_map(
        |(service, mut attributes, named)| {
            if named > 0 {
                attributes.insert(0, ("service.name".to_owned(), Value::from(service)));
            }
            Arc::new(Resource { attributes, ..Resource::default() })
        },
    )
}

fn scope() -> impl Strategy<Value = Arc<Scope>> {
    (prop::sample::select(vec!["", "lib", "otel"]), prop::sample::select(vec!["", "1"]), attributes())
        .prop_map(|(name, version, attributes)| {
            let (name, version) = (name.to_owned(), version.to_owned());
            Arc::new(Scope { name, version, attributes, ..Scope::default() })
        })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "GET", "exception", ""]).prop_map(str::to_owned)
}

pub(crate) fn span_id(id: u8) -> SpanId {
    SpanId([0, 0, 0, 0, 0, 0, 0, id])
}

pub(crate) fn trace_id(id: u8) -> TraceId {
    let mut bytes = [0; 16];
    bytes[15] = id;
    TraceId(bytes)
}

fn events(start_ns: i64) -> impl Strategy<Value = Vec<Event>> {
    let event = (0..4i64, name(), attributes()).prop_map(move |(after, name, attributes)| Event {
        time_ns: start_ns + after,
        name,
        attributes,
        dropped_attributes_count: 0,
    });
    prop::collection::vec(event, 0..3)
}

fn links() -> impl Strategy<Value = Vec<Link>> {
    let link = (1..4u8, 1..4u8, attributes()).prop_map(|(trace, span, attributes)| Link {
        trace_id: trace_id(trace),
        span_id: span_id(span),
        attributes,
        ..Link::default()
    });
    prop::collection::vec(link, 0..3)
}

/// Spans of one trace with ids from 1, some of them without their parent.
pub(crate) fn spans(id: u8) -> impl Strategy<Value = Vec<Span>> {
    let one = move || {
        (100i64..120).prop_flat_map(move |start_ns| {
            (
                (Just(start_ns), 0i64..30, 0u8..8, name()),
                (0i32..6, 0i32..3, prop::sample::select(vec!["", "a", "GET"])),
                (attributes(), events(start_ns), links(), resource(), scope()),
            )
        })
    };
    prop::collection::vec(one(), 1..6).prop_map(move |rows| {
        rows.into_iter()
            .zip(1u8..)
            .map(|((times, codes, rest), index)| {
                let (start_ns, duration_ns, parent, name) = times;
                let (kind, status_code, message) = codes;
                let (attributes, events, links, resource, scope) = rest;
                Span {
                    trace_id: trace_id(id),
                    span_id: span_id(index),
                    parent_span_id: (parent > 0 && parent != index).then(|| span_id(parent)),
                    name,
                    kind,
                    start_ns,
                    duration_ns,
                    status_code,
                    status_message: message.to_owned(),
                    attributes,
                    events,
                    links,
                    resource,
                    scope,
                    ..Span::default()
                }
            })
            .collect()
    })
}

fn field() -> impl Strategy<Value = String> {
    let scopes = ["", "span", "resource", "event", "link", "instrumentation"];
    let attribute = (prop::sample::select(scopes.to_vec()), prop::sample::select(KEYS.to_vec()))
        .prop_map(|(scope, key)| format!("{scope}.{key}"));
    let intrinsic = prop::sample::select(vec![
        "name",
        "duration",
        "statusMessage",
        "span:id",
        "span:parentID",
        "trace:id",
        "event:name",
        "event:timeSinceStart",
        "link:traceID",
        "link:spanID",
        "instrumentation:name",
        "instrumentation:version",
        "resource.service.name",
        "span:childCount",
        "rootName",
        "rootServiceName",
        "traceDuration",
        "nestedSetParent",
    ])
    .prop_map(str::to_owned);
    prop_oneof![3 => attribute, 2 => intrinsic]
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["\"\"", "\"a\"", "\"GET\"", "\"api\"", "\"2\"", "\"0000000000000001\""])
            .prop_map(str::to_owned),
        (-2i64..20).prop_map(|number| number.to_string()),
        prop::sample::select(vec!["1.0", "2.5", "5ns", "true", "false"]).prop_map(str::to_owned),
    ]
}

fn comparison() -> impl Strategy<Value = String> {
    let op = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let arithmetic = prop::sample::select(vec!["+", "-", "*", "/", "%", "^"]);
    let pattern = prop::sample::select(vec!["\"a|GET\"", "\".*\"", "\"\"", "\"[ab]+\""]);
    prop_oneof![
        8 => (field(), op.clone(), literal()).prop_map(|(f, op, l)| format!("{f} {op} {l}")),
        1 => (field(), op.clone(), literal()).prop_map(|(f, op, l)| format!("{l} {op} {f}")),
        2 => (field(), op.clone(), field()).prop_map(|(f, op, g)| format!("{f} {op} {g}")),
        2 => (field(), arithmetic, literal(), op, field())
            .prop_map(|(f, a, l, op, g)| format!("{f} {a} {l} {op} -{g}")),
        2 => (field(), any::<bool>(), pattern)
            .prop_map(|(f, not, p)| format!("{f} {} {p}", if not { "!~" } else { "=~" })),
        1 => field().prop_map(|f| format!("{f} != nil")),
        1 => field().prop_map(|f| format!("{f} = nil")),
        1 => field(),
        1 => field().prop_map(|f| format!("!{f}")),
        1 => prop::sample::select(vec!["status = error", "status != unset", "unset = status",
            "kind = server", "kind != unspecified", ".k = ok", "true", "1 > 2"]).prop_map(str::to_owned),
    ]
}

/// The text of a predicate; some are refused by the checker.
pub(crate) fn predicate() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            3 => (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l}) && ({r})")),
            3 => (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l}) || ({r})")),
            1 => inner.clone().prop_map(|inner| format!("!({inner})")),
            1 => inner.prop_map(|inner| format!("({inner}) = true")),
        ]
    })
}

/// The text of a query over traces.
pub(crate) fn query() -> impl Strategy<Value = String> {
    let filter = prop_oneof![
        6 => predicate().prop_map(|predicate| format!("{{ {predicate} }}")),
        1 => Just("{ true }".to_owned()),
    ];
    let op = prop::sample::select(vec![
        "&&", "||", ">", "<", ">>", "<<", "~", "!>", "!<", "!>>", "!<<", "!~", "&>", "&<", "&>>", "&<<", "&~",
    ]);
    let stage = prop_oneof![
        filter.clone(),
        Just("count() > 1".to_owned()),
        Just("by(.k)".to_owned()),
        Just("max(duration) > 10ns".to_owned()),
        Just("coalesce()".to_owned()),
        Just("select(.n, event.k)".to_owned()),
    ];
    prop_oneof![
        4 => filter.clone(),
        3 => (filter.clone(), op, filter.clone()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        2 => (filter, prop::collection::vec(stage, 1..3))
            .prop_map(|(first, stages)| format!("{first} | {}", stages.join(" | "))),
    ]
}
