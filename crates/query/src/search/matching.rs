//! Running the query on one trace, and showing what matched.

use std::cmp::Reverse;

use throughline_lang::traceql::{FieldRef, Intrinsic};
use throughline_model::TraceId;
use throughline_store::scan::TimeRange;

use super::{SelectedField, SpanMatch, SpansetMatch, TraceMatch};
use crate::eval::{Program, Spanset, selected};
use crate::trace::Trace;

/// Where a match stands in the answer: smaller comes first.
pub(super) type Key = (Reverse<i64>, TraceId);

/// Runs a query on traces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matcher<'a> {
    pub(super) program: &'a Program,
    pub(super) time: TimeRange,
    pub(super) spans_max: usize,
}

impl Matcher<'_> {
    /// The match and its place, if there is one.
    pub(super) fn of(&self, trace: &Trace) -> Option<(Key, TraceMatch)> {
        let mut spansets = self.program.run(trace);
        let start = |span: &usize| trace.spans.get(*span).map_or(i64::MIN, |span| span.start_ns);
        for spanset in &mut spansets {
            spanset.spans.retain(|span| self.time.contains(start(span)));
        }
        spansets.retain(|spanset| !spanset.spans.is_empty());
        let newest = spansets.iter().flat_map(|spanset| spanset.spans.iter().map(start)).max()?;
        let fields = self.shown_fields();
        let spansets = spansets.into_iter().map(|spanset| self.show(trace, spanset, &fields)).collect();
        let found = TraceMatch { summary: trace.summary(), spansets };
        Some(((Reverse(newest), trace.trace_id), found))
    }

    /// What the query names, but for what a match has anyway.
    fn shown_fields(&self) -> Vec<&FieldRef> {
        let mut fields: Vec<&FieldRef> = Vec::new();
        self.program.for_each_field(&mut |field| {
            let known = matches!(
                field,
                FieldRef::Intrinsic(
                    Intrinsic::Name | Intrinsic::Duration | Intrinsic::SpanId | Intrinsic::TraceId
                )
            );
            if !known && !fields.contains(&field) {
                fields.push(field);
            }
        });
        fields
    }

    fn show(&self, trace: &Trace, mut spanset: Spanset, fields: &[&FieldRef]) -> SpansetMatch {
        let matched = spanset.spans.len();
        spanset.spans.sort_by_key(|span| trace.spans.get(*span).map(|span| (span.start_ns, span.span_id)));
        let spans = spanset.spans.iter().take(self.spans_max).filter_map(|index| {
            let span = trace.spans.get(*index)?;
            let fields = fields.iter().filter_map(|field| {
                let value = selected(field, trace, *index)?;
                Some(SelectedField { field: (*field).clone(), value })
            });
            Some(SpanMatch {
                span_id: span.span_id,
                name: span.name.clone(),
                service: span.resource.service_name().to_owned(),
                start_ns: span.start_ns,
                duration_ns: span.duration_ns,
                kind: span.kind,
                status_code: span.status_code,
                fields: fields.collect(),
            })
        });
        SpansetMatch { matched, spans: spans.collect(), attributes: spanset.attributes }
    }
}
