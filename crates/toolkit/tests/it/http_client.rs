//! Outgoing requests.

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{any, get};
use throughline_toolkit::http::client::{SendTraced, TracedClient};
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use crate::collector::{Collector, Mode, attribute, nobody};
use crate::{LIMIT, telemetry};

/// Runs `work` with the address of a server that echoes `traceparent` and can fail.
fn run<F: Future<Output = ()>>(work: impl FnOnce(String) -> F) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let echo = |headers: HeaderMap| async move {
            headers.get("traceparent").map_or(String::new(), |v| v.to_str().unwrap().to_owned())
        };
        let app = Router::new().route("/echo", get(echo)).route("/hang", any(std::future::pending::<()>));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        work(address).with_subscriber(telemetry.dispatch().clone()).await;
        server.abort();
    });
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless() && report.open_spans == 0, "{report}");
    collector
}

#[test]
fn carries_the_context_and_describes_the_request() {
    let collector = run(|address| async move {
        let client = TracedClient::new(reqwest::Client::new());
        let call = async {
            let url = address.replace("http://", "http://user:secret@") + "/echo?sig=x";
            let answer = client.get(url).header("x-a", "1").send().await.unwrap();
            let seen = answer.text().await.unwrap();
            tracing::info!(seen, "answer");
        };
        call.instrument(tracing::info_span!("caller")).await;
    });
    let (caller, span) = (collector.span("caller"), collector.span("GET"));
    assert_eq!((span.kind, &span.parent_span_id), (3, &caller.span_id));
    let logs = collector.received().logs.clone();
    let seen = attribute(&logs[0].attributes, "seen").unwrap();
    let id = u64::from_be_bytes(span.span_id.clone().try_into().unwrap());
    assert!(seen.contains(&format!("-{id:016x}-0")), "{seen}");
    assert_eq!(attribute(&span.attributes, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(attribute(&span.attributes, "server.address").as_deref(), Some("127.0.0.1"));
    assert_eq!(attribute(&span.attributes, "network.peer.address").as_deref(), Some("127.0.0.1"));
    let port = attribute(&span.attributes, "server.port");
    assert_eq!(attribute(&span.attributes, "network.peer.port"), port);
    let url = attribute(&span.attributes, "url.full").unwrap();
    assert!(!url.contains("secret") && url.ends_with("sig=REDACTED"), "{url}");
    let metrics = collector.received().metrics.clone();
    assert!(metrics.iter().any(|m| m.name == "http.client.request.duration"));
}

#[test]
fn statuses_from_400_are_errors_of_the_client() {
    let collector = run(|address| async move {
        let answer = reqwest::Client::new().get(address + "/absent").send_traced().await.unwrap();
        assert_eq!(answer.status(), 404);
    });
    let span = collector.span("GET");
    assert_eq!(attribute(&span.attributes, "error.type").as_deref(), Some("404"));
    assert_eq!(span.status.unwrap().code, 2);
}

#[test]
fn a_refused_connection_is_recorded() {
    let collector = run(|_| async {
        assert!(reqwest::Client::new().get(nobody()).send_traced().await.is_err());
    });
    let span = collector.span("GET");
    assert_eq!(attribute(&span.attributes, "error.type").as_deref(), Some("connect"));
    assert_eq!(span.events[0].name, "exception");
}

#[test]
fn a_timeout_and_a_cancelled_request_are_told_apart() {
    let collector = run(|address| async move {
        let client = TracedClient::new(reqwest::Client::new());
        let limit = std::time::Duration::from_millis(30);
        assert!(client.get(format!("{address}/hang")).timeout(limit).send().await.is_err());
        let cancelled = client.post(format!("{address}/hang")).send();
        assert!(tokio::time::timeout(limit, cancelled).await.is_err());
    });
    let timeout = collector.span("GET");
    assert_eq!(attribute(&timeout.attributes, "error.type").as_deref(), Some("timeout"));
    let cancelled = collector.span("POST");
    assert!(cancelled.status.is_none_or(|s| s.code != 2));
}
