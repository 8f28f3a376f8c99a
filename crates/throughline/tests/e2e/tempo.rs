//! Tempo's API, each trap of its clients a test.

use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message as _;
use serde_json::Value;
use throughline_testkit::{Batch, Server, SpanSpec, hex_trace_id};

use crate::start;

/// `TraceByIDResponse` as Grafana's plugin decodes it.
#[derive(Clone, PartialEq, prost::Message)]
struct TraceByIdResponse {
    #[prost(message, optional, tag = "1")]
    trace: Option<TracesData>,
    #[prost(int32, tag = "3")]
    status: i32,
}

async fn with_a_trace() -> Server {
    let server = start().await;
    let error = SpanSpec {
        status: 2,
        duration_ns: 250_000_000,
        attributes: vec![("http.route".into(), "/users/{id}".into())],
        ..SpanSpec::child(0xabc, 2, "SELECT users")
    };
    let batch = Batch::new().service("shop", [SpanSpec::root(0xabc, "GET /users")]).service("db", [error]);
    assert!(server.send_traces(batch.protobuf()).await.unwrap());
    server
}

async fn get(server: &Server, path: &str, accept: &str) -> (u16, Vec<u8>) {
    let request = server.client().get(format!("{}{path}", server.url("tempo"))).header("accept", accept);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn trace_by_id_in_protobuf_and_json_of_both_versions() {
    let server = with_a_trace().await;
    let id = hex_trace_id(0xabc);
    let (status, body) = get(&server, &format!("/api/v2/traces/{id}"), "application/protobuf").await;
    assert_eq!(status, 200);
    let envelope = TraceByIdResponse::decode(body.as_slice()).unwrap();
    assert_eq!(envelope.trace.unwrap().resource_spans.len(), 2);
    let (_, body) = get(&server, &format!("/api/traces/{id}"), "application/protobuf").await;
    assert_eq!(TracesData::decode(body.as_slice()).unwrap().resource_spans.len(), 2);
    let (_, body) = get(&server, &format!("/api/v2/traces/{id}"), "application/json").await;
    let json: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(json["trace"]["resourceSpans"].as_array().unwrap().len(), 2, "{json}");
    let (_, body) = get(&server, &format!("/api/traces/{id}"), "application/json").await;
    let json: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(json["batches"].as_array().unwrap().len(), 2, "{json}");
}

#[tokio::test]
async fn an_unknown_trace_is_an_empty_one_in_v2_and_404_in_v1() {
    let server = start().await;
    let (status, body) = get(&server, "/api/v2/traces/1", "application/protobuf").await;
    assert_eq!(status, 200);
    assert!(
        TraceByIdResponse::decode(body.as_slice()).unwrap().trace.is_some(),
        "the plugin dereferences it"
    );
    assert_eq!(get(&server, "/api/traces/1", "application/json").await.0, 404);
    assert_eq!(get(&server, "/api/traces/xyz", "application/json").await.0, 400);
}

#[tokio::test]
async fn short_and_long_ids_of_a_trace_meet() {
    let server = with_a_trace().await;
    for id in ["abc", "0abc", &hex_trace_id(0xabc)] {
        assert_eq!(get(&server, &format!("/api/traces/{id}"), "application/json").await.0, 200, "{id}");
    }
}

const SEARCH_FIELDS: &[&str] = &[
    "traceID",
    "rootServiceName",
    "rootTraceName",
    "startTimeUnixNano",
    "durationMs",
    "spanSet",
    "spanSets",
    "serviceStats",
];
const METRICS_FIELDS: &[&str] = &[
    "inspectedTraces",
    "inspectedBytes",
    "totalBlocks",
    "completedJobs",
    "totalJobs",
    "totalBlockBytes",
    "inspectedSpans",
];

#[tokio::test]
async fn search_answers_only_with_fields_of_may_2025() {
    let server = with_a_trace().await;
    let (status, found) = server
        .get("tempo", "/api/search?q=%7B%20status%20%3D%20error%20%26%26%20duration%20%3E%20200ms%20%7D")
        .await
        .unwrap();
    assert_eq!(status, 200, "{found}");
    let trace = &found["traces"][0];
    assert_eq!(trace["traceID"], hex_trace_id(0xabc), "{found}");
    assert_eq!(trace["rootServiceName"], "shop");
    assert_eq!(trace["spanSets"][0]["spans"][0]["name"], "SELECT users");
    let known = |object: &Value, known: &[&str]| {
        for key in object.as_object().unwrap().keys() {
            assert!(known.contains(&key.as_str()), "{key} would be refused");
        }
    };
    known(&found, &["traces", "metrics"]);
    known(trace, SEARCH_FIELDS);
    known(&found["metrics"], METRICS_FIELDS);
    assert!(trace["durationMs"].is_u64(), "5.5 for an integer is refused");
}

#[tokio::test]
async fn bad_searches_are_400() {
    let server = start().await;
    for query in [
        "q=%7B",
        "q=%7B%7D&tags=a%3Db",
        "q=%7B%7D&limit=0",
        "q=%7B%7D&start=20&end=10",
        "tags=x&minDuration=soon",
    ] {
        let (status, body) = get(&server, &format!("/api/search?{query}"), "application/json").await;
        assert_eq!(status, 400, "{query}: {}", String::from_utf8_lossy(&body));
    }
}

#[tokio::test]
async fn tag_names_and_values_narrow_with_an_incomplete_query() {
    let server = with_a_trace().await;
    let (_, names) = server.get("tempo", "/api/v2/search/tags").await.unwrap();
    let scopes = names["scopes"].as_array().unwrap();
    let tags = |scope: &str| scopes.iter().find(|s| s["name"] == scope).unwrap()["tags"].clone();
    assert!(tags("span").as_array().unwrap().contains(&"http.route".into()), "{names}");
    assert!(tags("resource").as_array().unwrap().contains(&"service.name".into()), "{names}");
    let values = |query: &str| {
        let path = format!("/api/v2/search/tag/resource.service.name/values{query}");
        let server = &server;
        async move {
            let (status, body) = server.get("tempo", &path).await.unwrap();
            assert_eq!(status, 200, "{path}: {body}");
            body["tagValues"]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v["value"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(values("").await, ["db", "shop"]);
    assert_eq!(values("?q=%7B%20status%20%3D%20error%20%26%26%20span.foo%20%3D%20").await, ["db"]);
    let (_, v1) = server.get("tempo", "/api/search/tag/service.name/values").await.unwrap();
    assert_eq!(v1["tagValues"], serde_json::json!(["db", "shop"]));
    let (_, v1) = server.get("tempo", "/api/search/tags").await.unwrap();
    assert!(v1["tagNames"].as_array().unwrap().contains(&"http.route".into()), "{v1}");
}

#[tokio::test]
async fn probes_answer_as_tempo_does() {
    let server = start().await;
    assert_eq!(get(&server, "/api/echo", "*/*").await, (200, b"echo".to_vec()));
    assert_eq!(get(&server, "/ready", "*/*").await.0, 200);
    let (_, info) = server.get("tempo", "/api/status/buildinfo").await.unwrap();
    assert!(info["version"].is_string() && info["goVersion"].is_string(), "{info}");
    assert_eq!(server.get("ui", "/tempo/api/status/buildinfo").await.unwrap().1, info);
}

#[tokio::test]
async fn a_metrics_query_is_no_search() {
    let server = start().await;
    let (status, body) = get(&server, "/api/search?q=%7B%7D%20%7C%20rate()", "application/json").await;
    let said = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(status, 400, "{said}");
    assert!(said.contains("rate") || said.contains("metrics"), "{said}");
}

#[tokio::test]
async fn structure_between_spans_is_searched() {
    let server = with_a_trace().await;
    let found = |q: &'static str| {
        let request = server.client().get(format!("{}/api/search", server.url("tempo"))).query(&[("q", q)]);
        async move {
            request.send().await.unwrap().json::<Value>().await.unwrap()["traces"].as_array().unwrap().len()
        }
    };
    assert_eq!(found("{ resource.service.name = \"shop\" } > { resource.service.name = \"db\" }").await, 1);
    assert_eq!(found("{ resource.service.name = \"db\" } > { resource.service.name = \"shop\" }").await, 0);
}
