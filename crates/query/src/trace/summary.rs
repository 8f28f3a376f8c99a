//! A trace in short, as the store's sidecars tell it of traces that were not put together.

use throughline_store::scan::{ServiceCount, TraceSummary};

use super::Trace;

/// The OTLP number of status error.
const STATUS_ERROR: i32 = 2;

pub(super) fn of(trace: &Trace) -> TraceSummary {
    let mut services: Vec<ServiceCount> = Vec::new();
    let mut error_count = 0;
    for span in &trace.spans {
        let service = span.resource.service_name();
        let error = u64::from(span.status_code == STATUS_ERROR);
        error_count += error;
        match services.iter_mut().find(|count| count.service == service) {
            Some(count) => {
                count.spans += 1;
                count.errors += error;
            }
            None => services.push(ServiceCount { service: service.to_owned(), spans: 1, errors: error }),
        }
    }
    services.sort_by(|a, b| b.spans.cmp(&a.spans).then_with(|| a.service.cmp(&b.service)));
    let root = trace.root().and_then(|root| trace.spans.get(root));
    TraceSummary {
        trace_id: trace.trace_id,
        start_ns: trace.start_ns,
        end_ns: trace.end_ns,
        span_count: trace.spans.len() as u64,
        error_count,
        root_service: root.map_or_else(String::new, |span| span.resource.service_name().to_owned()),
        root_name: root.map_or_else(String::new, |span| span.name.clone()),
        services,
    }
}
