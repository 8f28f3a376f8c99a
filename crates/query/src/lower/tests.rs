use proptest::prelude::*;
use throughline_lang::traceql::{FieldExpr, SpansetExpr, compile};
use throughline_model::{Span, SpanBatchBuilder};
use throughline_store::scan::Predicate as StorePredicate;

use super::{Lowered, lower};
use crate::eval::Predicate;
use crate::samples;
use crate::trace::Trace;

fn predicate(text: &str) -> Option<Predicate> {
    let query = compile(&format!("{{ {text} }}")).ok()?;
    let Some(SpansetExpr::Filter(filter)) = query.as_spanset() else {
        return None;
    };
    let expression: &FieldExpr = &filter.predicate;
    Some(Predicate::of(expression).unwrap())
}

fn lowered(text: &str) -> Lowered {
    lower(&predicate(text).unwrap())
}

/// What the store keeps of the spans, in their order.
fn kept(lowered: &Lowered, spans: &[Span]) -> Vec<bool> {
    let mut builder = SpanBatchBuilder::new();
    for span in spans {
        builder.push(span).unwrap();
    }
    let batch = builder.finish().unwrap();
    let store = StorePredicate::new(&lowered.filter).unwrap();
    store.select(&batch).unwrap().iter().map(|kept| kept == Some(true)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn the_store_keeps_every_row_that_the_query_means(
        text in samples::predicate(),
        spans in samples::spans(1),
    ) {
        let Some(predicate) = predicate(&text) else { return Ok(()) };
        let lowered = lower(&predicate);
        let trace = Trace::assemble(samples::trace_id(1), spans).unwrap();
        let kept = kept(&lowered, &trace.spans);
        for (index, kept) in kept.into_iter().enumerate() {
            let holds = predicate.holds(&trace, index);
            let agrees = if lowered.exact { kept == holds } else { kept || !holds };
            prop_assert!(
                agrees,
                "{}\nmeans {}, store says {} ({}exact)\n{:#?}\n{:#?}",
                text, holds, kept, if lowered.exact { "" } else { "in" }, lowered.filter, trace.spans[index]
            );
        }
    }
}

#[test]
fn common_searches_are_exact() {
    for text in [
        "resource.service.name = \"api\" && status = error && duration > 100ms",
        ".http.status_code >= 500 && name =~ \"GET .*\"",
        "event:name = \"exception\" && event.exception.type = \"X\"",
        "!(kind = server || .x = 1) && .y != nil",
        "duration / 2 > 1s && .a + .b < 3",
        "statusMessage = \"\" || statusMessage =~ \"a.*\"",
    ] {
        assert!(lowered(text).exact, "{text}");
    }
}

#[test]
fn what_a_whole_trace_must_tell_keeps_every_row() {
    for text in ["rootName = \"x\"", "traceDuration > 1s", "span:childCount > 2", "!(rootName = \"x\")"] {
        let lowered = lowered(text);
        assert_eq!((lowered.filter, lowered.exact), (super::Filter::All, false), "{text}");
    }
    let mixed = lowered("status = error && rootName = \"x\"");
    assert!(!mixed.exact && mixed.filter != super::Filter::All);
}

#[test]
fn alternatives_of_one_field_become_a_list() {
    let lowered = lowered(".x = 1 || .x = \"a\" || .y = 2");
    let super::Filter::Or(parts) = lowered.filter else { panic!("{lowered:?}") };
    assert!(matches!(&parts[0], super::Filter::In(_, values) if values.len() == 2));
    assert_eq!(parts.len(), 2);
}

#[test]
fn a_query_too_large_for_the_store_is_decided_here() {
    let long = (0..240).map(|n| format!("span:id = \"{n:x}\" && .k != {n}")).collect::<Vec<_>>();
    assert!(lowered(&long.join(" && ")).exact);
    let deep = format!("{}.x = 1{}", "!(.y = 2 && ".repeat(32), ")".repeat(32));
    assert!(!lowered(&deep).exact);
}

/// `&&` and `||` bind alike, so a chain that alternates is as deep as it is long.
#[test]
fn the_deepest_and_the_longest_query_that_parse_can_be_run() {
    let alternating: String =
        (0..120).map(|n| if n % 2 == 0 { " || .a = 1" } else { " && .a = 2" }).collect();
    let nested = format!("{}.a = 1{}", "!(.b = 2 && ".repeat(32), ")".repeat(32));
    let long = " && .a != 0".repeat(499);
    let trace = Trace::assemble(samples::trace_id(1), vec![Span::default()]).unwrap();
    for text in [format!(".a = 0{alternating}"), nested, format!(".a = 0{long}")] {
        let predicate = predicate(&text).unwrap();
        lower(&predicate);
        predicate.holds(&trace, 0);
    }
}
