//! Publishing and subscribing.

use async_nats::HeaderMap;
use throughline_toolkit::nats::{self, TracedClient, forwarded_headers};
use throughline_toolkit::propagation::TraceContext;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use super::{
    CONSUMER, INTERNAL, PRODUCER, block_on, expect_attributes, is_child, is_linked, next, run, run_with,
    total, unique,
};
use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, services, telemetry};

#[derive(Debug, thiserror::Error)]
#[error("no such room")]
struct NoRoom;

#[test]
fn a_message_is_one_trace_from_publisher_to_consumer() {
    let subject = unique("orders.placed");
    let collector = run(async |client| {
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        let publish = client.publish(subject.clone(), "hello".into());
        publish.instrument(tracing::info_span!("request")).await.unwrap();
        let order = next(&mut orders).await;
        order.process(|order| async move { tracing::info_span!("book").in_scope(|| drop(order)) }).await;
    });
    let request = collector.span("request");
    let publish = collector.span(&format!("{subject} publish"));
    let process = collector.span(&format!("{subject} process"));
    let book = collector.span("book");
    assert!(is_child(&publish, &request) && is_child(&process, &publish) && is_child(&book, &process));
    assert_eq!([publish.kind, process.kind, book.kind], [PRODUCER, CONSUMER, INTERNAL]);
    assert!(is_linked(&process, &publish) && process.links.len() == 1, "{:?}", process.links);
    let port = services::nats().rsplit_once(':').unwrap().1.to_owned();
    for (span, name, kind) in [(&publish, "publish", "send"), (&process, "process", "process")] {
        expect_attributes(
            span,
            &[
                ("messaging.system", "nats"),
                ("messaging.operation.name", name),
                ("messaging.operation.type", kind),
                ("messaging.destination.name", &subject),
                ("messaging.message.body.size", "5"),
                ("server.address", "127.0.0.1"),
                ("server.port", &port),
            ],
        );
        assert!(attribute(&span.attributes, "messaging.client.id").is_some());
        assert_eq!(attribute(&span.attributes, "messaging.destination.template"), None);
    }
    let metrics = collector.received().metrics.clone();
    let labels = [("messaging.system", "nats"), ("messaging.destination.name", subject.as_str())];
    for name in [
        "messaging.client.operation.duration",
        "messaging.client.sent.messages",
        "messaging.process.duration",
        "messaging.client.consumed.messages",
    ] {
        assert_eq!(total(&metrics, name, &labels), 1, "{name}");
    }
}

#[test]
fn links_the_span_around_the_handler() {
    let subject = unique("orders");
    let collector = run(async |client| {
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        client.publish(subject.clone(), "".into()).await.unwrap();
        let order = next(&mut orders).await;
        order.process(async |_| {}).instrument(tracing::info_span!("poll")).await;
        client.inner().publish(subject.clone(), "".into()).await.unwrap();
        let untraced = next(&mut orders).await;
        untraced.process(async |_| {}).instrument(tracing::info_span!("second poll")).await;
    });
    let (publish, poll) = (collector.span(&format!("{subject} publish")), collector.span("poll"));
    let [first, second] = super::spans(&collector, &format!("{subject} process")).try_into().unwrap();
    assert!(is_child(&first, &publish) && is_linked(&first, &publish) && is_linked(&first, &poll));
    assert_eq!(first.links.len(), 2);
    assert!(is_child(&second, &collector.span("second poll")) && second.links.is_empty());
}

