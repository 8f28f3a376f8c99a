//! Calls between a tonic client and a tonic server.

mod shop;

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use throughline_toolkit::{Telemetry, grpc};
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request};
use tower::{Layer, ServiceExt};
use tracing::Instrument;

use crate::collector::{Collector, Mode, attribute, attributes_of_points, nobody};
use crate::{LIMIT, telemetry};
use shop::{Client, Health, Shop};

type Traced = Client<grpc::client::TraceService<Channel>>;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn client(address: &str) -> Traced {
    let channel = Channel::from_shared(address.to_owned()).unwrap().connect_lazy();
    Client::new(grpc::client::TraceLayer::new(address).layer(channel))
}

/// Runs `work` with a client of a shop, both traced, until every call has ended on both sides.
fn run_with<F: Future<Output = ()>>(
    variables: &[(&str, &str)],
    layer: grpc::server::TraceLayer,
    work: impl FnOnce(Traced) -> F,
) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, variables);
    // Server and connections have tasks of their own, all on this thread.
    let guard = tracing::dispatcher::set_default(telemetry.dispatch());
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut server = tonic::transport::Server::builder().layer(layer);
        let server = server.add_service(Shop).add_service(Health(Shop));
        let server = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        work(client(&address)).await;
        all_ended(&telemetry).await;
        server.abort();
    });
    drop(guard);
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless() && report.open_spans == 0, "{report}");
    collector
}

fn run<F: Future<Output = ()>>(work: impl FnOnce(Traced) -> F) -> Collector {
    run_with(&[], grpc::server::TraceLayer::new(), work)
}

