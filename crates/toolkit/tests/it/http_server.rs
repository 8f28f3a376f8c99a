//! The server layer around an axum router.

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use throughline_toolkit::RecordError;
use throughline_toolkit::http::server::TraceLayer;
use tower::ServiceExt;
use tracing::instrument::WithSubscriber;

use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, telemetry};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn router(layer: TraceLayer) -> Router {
    let failing = || async {
        let fault: Result<(), std::io::Error> = Err(std::io::Error::other("disk"));
        drop(fault.record_error_as("disk_full"));
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let streaming = || async {
        let frames = futures::stream::iter([Ok(Bytes::from("a")), Err(std::io::Error::other("cut"))]);
        Body::from_stream(frames)
    };
    Router::new()
        .route("/users/{id}", get(|| async { "alice" }))
        .route("/users", post(|| async { StatusCode::NOT_FOUND }))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/failing", get(failing))
        .route("/streaming", get(streaming))
        .route("/hanging", get(std::future::pending::<StatusCode>))
        .route("/health", get(|| async { "ok" }))
        .route("/internal/deep/check", get(|| async { "ok" }))
        .layer(layer)
}

fn request(method: &str, uri: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(uri)
        .header("host", "shop.example:8443")
        .header("user-agent", "curl/8")
}

/// Sends the requests one after the other and reads each answer to its end.
fn serve(layer: TraceLayer, requests: Vec<http::request::Builder>) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let work = async {
        for request in requests {
            let answer = router(layer.clone()).oneshot(request.body(Body::empty()).unwrap());
            let limit = std::time::Duration::from_millis(50);
            if let Ok(answer) = tokio::time::timeout(limit, answer).await {
                drop(answer.unwrap().into_body().collect().await);
            }
        }
    };
    runtime.block_on(work.with_subscriber(telemetry.dispatch().clone()));
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless() && report.open_spans == 0, "{report}");
    collector
}

#[test]
fn describes_the_request_by_the_conventions() {
    let request = request("GET", "/users/7?sig=abc&a=1")
        .header("traceparent", PARENT)
        .header("x-forwarded-for", "203.0.113.9, 10.0.0.1");
    let collector = serve(TraceLayer::new(), vec![request]);
    let span = collector.span("GET /users/{id}");
    assert_eq!(span.kind, 2);
    assert_eq!(span.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes());
    assert_eq!(span.parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    assert!(span.status.is_none_or(|s| s.code == 0));
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/users/{id}"),
        ("http.response.status_code", "200"),
        ("url.path", "/users/7"),
        ("url.query", "sig=REDACTED&a=1"),
        ("url.scheme", "http"),
        ("server.address", "shop.example"),
        ("server.port", "8443"),
        ("client.address", "203.0.113.9"),
        ("user_agent.original", "curl/8"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(attribute(&span.attributes, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(attribute(&span.attributes, "error.type"), None);
}

#[test]
fn sees_the_request_as_it_was_before_the_proxy() {
    let request =
        request("GET", "/users/7").header("forwarded", "for=192.0.2.60;proto=https;host=shop.public");
    let collector = serve(TraceLayer::new(), vec![request]);
    let span = collector.span("GET /users/{id}");
    for (key, value) in [
        ("client.address", Some("192.0.2.60")),
        ("url.scheme", Some("https")),
        ("server.address", Some("shop.public")),
        ("server.port", None),
    ] {
        assert_eq!(attribute(&span.attributes, key).as_deref(), value, "{key}");
    }
}

#[test]
fn server_errors_are_errors_and_client_errors_are_not() {
    let requests = vec![request("POST", "/users"), request("GET", "/broken"), request("GET", "/failing")];
    let collector = serve(TraceLayer::new(), requests);
    let client = collector.span("POST /users");
    assert!(client.status.is_none_or(|s| s.code == 0));
    assert_eq!(attribute(&client.attributes, "error.type"), None);
    let broken = collector.span("GET /broken");
    assert_eq!(attribute(&broken.attributes, "error.type").as_deref(), Some("502"));
    assert_eq!(broken.status.unwrap().code, 2);
    let failing = collector.span("GET /failing");
    assert_eq!(attribute(&failing.attributes, "error.type").as_deref(), Some("disk_full"));
    assert_eq!(failing.status.unwrap().message, "disk");
    let metrics = collector.received().metrics.clone();
    let duration = metrics.iter().find(|m| m.name == "http.server.request.duration").unwrap();
    let Some(Data::Histogram(data)) = &duration.data else { panic!("not a histogram") };
    let types: Vec<_> =
        data.data_points.iter().filter_map(|p| attribute(&p.attributes, "error.type")).collect();
    assert_eq!(types.len(), 2);
    assert!(types.contains(&"disk_full".to_owned()) && types.contains(&"502".to_owned()), "{types:?}");
    let active = metrics.iter().find(|m| m.name == "http.server.active_requests").unwrap();
    let Some(Data::Sum(sum)) = &active.data else { panic!("not a sum") };
    for point in &sum.data_points {
        let value = point.value.unwrap();
        assert!(format!("{value:?}").contains("(0)"), "requests still active: {value:?}");
    }
}

#[test]
fn a_failing_body_is_an_error() {
    let collector = serve(TraceLayer::new(), vec![request("GET", "/streaming")]);
    let span = collector.span("GET /streaming");
    assert_eq!(span.status.unwrap().code, 2);
    assert_eq!(attribute(&span.attributes, "error.type").as_deref(), Some("axum_core::error::Error"));
}

#[test]
fn a_cancelled_request_ends_its_span_without_error() {
    let collector = serve(TraceLayer::new(), vec![request("GET", "/hanging")]);
    let span = collector.span("GET /hanging");
    assert_eq!(span.events[0].name, "request.cancelled");
    assert!(span.status.is_none_or(|s| s.code == 0));
}

#[test]
fn skips_paths_and_filtered_requests() {
    let layer = TraceLayer::new()
        .skip_paths(["/health", "/internal/*"])
        .filter(|head| head.headers.get("x-probe").is_none());
    let requests = vec![
        request("GET", "/health"),
        request("GET", "/internal/deep/check"),
        request("GET", "/users/7").header("x-probe", "1"),
        request("GET", "/users/7"),
    ];
    let collector = serve(layer, requests);
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn a_public_endpoint_starts_a_new_trace_linked_to_the_caller() {
    let request = request("GET", "/users/7").header("traceparent", PARENT);
    let collector = serve(TraceLayer::new().public_endpoint(true), vec![request]);
    let span = collector.span("GET /users/{id}");
    assert!(span.parent_span_id.is_empty());
    assert_eq!(span.links[0].span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    assert_ne!(span.trace_id, span.links[0].trace_id);
}

#[test]
fn unknown_routes_and_methods_keep_names_few() {
    let collector =
        serve(TraceLayer::new(), vec![request("GET", "/no/such/42"), request("BREW", "/users/7")]);
    collector.span("GET");
    let brew = collector.span("HTTP /users/{id}");
    assert_eq!(attribute(&brew.attributes, "http.request.method").as_deref(), Some("_OTHER"));
    assert_eq!(attribute(&brew.attributes, "http.request.method_original").as_deref(), Some("BREW"));
}