#[test]
fn records_the_error_of_a_handler() {
    let subject = unique("orders");
    let collector = run(async |client| {
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        for _ in 0..3 {
            client.publish(subject.clone(), "".into()).await.unwrap();
        }
        let answer = next(&mut orders).await.process(async |_| Err::<(), _>(NoRoom)).await;
        assert!(answer.is_err());
        let answer = next(&mut orders).await.process(async |_| anyhow_like()).await;
        assert!(answer.is_err());
        let answer = next(&mut orders).await.process(async |_| Ok::<_, NoRoom>(7)).await;
        assert_eq!(answer.unwrap(), 7);
    });
    let [typed, boxed, fine] = super::spans(&collector, &format!("{subject} process")).try_into().unwrap();
    assert!(attribute(&typed.attributes, "error.type").unwrap().ends_with("NoRoom"));
    let status = typed.status.unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "no such room"));
    assert_eq!(typed.events[0].name, "exception");
    assert_eq!(boxed.status.unwrap().message, "no such room");
    assert!(fine.status.is_none_or(|status| status.code != 2));
    let metrics = collector.received().metrics.clone();
    let error_type = attribute(&typed.attributes, "error.type").unwrap();
    let labels = [("messaging.destination.name", subject.as_str()), ("error.type", &error_type)];
    assert_eq!(total(&metrics, "messaging.process.duration", &labels), 1);
}

fn anyhow_like() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Err(Box::new(NoRoom))
}

#[test]
fn a_handler_that_is_dropped_or_panics_ends_its_span() {
    let subject = unique("orders");
    let collector = run(async |client| {
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        for _ in 0..2 {
            client.publish(subject.clone(), "".into()).await.unwrap();
        }
        let mut hanging = Box::pin(next(&mut orders).await.process(|_| std::future::pending::<()>()));
        assert!(futures::poll!(&mut hanging).is_pending());
        drop(hanging);
        let panicking =
            next(&mut orders).await.process(|_| async { assert!(subject.is_empty(), "on purpose") });
        let caught = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(panicking)).await;
        assert!(caught.is_err());
    });
    let [dropped, panicked] = super::spans(&collector, &format!("{subject} process")).try_into().unwrap();
    assert_eq!(dropped.events[0].name, "cancelled");
    assert_eq!(attribute(&panicked.attributes, "error.type").as_deref(), Some("panic"));
    assert_eq!(panicked.status.unwrap().code, 2);
}

#[test]
fn names_have_templates_and_patterns_in_place_of_ids() {
    let (room, app) = (unique("room"), unique("app"));
    let collector = run(async |client| {
        let client = client.template("chat.history.{room}");
        let mut histories = client.subscribe("chat.history.>").await.unwrap();
        let mut apps = client.subscribe(format!("{app}.*")).await.unwrap();
        client.publish(format!("chat.history.{room}"), "".into()).await.unwrap();
        client.publish(format!("{app}.7"), "".into()).await.unwrap();
        while &*next(&mut histories).await.subject != format!("chat.history.{room}").as_str() {}
        next(&mut apps).await.process(async |_| {}).await;
        let inbox = client.new_inbox();
        client.publish(inbox, "".into()).await.unwrap();
    });
    let publish = collector.span("chat.history.{room} publish");
    expect_attributes(
        &publish,
        &[
            ("messaging.destination.name", &format!("chat.history.{room}")),
            ("messaging.destination.template", "chat.history.{room}"),
        ],
    );
    let process = collector.span(&format!("{app}.* process"));
    expect_attributes(&process, &[("messaging.destination.name", &format!("{app}.7"))]);
    let inbox = collector.span("_INBOX publish");
    expect_attributes(
        &inbox,
        &[("messaging.destination.temporary", "true"), ("messaging.destination.template", "_INBOX")],
    );
    let metrics = collector.received().metrics.clone();
    let labels = [("messaging.destination.template", "chat.history.{room}")];
    assert_eq!(total(&metrics, "messaging.client.sent.messages", &labels), 1);
}