async fn all_ended(telemetry: &Telemetry) {
    let waiting = async {
        while telemetry.stats().open_spans > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.expect("a call never ended");
}

/// The spans of the one call of this name: the client's and the server's.
fn both(collector: &Collector, name: &str) -> (Span, Span) {
    let spans = collector.spans();
    let of_kind = |kind| {
        let mut found = spans.iter().filter(|s| s.name == name && s.kind == kind);
        let span = found.next().cloned();
        assert!(found.next().is_none(), "several spans {name} of kind {kind}");
        span.unwrap_or_else(|| panic!("no span {name} of kind {kind}: {spans:?}"))
    };
    let (client, server) = (of_kind(3), of_kind(2));
    assert_eq!(server.parent_span_id, client.span_id);
    (client, server)
}

fn of(span: &Span, key: &str) -> Option<String> {
    attribute(&span.attributes, key)
}

/// The status of the call, and whether the span is an error with that type.
fn outcome(span: &Span) -> (String, bool) {
    let status = of(span, "rpc.response.status_code").unwrap();
    let error_type = of(span, "error.type");
    let is_error = span.status.as_ref().is_some_and(|s| s.code == 2);
    assert_eq!(error_type, is_error.then(|| status.clone()));
    (status, is_error)
}

#[test]
fn describes_the_call_on_both_sides() {
    let collector = run(|mut shop| async move {
        let call = async {
            let seen = shop.greet("alice").await.unwrap();
            tracing::info!(seen, "answer");
        };
        call.instrument(tracing::info_span!("caller")).await;
    });
    let (client, server) = both(&collector, "shop.v1.Shop/Greet");
    assert_eq!(client.parent_span_id, collector.span("caller").span_id);
    let seen = attribute(&collector.received().logs[0].attributes, "seen").unwrap();
    let id = u64::from_be_bytes(client.span_id.clone().try_into().unwrap());
    assert!(seen.contains(&format!("-{id:016x}-0")), "{seen}");
    for span in [&client, &server] {
        assert_eq!(of(span, "rpc.system.name").as_deref(), Some("grpc"));
        assert_eq!(of(span, "rpc.method").as_deref(), Some("shop.v1.Shop/Greet"));
        assert_eq!(of(span, "rpc.method_original"), None);
        assert_eq!(outcome(span), ("OK".to_owned(), false));
        assert_eq!(of(span, "server.address").as_deref(), Some("127.0.0.1"));
        assert!(of(span, "server.port").unwrap().parse::<u16>().unwrap() > 0);
    }
    assert_eq!(of(&server, "network.peer.address").as_deref(), Some("127.0.0.1"));
    let measured = attributes_of_points(&collector, "rpc.client.call.duration");
    for (key, value) in [
        ("rpc.system.name", Some("grpc")),
        ("rpc.method", Some("shop.v1.Shop/Greet")),
        ("rpc.response.status_code", Some("OK")),
        ("server.address", Some("127.0.0.1")),
        ("error.type", None),
    ] {
        assert_eq!(attribute(&measured[0], key).as_deref(), value, "{key}");
    }
    let measured = attributes_of_points(&collector, "rpc.server.call.duration");
    assert_eq!(attribute(&measured[0], "rpc.method").as_deref(), Some("shop.v1.Shop/Greet"));
    assert_eq!(attribute(&measured[0], "server.address"), None);
}

#[test]
fn every_status_but_ok_is_an_error_of_the_client() {
    let collector = run(|mut shop| async move {
        assert_eq!(shop.greet("nobody").await.unwrap_err().code(), Code::NotFound);
    });
    let (client, server) = both(&collector, "shop.v1.Shop/Greet");
    assert_eq!(outcome(&client), ("NOT_FOUND".to_owned(), true));
    assert_eq!(client.status.unwrap().message, "no such guest");
    assert!(client.events.is_empty());
    assert_eq!(outcome(&server), ("NOT_FOUND".to_owned(), false));
    let measured = attributes_of_points(&collector, "rpc.client.call.duration");
    assert_eq!(attribute(&measured[0], "error.type").as_deref(), Some("NOT_FOUND"));
    let measured = attributes_of_points(&collector, "rpc.server.call.duration");
    assert_eq!(attribute(&measured[0], "error.type"), None);
}

#[test]
fn a_fault_of_the_server_is_an_error_of_both() {
    let collector = run(|mut shop| async move {
        assert_eq!(shop.greet("broken").await.unwrap_err().message(), "out of paper");
    });
    let (client, server) = both(&collector, "shop.v1.Shop/Greet");
    for span in [client, server] {
        assert_eq!(outcome(&span), ("INTERNAL".to_owned(), true));
        assert_eq!(span.status.unwrap().message, "out of paper");
    }
}

#[test]
fn a_stream_lasts_until_its_trailers() {
    let collector = run(|mut shop| async move {
        let mut numbers = shop.count("3").await.unwrap();
        assert_eq!(numbers.next().await.unwrap().unwrap(), "1");
        tracing::info_span!("in between").in_scope(|| ());
        assert_eq!(numbers.by_ref().count().await, 2);
        let joined = shop.join(futures::stream::iter(["a".to_owned(), "b".to_owned()])).await;
        assert_eq!(joined, "a+b");
        let echoed = shop.echo(futures::stream::iter(["c".to_owned(), "d".to_owned()])).await;
        assert_eq!(echoed.count().await, 2);
    });
    let between = collector.span("in between");
    for name in ["shop.v1.Shop/Count", "shop.v1.Shop/Join", "shop.v1.Shop/Echo"] {
        let (client, server) = both(&collector, name);
        assert_eq!((outcome(&client), outcome(&server)), (("OK".into(), false), ("OK".into(), false)));
    }
    let (client, _) = both(&collector, "shop.v1.Shop/Count");
    assert!(client.end_time_unix_nano > between.end_time_unix_nano);
}

#[test]
fn a_stream_can_fail_at_its_end() {
    let collector = run(|mut shop| async move {
        let numbers: Vec<_> = shop.count("3!").await.unwrap().collect().await;
        assert_eq!(numbers.len(), 4);
        assert_eq!(numbers[3].as_ref().unwrap_err().code(), Code::DataLoss);
    });
    let (client, server) = both(&collector, "shop.v1.Shop/Count");
    for span in [client, server] {
        assert_eq!(outcome(&span), ("DATA_LOSS".to_owned(), true));
        assert_eq!(span.status.unwrap().message, "lost count");
    }
}

#[test]
fn a_deadline_that_passes_is_an_error_of_both() {
    let collector = run(|mut shop| async move {
        // Connected by then, so that both clocks start together.
        shop.join(futures::stream::empty()).await;
        let mut request = Request::new("hang".to_owned());
        request.set_timeout(Duration::from_millis(200));
        assert!(shop.unary("/shop.v1.Shop/Greet", request).await.is_err());
    });
    let (client, server) = both(&collector, "shop.v1.Shop/Greet");
    assert_eq!(outcome(&client), ("DEADLINE_EXCEEDED".to_owned(), true));
    assert_eq!(outcome(&server), ("DEADLINE_EXCEEDED".to_owned(), true));
}

#[test]
fn a_call_that_the_caller_gave_up_is_no_error() {
    let collector = run(|mut shop| async move {
        let limit = Duration::from_millis(50);
        assert!(tokio::time::timeout(limit, shop.greet("hang")).await.is_err());
        let mut numbers = shop.count("2...").await.unwrap();
        assert!(numbers.next().await.unwrap().is_ok());
    });
    for name in ["shop.v1.Shop/Greet", "shop.v1.Shop/Count"] {
        let (client, server) = both(&collector, name);
        for span in [client, server] {
            assert_eq!(outcome(&span), ("CANCELLED".to_owned(), false));
            assert_eq!(span.events[0].name, "cancelled");
        }
    }
    let measured = attributes_of_points(&collector, "rpc.server.call.duration");
    assert!(measured.iter().all(|m| attribute(m, "error.type").is_none()));
}

#[test]
fn callers_cannot_invent_methods() {
    let collector = run(|mut shop| async move {
        for path in ["/shop.v1.Shop/Invented", "/no.Such/Service"] {
            let answer = shop.unary(path, Request::new(String::new())).await;
            assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
        }
    });
    let spans = collector.spans();
    let served: Vec<_> = spans.iter().filter(|s| s.kind == 2).collect();
    assert_eq!(served.len(), 2);
    assert!(served.iter().all(|s| s.name == "grpc" && of(s, "rpc.method").as_deref() == Some("_OTHER")));
    assert_eq!(of(served[0], "rpc.method_original").as_deref(), Some("shop.v1.Shop/Invented"));
    assert_eq!(attributes_of_points(&collector, "rpc.server.call.duration").len(), 1);
    // The client knows what it was made for.
    assert!(spans.iter().any(|s| s.kind == 3 && s.name == "shop.v1.Shop/Invented"));
}

#[test]
fn leaves_housekeeping_out() {
    let layer = grpc::server::TraceLayer::new().skip_methods(grpc::HOUSEKEEPING);
    let collector = run_with(&[], layer, |mut shop| async move {
        let answer = shop.unary("/grpc.health.v1.Health/Check", Request::new(String::new())).await;
        assert!(answer.is_ok());
        shop.greet("alice").await.unwrap();
    });
    let spans = collector.spans();
    let served: Vec<_> = spans.iter().filter(|s| s.kind == 2).map(|s| s.name.as_str()).collect();
    assert_eq!(served, ["shop.v1.Shop/Greet"]);
    assert_eq!(attributes_of_points(&collector, "rpc.server.call.duration").len(), 1);
}

#[test]
fn a_public_endpoint_links_to_its_caller() {
    let layer = grpc::server::TraceLayer::new().public_endpoint(true);
    let collector = run_with(&[], layer, |mut shop| async move {
        shop.greet("alice").await.unwrap();
    });
    let spans = collector.spans();
    let (client, server) =
        (spans.iter().find(|s| s.kind == 3).unwrap(), spans.iter().find(|s| s.kind == 2).unwrap());
    assert_ne!(server.trace_id, client.trace_id);
    assert_eq!(server.links[0].span_id, client.span_id);
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let collector = run(|_| async {
        assert_eq!(client(&nobody()).greet("alice").await.unwrap_err().code(), Code::Unavailable);
    });
    let span = collector.span("shop.v1.Shop/Greet");
    assert_eq!(outcome(&span), ("UNAVAILABLE".to_owned(), true));
    assert_eq!(span.events[0].name, "exception");
}

#[test]
fn an_unsampled_call_is_measured_and_tells_the_server() {
    let variables = [("OTEL_TRACES_SAMPLER", "parentbased_always_off")];
    let collector = run_with(&variables, grpc::server::TraceLayer::new(), |mut shop| async move {
        let seen = shop.greet("alice").await.unwrap();
        let flags = u8::from_str_radix(seen.rsplit('-').next().unwrap(), 16).unwrap();
        assert_eq!((seen.len(), flags & 1), (55, 0), "{seen}");
    });
    assert!(collector.spans().is_empty());
    let measured = attributes_of_points(&collector, "rpc.server.call.duration");
    assert_eq!(attribute(&measured[0], "rpc.method").as_deref(), Some("shop.v1.Shop/Greet"));
}

#[test]
fn no_call_is_active_after_its_end() {
    let collector = run(|mut shop| async move {
        shop.greet("alice").await.unwrap();
        drop(shop.count("2...").await.unwrap());
    });
    let metrics = collector.received().metrics.clone();
    let active = metrics.iter().find(|m| m.name == "throughline.rpc.server.active_calls").unwrap();
    let Some(Data::Sum(sum)) = &active.data else { panic!("not a sum") };
    assert_eq!(sum.data_points.len(), 1);
    assert!(format!("{:?}", sum.data_points[0].value).contains("AsInt(0)"));
}

/// Sends one request through the client's layer to something that is no gRPC server.
fn through_the_layer(answer: http::Response<tonic::body::Body>) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    crate::within(&telemetry, || {
        futures::executor::block_on(async {
            let mut answer = Some(answer);
            let inner = tower::service_fn(|_: http::Request<()>| {
                std::future::ready(answer.take().ok_or_else(|| std::io::Error::other("asked twice")))
            });
            let layer = grpc::client::TraceLayer::new("unix:///run/shop.sock");
            let request = http::Request::builder().uri("/shop.v1.Shop/Greet").body(()).unwrap();
            let answer = layer.layer(inner).oneshot(request).await.unwrap();
            drop(answer.into_body().collect().await);
        });
    });
    assert!(telemetry.shutdown_blocking(LIMIT).is_lossless());
    collector
}

