//! Tempo's metrics API, as Grafana's data source and Traces Drilldown call it.

use serde_json::Value;
use throughline_testkit::{Batch, Server, SpanSpec, hex_trace_id};

use crate::start;

async fn with_traces() -> Server {
    let server = start().await;
    let failing = SpanSpec { status: 2, ..SpanSpec::root(0xabc, "GET /users") };
    let healthy = SpanSpec { duration_ns: 3_000_000, ..SpanSpec::root(0xdef, "GET /") };
    let child = SpanSpec {
        attributes: vec![("db.system".into(), "postgresql".into())],
        ..SpanSpec::child(0xabc, 2, "SELECT users")
    };
    let batch = Batch::new().service("shop", [failing, healthy]).service("db", [child]);
    assert!(server.send_traces(batch.protobuf()).await.unwrap());
    server
}

async fn ask(server: &Server, path: &str, parameters: &[(&str, &str)]) -> (u16, String) {
    let request = server.client().get(format!("{}{path}", server.url("tempo"))).query(parameters);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn series(server: &Server, path: &str, q: &str) -> Vec<Value> {
    let (status, body) = ask(server, path, &[("q", q), ("since", "10m"), ("step", "60s")]).await;
    assert_eq!(status, 200, "{q}: {body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["metrics"]["completedJobs"], body["metrics"]["totalJobs"], "{body}");
    body["series"].as_array().unwrap().clone()
}

fn labels(series: &Value) -> Vec<(String, Value)> {
    let labels = series["labels"].as_array().unwrap();
    let pair = |label: &Value| {
        let value = label["value"].as_object().unwrap().values().next().unwrap().clone();
        (label["key"].as_str().unwrap().to_owned(), value)
    };
    labels.iter().map(pair).collect()
}

fn total(series: &Value) -> f64 {
    series["samples"].as_array().unwrap().iter().map(|sample| sample["value"].as_f64().unwrap()).sum()
}

const RANGE: &str = "/api/metrics/query_range";
const INSTANT: &str = "/api/metrics/query";

#[tokio::test]
async fn spans_are_counted_by_what_the_query_groups_by() {
    let server = with_traces().await;
    let found = series(&server, RANGE, "{ } | count_over_time() by (resource.service.name)").await;
    let counts: Vec<_> = found.iter().map(|one| (labels(one), total(one))).collect();
    let of = |service: &str| vec![("resource.service.name".to_owned(), Value::from(service))];
    assert_eq!(counts, [(of("db"), 1.0), (of("shop"), 2.0)]);
    let first = &found[0]["samples"][0];
    assert!(first["timestampMs"].as_str().unwrap().parse::<i64>().unwrap() % 60_000 == 0, "{first}");
    assert_eq!(series(&server, RANGE, "{ nestedSetParent < 0 } | rate()").await.len(), 1);
    let structure =
        series(&server, RANGE, "{ name = \"GET /users\" } > { } | count_over_time() by (name)").await;
    assert_eq!(structure.iter().map(total).collect::<Vec<_>>(), [1.0]);
}

#[tokio::test]
async fn exemplars_name_their_traces_and_are_never_null() {
    let server = with_traces().await;
    for one in series(&server, RANGE, "{ status = error } | rate()").await {
        let exemplar = &one["exemplars"][0];
        assert_eq!(exemplar["labels"][0]["key"], "trace:id");
        assert_eq!(exemplar["labels"][0]["value"]["stringValue"], hex_trace_id(0xabc).as_str());
        assert!(exemplar["value"].as_f64().unwrap() > 0.0, "{exemplar}");
    }
    for one in series(&server, RANGE, "{ } | rate() with (exemplars = false)").await {
        assert_eq!(one["exemplars"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn one_value_is_answered_with_fields_of_may_2025_alone() {
    let server = with_traces().await;
    let q = "{ } | quantile_over_time(duration, .9, .5) by (name)";
    let (status, body) = ask(&server, INSTANT, &[("q", q), ("since", "10m")]).await;
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let fields = |value: &Value| {
        let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(fields(&body), ["metrics", "series"]);
    let found = body["series"].as_array().unwrap();
    assert_eq!(found.len(), 6);
    assert!(found.iter().all(|one| fields(one) == ["labels", "value"]), "{body}");
    let last = labels(&found[0]);
    assert_eq!(last[0], ("name".to_owned(), "GET /".into()));
    assert_eq!(last[1], ("p".to_owned(), 0.5.into()));
}

#[tokio::test]
async fn a_selection_is_compared_with_the_rest() {
    let server = with_traces().await;
    let found = series(&server, RANGE, "{ nestedSetParent < 0 } | compare({ status = error }, 10)").await;
    let of = |side: &str, field: &str| -> Vec<(Value, f64)> {
        let labelled = found.iter().map(|one| (labels(one), total(one)));
        let wanted = labelled.filter(|(labels, _)| labels[0] == ("__meta_type".to_owned(), side.into()));
        wanted
            .filter(|(labels, _)| labels[1].0 == field)
            .map(|(labels, total)| (labels[1].1.clone(), total))
            .collect()
    };
    assert_eq!(of("selection", "name"), [("GET /users".into(), 1.0)]);
    assert_eq!(of("baseline", "name"), [("GET /".into(), 1.0)]);
    assert_eq!(of("baseline_total", "resource.service.name"), [("nil".into(), 1.0)]);
    assert_eq!(of("selection_total", "status"), [("nil".into(), 1.0)]);
}

#[tokio::test]
async fn what_is_not_run_and_what_is_wrong_is_400_with_the_reason() {
    let server = start().await;
    for (parameters, said) in [
        (vec![("q", "({ } | rate()) / ({ } | rate())")], "arithmetic between metrics queries"),
        (vec![("q", "({ } | rate()) / ({ } | rate())")], "character 15"),
        (vec![("q", "{ } | rate() by (")], "attribute"),
        (vec![("q", "{ }")], "metrics"),
        (vec![], "missing"),
        (vec![("q", "{ } | rate()"), ("start", "20"), ("end", "10")], "start"),
        (vec![("q", "{ } | rate()"), ("step", "often")], "step"),
        (vec![("q", "{ } | rate()"), ("start", "1"), ("end", "1000000"), ("step", "1s")], "intervals"),
    ] {
        let (status, body) = ask(&server, RANGE, &parameters).await;
        assert_eq!(status, 400, "{parameters:?}: {body}");
        assert!(body.contains(said), "{parameters:?}: {body}");
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_says_so() {
    let server = with_traces().await;
    let parameters = [("q", "{ } | rate() by (span:id)"), ("maxSeries", "1"), ("since", "10m")];
    let (status, body) = ask(&server, RANGE, &parameters).await;
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (body["series"].as_array().unwrap().len(), body["status"].as_str()),
        (1, Some("PARTIAL")),
        "{body}"
    );
}
