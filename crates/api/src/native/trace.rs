//! `/api/v1/traces/{id}` and its download as OTLP JSON.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use throughline_model::{Event, Link, Resource, Scope, Span, TraceId};
use throughline_query::{BackLink, Node, TimeRange, Trace};
use throughline_wire::otlp::Encoding;
use throughline_wire::otlp::encode::encode_spans;

use super::error::ApiError;
use super::render;
use crate::Shared;
use crate::tenant::tenant;

/// How long after a trace its spans may be linked to and be shown so.
const LINKED_WITHIN_NS: i64 = 24 * 3_600_000_000_000;
const LINKED_MAX: usize = 200;

pub(super) async fn trace(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = parse(&id)?;
    let tenant = tenant(&headers)?;
    let trace = shared.engine.trace(&tenant, id, None).await?.ok_or_else(|| missing(id))?;
    let time = TimeRange { start_ns: trace.start_ns, end_ns: trace.end_ns.saturating_add(LINKED_WITHIN_NS) };
    let linked = shared.engine.linked_from(&tenant, id, time, LINKED_MAX).await?;
    Ok(Json(body(&trace, &linked.links)))
}

pub(super) async fn download(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let trace = shared.engine.trace(&tenant(&headers)?, id, None).await?.ok_or_else(|| missing(id))?;
    let body = encode_spans(&trace.spans, Encoding::Json);
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"trace-{id}.json\"")),
    ];
    Ok((headers, body).into_response())
}

fn parse(id: &str) -> Result<TraceId, ApiError> {
    TraceId::from_hex(id).map_err(|error| ApiError::invalid(error.to_string()))
}

fn missing(id: TraceId) -> ApiError {
    ApiError::not_found(format!("no span of trace {id} is stored"))
}

/// Resources or scopes, each distinct one once.
struct Distinct<'a, T> {
    places: HashMap<*const T, usize>,
    items: Vec<&'a T>,
}

impl<'a, T: PartialEq> Distinct<'a, T> {
    fn new() -> Self {
        Self { places: HashMap::new(), items: Vec::new() }
    }

    fn place(&mut self, item: &'a Arc<T>) -> usize {
        *self.places.entry(Arc::as_ptr(item)).or_insert_with(|| {
            let known = self.items.iter().position(|known| **known == **item);
            known.unwrap_or_else(|| {
                self.items.push(item);
                self.items.len() - 1
            })
        })
    }
}

fn body(trace: &Trace, linked: &[BackLink]) -> Value {
    let mut resources: Distinct<'_, Resource> = Distinct::new();
    let mut scopes: Distinct<'_, Scope> = Distinct::new();
    let spans: Vec<Value> = trace
        .spans
        .iter()
        .zip(&trace.nodes)
        .map(|(row, node)| span(row, node, resources.place(&row.resource), scopes.place(&row.scope)))
        .collect();
    let critical: Vec<Value> = trace
        .critical_path()
        .iter()
        .filter_map(|part| {
            let span_id = trace.spans.get(part.span)?.span_id.to_string();
            Some(json!({"spanId": span_id, "startNs": part.start_ns.to_string(), "endNs": part.end_ns.to_string()}))
        })
        .collect();
    let linked: Vec<Value> = linked
        .iter()
        .map(|link| {
            json!({"traceId": link.trace_id.to_string(), "spanId": link.span_id.to_string(),
                   "targetSpanId": link.target_span_id.to_string()})
        })
        .collect();
    json!({
        "traceId": trace.trace_id.to_string(),
        "startNs": trace.start_ns.to_string(),
        "endNs": trace.end_ns.to_string(),
        "resources": resources.items.iter().map(|r| json!({"service": r.service_name(), "attributes": render::attributes(&r.attributes)})).collect::<Vec<_>>(),
        "scopes": scopes.items.iter().map(|s| json!({"name": s.name, "version": s.version})).collect::<Vec<_>>(),
        "spans": spans,
        "linkedFrom": linked,
        "criticalPath": critical,
        "complete": true,
    })
}

fn span(span: &Span, node: &Node, resource: usize, scope: usize) -> Value {
    json!({
        "spanId": span.span_id.to_string(),
        "parentSpanId": span.parent_span_id.map(|id| id.to_string()),
        "name": span.name,
        "service": span.resource.service_name(),
        "kind": render::kind(span.kind),
        "startNs": span.start_ns.to_string(),
        "durationNs": span.duration_ns.to_string(),
        "status": render::status(span.status_code),
        "statusMessage": span.status_message,
        "traceState": span.trace_state,
        "resource": resource,
        "scope": scope,
        "attributes": render::attributes(&span.attributes),
        "events": span.events.iter().map(event).collect::<Vec<_>>(),
        "links": span.links.iter().map(link).collect::<Vec<_>>(),
        "orphan": node.orphan,
        "skewNs": node.skew_ns.to_string(),
    })
}

fn event(event: &Event) -> Value {
    json!({"timeNs": event.time_ns.to_string(), "name": event.name, "attributes": render::attributes(&event.attributes)})
}

fn link(link: &Link) -> Value {
    json!({"traceId": link.trace_id.to_string(), "spanId": link.span_id.to_string(),
           "attributes": render::attributes(&link.attributes)})
}