#[test]
fn one_member_of_a_queue_group_handles_each_message() {
    let subject = unique("orders");
    let collector = run(async |client| {
        let group = || client.queue_subscribe(subject.clone(), "bookers".to_owned());
        let (mut first, mut second) = (group().await.unwrap(), group().await.unwrap());
        for _ in 0..4 {
            client.publish(subject.clone(), "".into()).await.unwrap();
        }
        let mut all = futures::stream::select(&mut first, &mut second);
        for _ in 0..4 {
            next(&mut all).await.process(async |_| {}).await;
        }
    });
    let processed = super::spans(&collector, &format!("{subject} process"));
    let published = super::spans(&collector, &format!("{subject} publish"));
    assert_eq!(processed.len(), 4);
    for process in &processed {
        expect_attributes(process, &[("messaging.consumer.group.name", "bookers")]);
        assert_eq!(published.iter().filter(|publish| is_child(process, publish)).count(), 1);
    }
    let metrics = collector.received().metrics.clone();
    let labels = [("messaging.consumer.group.name", "bookers")];
    assert_eq!(total(&metrics, "messaging.process.duration", &labels), 4);
}

#[test]
fn baggage_travels_with_the_message() {
    let (subject, onwards) = (unique("orders"), unique("orders.booked"));
    run(async |client| {
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        let mut booked = client.subscribe(onwards.clone()).await.unwrap();
        let context = TraceContext::current().with_baggage("user", "alice, of 7");
        let span = context.in_scope(|| tracing::info_span!("request"));
        client.publish(subject.clone(), "".into()).instrument(span).await.unwrap();
        let order = next(&mut orders).await;
        assert_eq!(order.context().baggage("user"), Some("alice, of 7"));
        order
            .process(async |_| {
                assert_eq!(TraceContext::current().baggage("user"), Some("alice, of 7"));
                client.publish(onwards.clone(), "".into()).await.unwrap();
            })
            .await;
        assert_eq!(next(&mut booked).await.context().baggage("user"), Some("alice, of 7"));
    });
}

#[test]
fn what_is_forwarded_belongs_to_the_forwarder() {
    let (subject, onwards) = (unique("orders"), unique("audit"));
    let collector = run(async |client| {
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        let mut audits = client.subscribe(onwards.clone()).await.unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("X-Tenant", "blue"), ("Nats-Msg-Id", "7"), ("Nats-Trace-Dest", "trace disabled")]
        {
            headers.insert(name, value);
        }
        client.inner().publish_with_headers(subject.clone(), headers, "x".into()).await.unwrap();
        let order = next(&mut orders).await;
        order.process(async |order| client.forward(onwards.clone(), &order).await).await.unwrap();
        let audit = next(&mut audits).await;
        let headers = audit.headers.clone().unwrap();
        let mut names: Vec<_> = headers.iter().map(|(name, _)| name.to_string()).collect();
        names.sort_unstable();
        assert_eq!(
            (names, &audit.payload[..]),
            (vec!["X-Tenant".to_owned(), "traceparent".to_owned()], &b"x"[..])
        );
        assert_eq!(forwarded_headers(&headers).len(), 1);
        audit.process(async |_| {}).await;
    });
    let forward = collector.span(&format!("{onwards} publish"));
    assert!(is_child(&forward, &collector.span(&format!("{subject} process"))));
    assert!(is_child(&collector.span(&format!("{onwards} process")), &forward));
}

/// Publishes in a span and handles what arrives; returns the context that arrived.
async fn exchange(client: &TracedClient) -> TraceContext {
    let subject = unique("orders");
    let mut orders = client.subscribe(subject.clone()).await.unwrap();
    let publish = client.publish(subject.clone(), "".into());
    publish.instrument(tracing::info_span!("request")).await.unwrap();
    let order = next(&mut orders).await;
    let arrived = order.context().clone();
    let (onwards, mut audits) = (unique("audit"), client.subscribe("audit.>").await.unwrap());
    let onwards = format!("audit.{onwards}");
    order.process(async |_| client.publish(onwards.clone(), "".into()).await).await.unwrap();
    let mut audit = next(&mut audits).await;
    while *audit.subject != *onwards {
        audit = next(&mut audits).await;
    }
    assert_eq!(audit.context().trace_id(), arrived.trace_id());
    assert_eq!(audit.context().is_sampled(), arrived.is_sampled());
    arrived
}

