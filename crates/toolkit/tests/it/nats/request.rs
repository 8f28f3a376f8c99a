//! Requests and those who answer them.

use std::time::Duration;

use async_nats::{HeaderMap, Request, RequestErrorKind};
use futures::StreamExt;
use tracing::Instrument;

use super::{CLIENT, SERVER, expect_attributes, is_child, next, run, total, unique};
use crate::collector::attribute;

#[test]
fn a_request_and_its_answer_are_one_trace() {
    let subject = unique("history");
    let collector = run(async |client| {
        let mut requests = client.subscribe(subject.clone()).await.unwrap();
        let answer = async {
            next(&mut requests)
                .await
                .serve(async |request| {
                    tracing::info_span!("query").in_scope(|| {});
                    request.respond("[1, 2, 3]".into()).await
                })
                .await
        };
        let request = client.request(subject.clone(), "50".into());
        let request = request.instrument(tracing::info_span!("page"));
        let (reply, answered) = tokio::join!(request, answer);
        answered.unwrap();
        let reply = reply.unwrap();
        assert_eq!(&reply.payload[..], b"[1, 2, 3]");
        let replied = throughline_toolkit::nats::extract(reply.headers.as_ref().unwrap());
        assert!(replied.is_valid());
    });
    let request = collector.span(&format!("{subject} request"));
    let respond = collector.span(&format!("{subject} respond"));
    assert!(is_child(&request, &collector.span("page")));
    assert!(is_child(&respond, &request) && respond.links.is_empty());
    assert!(is_child(&collector.span("query"), &respond));
    assert_eq!([request.kind, respond.kind], [CLIENT, SERVER]);
    assert_eq!(collector.spans().len(), 4, "the reply makes no span");
    for span in [&request, &respond] {
        expect_attributes(
            span,
            &[
                ("messaging.system", "nats"),
                ("messaging.destination.name", &subject),
                ("messaging.message.body.size", "2"),
                ("messaging.nats.response.body.size", "9"),
            ],
        );
    }
    expect_attributes(
        &request,
        &[("messaging.operation.name", "request"), ("messaging.operation.type", "send")],
    );
    let metrics = collector.received().metrics.clone();
    let labels = [("messaging.operation.name", "request")];
    assert_eq!(total(&metrics, "messaging.client.operation.duration", &labels), 1);
}

#[test]
fn a_reply_carries_the_trace_of_its_request() {
    let (subject, inbox) = (unique("history"), unique("replies"));
    let collector = run(async |client| {
        let mut requests = client.subscribe(subject.clone()).await.unwrap();
        let mut replies = client.subscribe(inbox.clone()).await.unwrap();
        client.publish_with_reply(subject.clone(), inbox.clone(), "".into()).await.unwrap();
        let request = next(&mut requests).await;
        let mut headers = HeaderMap::new();
        headers.insert("X-Page", "1");
        let trace_id = request.context().trace_id();
        request.serve(async |r| r.respond_with_headers(headers, "x".into()).await).await.unwrap();
        let reply = next(&mut replies).await;
        assert_eq!(reply.context().trace_id(), trace_id);
        assert!(reply.headers.as_ref().unwrap().get("X-Page").is_some());
        reply.process(async |_| {}).await;
    });
    let respond = collector.span(&format!("{subject} respond"));
    assert!(is_child(&collector.span(&format!("{inbox} process")), &respond));
}

#[test]
fn nobody_to_answer_is_an_error() {
    let subject = unique("history");
    let collector = run(async |client| {
        let error = client.request(subject.clone(), "".into()).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::NoResponders);
    });
    let request = collector.span(&format!("{subject} request"));
    expect_attributes(&request, &[("error.type", "no_responders")]);
    assert_eq!(request.status.as_ref().unwrap().code, 2);
    assert_eq!(request.events[0].name, "exception");
    let metrics = collector.received().metrics.clone();
    let labels = [("error.type", "no_responders"), ("messaging.destination.name", subject.as_str())];
    assert_eq!(total(&metrics, "messaging.client.operation.duration", &labels), 1);
}

#[test]
fn an_answer_that_takes_too_long_is_an_error() {
    let subject = unique("history");
    let collector = run(async |client| {
        let _silent = client.subscribe(subject.clone()).await.unwrap();
        let request = Request::new().timeout(Some(Duration::from_millis(50)));
        let error = client.send_request(subject.clone(), request).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::TimedOut);
        let cancelled = client.request(subject.clone(), "".into());
        assert!(tokio::time::timeout(Duration::from_millis(50), cancelled).await.is_err());
    });
    let [timeout, cancelled] = super::spans(&collector, &format!("{subject} request")).try_into().unwrap();
    expect_attributes(&timeout, &[("error.type", "timeout")]);
    assert_eq!(attribute(&cancelled.attributes, "error.type"), None);
    assert_eq!(cancelled.events[0].name, "cancelled");
}

#[test]
fn an_error_of_the_service_is_one_of_the_request() {
    let subject = unique("history");
    let collector = run(async |client| {
        let mut requests = client.inner().subscribe(subject.clone()).await.unwrap();
        let answer = async {
            let request = requests.next().await.unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Service-Error-Code", "404");
            headers.insert("Nats-Service-Error", "no such room");
            let reply = request.reply.unwrap();
            client.inner().publish_with_headers(reply, headers, "".into()).await.unwrap();
        };
        let (reply, ()) = tokio::join!(client.request(subject.clone(), "".into()), answer);
        assert!(reply.is_ok());
    });
    let request = collector.span(&format!("{subject} request"));
    expect_attributes(&request, &[("error.type", "404")]);
    assert_eq!(request.status.unwrap().message, "no such room");
}