#[test]
fn an_answer_without_a_status_has_that_of_http() {
    let answer = http::Response::builder().status(503).body(tonic::body::Body::empty()).unwrap();
    let span = through_the_layer(answer).span("shop.v1.Shop/Greet");
    assert_eq!(outcome(&span), ("UNAVAILABLE".to_owned(), true));
    assert_eq!(of(&span, "server.address").as_deref(), Some("/run/shop.sock"));
    assert_eq!(of(&span, "server.port"), None);
    let cut = StreamBody::new(futures::stream::iter([Ok::<_, tonic::Status>(Frame::data(Bytes::from("a")))]));
    let span = through_the_layer(http::Response::new(tonic::body::Body::new(cut))).span("shop.v1.Shop/Greet");
    assert_eq!(outcome(&span), ("UNKNOWN".to_owned(), true));
}

#[test]
fn an_answer_that_breaks_off_is_recorded() {
    let frames = [Ok(Frame::data(Bytes::from("a"))), Err(std::io::Error::other("cut"))];
    let broken = StreamBody::new(futures::stream::iter(frames));
    let span =
        through_the_layer(http::Response::new(tonic::body::Body::new(broken))).span("shop.v1.Shop/Greet");
    assert_eq!(outcome(&span), ("UNKNOWN".to_owned(), true));
    assert_eq!(span.events[0].name, "exception");
    assert!(span.status.unwrap().message.contains("cut"));
}

#[test]
fn without_telemetry_calls_work_as_before() {
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut server = tonic::transport::Server::builder().layer(grpc::server::TraceLayer::new());
        let server = tokio::spawn(server.add_service(Shop).serve_with_incoming(TcpIncoming::from(listener)));
        let mut shop = client(&address);
        assert_eq!(shop.greet("alice").await.unwrap(), "");
        assert_eq!(shop.greet("nobody").await.unwrap_err().message(), "no such guest");
        assert_eq!(shop.count("3").await.unwrap().count().await, 3);
        server.abort();
    });
}