#[test]
fn an_unsampled_trace_travels_unsampled() {
    let collector = run_with(&[("OTEL_TRACES_SAMPLER", "always_off")], async |client| {
        let arrived = exchange(&client).await;
        assert!(arrived.is_valid() && !arrived.is_sampled());
    });
    assert!(collector.spans().is_empty());
    let metrics = collector.received().metrics.clone();
    assert_eq!(total(&metrics, "messaging.client.sent.messages", &[("messaging.system", "nats")]), 2);
    assert_eq!(total(&metrics, "messaging.process.duration", &[("messaging.system", "nats")]), 1);
}

#[test]
fn context_is_passed_on_when_nothing_is_traced() {
    let context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let pass_on = async || {
        let client = nats::connect(services::nats()).await.unwrap();
        let (subject, onwards) = (unique("orders"), unique("audit"));
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        let mut audits = client.subscribe(onwards.clone()).await.unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", context);
        client.publish_with_headers(subject, headers, "".into()).await.unwrap();
        let order = next(&mut orders).await;
        let publish = async |_| client.publish(onwards.clone(), "".into()).await;
        order.process(publish).await.unwrap();
        next(&mut audits).await.headers.clone().unwrap()
    };
    let without_telemetry = block_on(pass_on());
    assert_eq!(without_telemetry.get("traceparent").map(|v| v.as_str()), Some(context));
    for variables in
        [[("OTEL_SDK_DISABLED", "true")], [("TRACING_ENABLED", "false")], [("OTEL_TRACES_EXPORTER", "none")]]
    {
        let collector = Collector::start(Mode::Works);
        let telemetry = telemetry(&collector.address, &variables);
        let disabled = block_on(pass_on().with_subscriber(telemetry.dispatch().clone()));
        assert_eq!(disabled.get("traceparent").map(|v| v.as_str()), Some(context), "{variables:?}");
        telemetry.shutdown_blocking(LIMIT);
        assert!(collector.spans().is_empty());
    }
}

#[test]
fn a_message_received_by_other_means_can_be_traced() {
    let subject = unique("orders");
    let collector = run(async |client| {
        let mut orders = client.inner().subscribe(subject.clone()).await.unwrap();
        client.publish(subject.clone(), "".into()).await.unwrap();
        client.trace(next(&mut orders).await).process(async |_| {}).await;
    });
    let publish = collector.span(&format!("{subject} publish"));
    assert!(is_child(&collector.span(&format!("{subject} process")), &publish));
}

#[cfg(feature = "audit")]
#[test]
fn the_audit_tells_where_messages_come_from_without_a_context() {
    use throughline_toolkit::audit::Rule;

    let subject = unique("orders");
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let exchange = async {
        let client = nats::connect(services::nats()).await.unwrap();
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        client.publish(subject.clone(), "".into()).await.unwrap();
        client.inner().publish(subject.clone(), "".into()).await.unwrap();
        for _ in 0..2 {
            next(&mut orders).await.process(async |_| {}).await;
        }
    };
    block_on(exchange.with_subscriber(telemetry.dispatch().clone()));
    let lost = Rule::MessageConsumedWithoutContext;
    let found = telemetry.audit().violations.into_iter().find(|v| v.rule == lost).unwrap();
    assert_eq!((found.subject, found.count), (subject, 1));
}

#[test]
fn a_message_that_is_refused_is_an_error() {
    let collector = run(async |client| {
        let big = vec![0_u8; client.max_payload() + 1];
        assert!(client.publish("orders", big.into()).await.is_err());
        assert!(client.publish_with_reply("orders", "no inbox", "".into()).await.is_err());
    });
    let [big, invalid] = super::spans(&collector, "orders publish").try_into().unwrap();
    expect_attributes(&big, &[("error.type", "max_payload_exceeded")]);
    expect_attributes(&invalid, &[("error.type", "invalid_subject")]);
    assert_eq!(big.status.unwrap().code, 2);
}
