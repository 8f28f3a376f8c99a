//! A predicate over a batch says what the naive evaluator says of each row.

use super::{generate, oracle};
use proptest::collection::vec;
use proptest::prelude::*;
use throughline_model::{Span, SpanBatchBuilder, Value};
use throughline_store::scan::{AttributeScope, CompareOp, Field, Filter, Predicate};

fn check(spans: &[Span], filter: &Filter) {
    let mut builder = SpanBatchBuilder::new();
    for span in spans {
        builder.push(span).unwrap();
    }
    let batch = builder.finish().unwrap();
    let predicate = Predicate::new(filter).unwrap();
    let selected: Vec<bool> = predicate.select(&batch).unwrap().iter().map(Option::unwrap).collect();
    let expected: Vec<bool> = spans.iter().map(|span| oracle::passes(filter, span)).collect();
    assert_eq!(selected, expected, "{filter:?}");
    // A slice of a batch has its lists at an offset.
    if spans.len() > 2 {
        let middle = batch.slice(1, spans.len() - 2);
        let selected: Vec<bool> = predicate.select(&middle).unwrap().iter().map(Option::unwrap).collect();
        assert_eq!(selected, expected[1..spans.len() - 1], "sliced {filter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn selects_what_a_naive_evaluator_selects(
        spans in vec(generate::span(), 0..12),
        filter in generate::filter(),
    ) {
        check(&spans, &filter);
    }
}

#[test]
fn conditions_on_events_bind_to_one_event() {
    let event = |name: &str, n: i64| throughline_model::Event {
        name: name.into(),
        attributes: vec![("n".into(), n.into())],
        ..Default::default()
    };
    let apart = Span { events: vec![event("a", 1), event("b", 2)], ..Span::default() };
    let together = Span { events: vec![event("b", 1), event("a", 2)], ..Span::default() };
    let mut builder = SpanBatchBuilder::new();
    builder.push(&apart).unwrap();
    builder.push(&together).unwrap();
    let batch = builder.finish().unwrap();
    let filter = Filter::eq(Field::EventName, "a").and(Filter::compare(
        Field::attribute(AttributeScope::Event, "n"),
        CompareOp::Gt,
        1,
    ));
    let selected = Predicate::new(&filter).unwrap().select(&batch).unwrap();
    assert!(!selected.value(0) && selected.value(1));
}

#[test]
fn refuses_what_it_cannot_evaluate() {
    let name = || Field::column("name");
    for (filter, said) in [
        (Filter::compare(name(), CompareOp::Regex, "("), "regex"),
        (Filter::compare(name(), CompareOp::Regex, 5), "string literal"),
        (Filter::compare(name(), CompareOp::Contains, 5), "string literal"),
        (
            Filter::Compare {
                left: throughline_store::scan::Operand::Field(Field::EventName),
                op: CompareOp::Eq,
                right: throughline_store::scan::Operand::Field(Field::LinkSpanId),
            },
            "link",
        ),
    ] {
        let error = Predicate::new(&filter).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let deep = (0..100).fold(Filter::All, |inner, _| Filter::Not(Box::new(inner)));
    assert!(Predicate::new(&deep).unwrap_err().to_string().contains("deeper"));
}

#[test]
fn a_nan_is_unequal_to_everything_and_a_missing_or_other_value_to_nothing() {
    let with = |value: Option<Value>| Span {
        attributes: value.map(|value| ("n".into(), value)).into_iter().collect(),
        ..Span::default()
    };
    let spans = [
        with(Some(Value::Double(f64::NAN))),
        with(Some(Value::Int(1))),
        with(Some(Value::Double(1.0))),
        with(Some("1".into())),
        with(None),
    ];
    let n = || Field::attribute(AttributeScope::Span, "n");
    for (op, value, expected) in [
        (CompareOp::Ne, Value::Int(1), [true, false, false, false, false]),
        (CompareOp::Eq, Value::Double(1.0), [false, true, true, false, false]),
        (CompareOp::Ne, Value::Double(f64::NAN), [true, true, true, false, false]),
        (CompareOp::Eq, Value::Double(f64::NAN), [false; 5]),
        (CompareOp::Ge, Value::Int(1), [false, true, true, false, false]),
        (CompareOp::Ne, "2".into(), [false, false, false, true, false]),
    ] {
        let filter = Filter::compare(n(), op, value);
        let want: Vec<bool> = spans.iter().map(|span| oracle::passes(&filter, span)).collect();
        assert_eq!(want, expected, "{filter:?}");
        check(&spans, &filter);
    }
}
