//! Jaeger's search as TraceQL: a trace is found when one span of the service meets every
//! condition. A tag may be anywhere on that span: its attributes, its events, its links, its
//! scope, its resource.

use throughline_model::{Tenant, TraceId};
use throughline_query::{SearchRequest, TimeRange, Trace};

use super::error::Fault;
use crate::Shared;
use crate::traceql_text::{attribute_equals, quote};

/// What to find.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Find {
    pub(super) service: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) duration_min_ns: Option<i64>,
    pub(super) duration_max_ns: Option<i64>,
    pub(super) limit: usize,
}

/// Most traces of one answer.
pub(super) const LIMIT_MAX: usize = 1500;

const ON_THE_SPAN: &[&str] = &["span.", "resource.", "instrumentation."];
const IN_ITS_PARTS: &[&str] = &["event.", "link."];

impl Find {
    /// The TraceQL query.
    pub(super) fn traceql(&self) -> String {
        let mut conditions = Vec::new();
        if let Some(service) = &self.service {
            conditions.push(format!("resource.service.name = {}", quote(service)));
        }
        if let Some(operation) = &self.operation {
            conditions.push(format!("name = {}", quote(operation)));
        }
        conditions.extend(self.tags.iter().map(|(key, value)| tag(key, value)));
        if let Some(ns) = self.duration_min_ns {
            conditions.push(format!("duration >= {ns}ns"));
        }
        if let Some(ns) = self.duration_max_ns {
            conditions.push(format!("duration <= {ns}ns"));
        }
        format!("{{ {} }}", conditions.join(" && "))
    }

    /// The request that finds the traces.
    pub(super) fn request(&self, tenant: Tenant, range: TimeRange) -> SearchRequest {
        SearchRequest {
            tenant,
            query: self.traceql().as_str().into(),
            time: range,
            limit: self.limit.clamp(1, LIMIT_MAX),
            spans_per_spanset: 1,
        }
    }
}

fn tag(key: &str, value: &str) -> String {
    let kinds = ["internal", "server", "client", "producer", "consumer"];
    match key {
        "error" if value == "true" => "status = error".to_owned(),
        "error" if value == "false" => "status != error".to_owned(),
        "otel.status_code" => {
            format!("status = {}", if value.eq_ignore_ascii_case("error") { "error" } else { "ok" })
        }
        "otel.status_description" => format!("statusMessage = {}", quote(value)),
        "span.kind" if kinds.contains(&value) => format!("kind = {value}"),
        "otel.scope.name" | "otel.library.name" => format!("instrumentation:name = {}", quote(value)),
        "otel.scope.version" | "otel.library.version" => {
            format!("instrumentation:version = {}", quote(value))
        }
        // TraceQL has one event meet all conditions on events; Jaeger lets each tag be on another one,
        // and a double negation keeps a condition to itself.
        _ => format!(
            "({} || !(!({})))",
            attribute_equals(ON_THE_SPAN, key, value),
            attribute_equals(IN_ITS_PARTS, key, value)
        ),
    }
}

/// Finds traces and loads them whole, newest first.
pub(super) async fn traces(
    shared: &Shared,
    tenant: Tenant,
    find: &Find,
    range: TimeRange,
) -> Result<Vec<Trace>, Fault> {
    let found = shared.engine.search(find.request(tenant.clone(), range)).await?;
    let ids: Vec<TraceId> = found.traces.iter().map(|trace| trace.summary.trace_id).collect();
    Ok(shared.engine.traces(&tenant, &ids, None).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_asked_of_one_span() {
        let find = Find {
            service: Some("shop".into()),
            operation: Some("GET \"/\"".into()),
            tags: vec![("error".into(), "true".into()), ("n".into(), "5".into())],
            duration_min_ns: Some(5),
            duration_max_ns: None,
            limit: 20,
        };
        expect_test::expect![[r#"{ resource.service.name = "shop" && name = "GET \"/\"" && status = error && (span."n" = "5" || span."n" = 5 || resource."n" = "5" || resource."n" = 5 || instrumentation."n" = "5" || instrumentation."n" = 5 || !(!(event."n" = "5" || event."n" = 5 || link."n" = "5" || link."n" = 5))) && duration >= 5ns }"#]]
            .assert_eq(&find.traceql());
    }
}
