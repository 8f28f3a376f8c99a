//! The gateway system through the platform: C1's scenarios end to end.

use std::collections::BTreeSet;

use serde_json::Value;
use throughline_testkit::{Server, ServerOptions, until};

use crate::{PATIENCE, start_with};

async fn demo() -> Server {
    let arguments = ["demo", "--system", "gateway", "--any-port", "--rate", "20"].map(str::to_owned).to_vec();
    start_with(ServerOptions { arguments, ..ServerOptions::default() }).await
}

/// Searches until a trace is found for which `wanted` answers something.
pub(crate) async fn find<T>(server: &Server, what: &str, q: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
    until(what, PATIENCE * 3, || async {
        let request = server
            .client()
            .get(format!("{}/api/v1/search", server.url("ui")))
            .query(&[("q", q), ("limit", "100")]);
        let found: Value = request.send().await.ok()?.json().await.ok()?;
        for trace in found["traces"].as_array()? {
            let id = trace["traceId"].as_str()?;
            let (_, trace) = server.get("ui", &format!("/api/v1/traces/{id}")).await.ok()?;
            if let Some(answer) = wanted(&trace) {
                return Some(answer);
            }
        }
        None
    })
    .await
    .unwrap()
}

pub(crate) fn spans(trace: &Value) -> &[Value] {
    trace["spans"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn attribute<'a>(span: &'a Value, key: &str) -> Option<&'a str> {
    let attributes = span["attributes"].as_array()?;
    attributes.iter().find(|attribute| attribute["key"] == key)?["value"].as_str()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_traces_tell_its_scenarios() {
    let server = demo().await;
    find(&server, "user creation over three services", "{ name = \"CreateUser\" }", |trace| {
        let services: BTreeSet<&str> =
            spans(trace).iter().filter_map(|span| span["service"].as_str()).collect();
        let all = ["api-gateway", "auth-service", "user-service"];
        let names: Vec<&str> = spans(trace).iter().filter_map(|span| span["name"].as_str()).collect();
        let sql = spans(trace).iter().any(|span| attribute(span, "db.system.name") == Some("sqlite"));
        let orphans = spans(trace).iter().any(|span| span["orphan"] == true);
        let whole =
            all.iter().all(|name| services.contains(name)) && names.contains(&"Register") && sql && !orphans;
        (whole && names.first() == Some(&"POST /api/v1/users")).then_some(())
    })
    .await;
    find(&server, "login with its method", "{ name = \"Login\" }", |trace| {
        spans(trace).iter().find(|span| attribute(span, "auth.method") == Some("password")).map(|_| ())
    })
    .await;
    find(&server, "a failing dependency", "{ status = error }", |trace| {
        let failed =
            spans(trace).iter().find(|span| span["status"] == "error" && span["kind"] == "client")?;
        (!failed["statusMessage"].as_str()?.is_empty() || attribute(failed, "error.type").is_some())
            .then_some(())
    })
    .await;
    let (_, health) = server.get("ui", "/tempo/api/v2/search/tag/span.url.path/values").await.unwrap();
    assert!(!health.to_string().contains("/health"), "health checks stay untraced: {health}");
    until("logs with trace ids", PATIENCE, || async {
        let (_, logs) = server.get("ui", "/api/v1/logs?limit=100").await.ok()?;
        logs["logs"].as_array()?.iter().find(|log| log["traceId"].is_string()).map(|_| ())
    })
    .await
    .unwrap();
    until("metrics", PATIENCE, || async {
        let (_, metrics) = server.get("ui", "/api/v1/metrics").await.ok()?;
        metrics["metrics"]
            .as_array()?
            .iter()
            .find(|metric| metric["name"] == "http.server.request.duration")
            .map(|_| ())
    })
    .await
    .unwrap();
    let (well, _folder) = server.terminate().await.unwrap();
    assert!(well, "Ctrl-C stops the demonstration cleanly");
}
