//! Jaeger's API, both generations.

use serde_json::Value;
use throughline_testkit::{Batch, Server, SpanSpec, hex_trace_id};

use crate::start;

async fn with_traces() -> Server {
    let server = start().await;
    let tagged =
        SpanSpec { attributes: vec![("tier".into(), "gold".into())], ..SpanSpec::child(1, 2, "charge") };
    let batch = Batch::new()
        .service("shop", [SpanSpec::root(1, "GET /"), SpanSpec::root(2, "POST /")])
        .service("pay", [tagged]);
    assert!(server.send_traces(batch.protobuf()).await.unwrap());
    server
}

fn now_ns() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
}

#[tokio::test]
async fn services_and_operations_of_both_generations() {
    let server = with_traces().await;
    let (_, services) = server.get("jaeger", "/api/services").await.unwrap();
    assert_eq!(services["data"], serde_json::json!(["pay", "shop"]), "{services}");
    let (_, v3) = server.get("jaeger", "/api/v3/services").await.unwrap();
    assert_eq!(v3["services"], services["data"]);
    let (_, names) = server.get("jaeger", "/api/services/shop/operations").await.unwrap();
    assert_eq!(names["data"], serde_json::json!(["GET /", "POST /"]));
    let (_, v3) = server.get("jaeger", "/api/v3/operations?service=pay").await.unwrap();
    assert_eq!(v3["operations"], serde_json::json!([{"name": "charge", "spanKind": "server"}]));
}

#[tokio::test]
async fn searches_find_by_operation_and_tag() {
    let server = with_traces().await;
    let found = |query: &str| {
        let path = format!("/api/traces?{query}");
        let server = &server;
        async move {
            let (status, body) = server.get("jaeger", &path).await.unwrap();
            assert_eq!(status, 200, "{body}");
            body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| t["traceID"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(found("service=shop").await.len(), 2);
    assert_eq!(found("service=shop&operation=POST%20%2F").await, ["0000000000000002"]);
    assert_eq!(found("service=pay&tags=%7B%22tier%22%3A%22gold%22%7D").await, ["0000000000000001"]);
    assert!(found("service=pay&tags=%7B%22tier%22%3A%22silver%22%7D").await.is_empty());
}

#[tokio::test]
async fn a_trace_by_id_has_spans_references_and_processes() {
    let server = with_traces().await;
    let (_, body) = server.get("jaeger", "/api/traces/1?start=0&end=1").await.unwrap();
    let trace = &body["data"][0];
    let spans = trace["spans"].as_array().unwrap();
    let child = spans.iter().find(|span| span["operationName"] == "charge").unwrap();
    assert_eq!(child["references"][0]["refType"], "CHILD_OF");
    let process = child["processID"].as_str().unwrap();
    assert_eq!(trace["processes"][process]["serviceName"], "pay");
    let (status, missing) = server.get("jaeger", "/api/traces/99").await.unwrap();
    assert_eq!((status, &missing["errors"][0]["code"]), (404, &Value::from(404)));
}

#[tokio::test]
async fn v3_answers_in_otlp_and_requires_times() {
    let server = with_traces().await;
    let at = |ns: u128| {
        let seconds = format!("@{}", ns / 1_000_000_000);
        let shown = std::process::Command::new("date")
            .args(["-u", "-d", &seconds, "+%Y-%m-%dT%H:%M:%SZ"])
            .output()
            .unwrap();
        String::from_utf8(shown.stdout).unwrap().trim().to_owned()
    };
    let (min, max) = (at(now_ns() - 60_000_000_000), at(now_ns() + 60_000_000_000));
    let times = format!("query.startTimeMin={min}&query.startTimeMax={max}");
    let (status, found) =
        server.get("jaeger", &format!("/api/v3/traces?query.serviceName=pay&{times}")).await.unwrap();
    assert_eq!(status, 200, "{found}");
    let spans = &found["result"]["resourceSpans"];
    assert!(spans.as_array().unwrap().len() >= 2, "{found}");
    assert!(found.to_string().contains(&hex_trace_id(1)), "ids are hexadecimal");
    let (_, summaries) = server
        .get("jaeger", &format!("/api/v3/trace-summaries?query.service_name=pay&{times}"))
        .await
        .unwrap();
    assert_eq!(summaries["summaries"][0]["rootServiceName"], "shop", "{summaries}");
    let (status, none) =
        server.get("jaeger", &format!("/api/v3/traces?query.serviceName=x&{times}")).await.unwrap();
    assert_eq!((status, &none["error"]["httpCode"]), (404, &Value::from(404)));
    assert_eq!(server.get("jaeger", "/api/v3/traces?query.serviceName=pay").await.unwrap().0, 400);
}

#[tokio::test]
async fn dependencies_count_calls_between_services() {
    let server = with_traces().await;
    let end_ms = now_ns() / 1_000_000 + 60_000;
    let (_, body) =
        server.get("jaeger", &format!("/api/dependencies?endTs={end_ms}&lookback=3600000")).await.unwrap();
    assert_eq!(body["data"], serde_json::json!([{"parent": "shop", "child": "pay", "callCount": 1}]));
}
