//! Messages of producers that are instrumented otherwise, badly, or not at all.

use std::io::Error;

use rdkafka::message::{OwnedHeaders, OwnedMessage};
use rdkafka::{Message, Timestamp};
use throughline_toolkit::kafka::{Batch, Client, Received, Relation, extract};
use throughline_toolkit::propagation::TraceContext;
use throughline_toolkit::testing::Sink;
use tracing::info_span;

use super::{List, Place, headers, run};

const PARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

/// A message as a consumer would have it, without a broker.
pub(super) fn message(headers: Option<OwnedHeaders>) -> OwnedMessage {
    let (payload, key) = (Some(b"booked".to_vec()), Some(b"42".to_vec()));
    OwnedMessage::new(payload, key, "orders".to_owned(), Timestamp::now(), 3, 7, headers)
}

fn process(sink: &Sink, client: &Client, headers: Option<OwnedHeaders>) -> TraceContext {
    let telemetry = sink.telemetry("read-model");
    run(&telemetry, async {
        let received = Received::new(client, message(headers));
        received.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        received.creation().clone()
    })
}

#[test]
fn a_message_without_headers_starts_a_trace() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let topic = run(&telemetry, async {
        let place = Place::new("no-headers").await;
        let producer: rdkafka::producer::FutureProducer = place.config().create().unwrap();
        producer.send(place.record("42"), crate::LIMIT).await.unwrap();
        let consumer = place.consumer();
        let message = consumer.recv().await.unwrap();
        assert!(message.headers().is_none() && !message.creation().is_valid());
        message.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        place.topic
    });
    let name = format!("process {topic}");
    sink.trace_of(&name).has_spans(1).span(&name).is_root().has_links(0).has("messaging.kafka.offset", 0);
}

#[cfg(feature = "audit")]
#[test]
fn messages_without_context_are_found_by_the_audit() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    run(&telemetry, async {
        let client = Client::new();
        Received::new(&client, message(None)).process(|_| async {}).await;
        let both = [message(None), message(Some(headers(&[("traceparent", Some(PARENT))])))];
        Batch::new(&client, both).process(|_| async {}).await;
    });
    let violations = sink.metric("throughline.audit.violations");
    let lost = violations.point([("rule", "message_consumed_without_context")]);
    assert_eq!(lost.sum(), 2.0);
}

#[test]
fn the_last_readable_context_counts() {
    let lists: [List<'_>; 4] = [
        &[("traceparent", Some(OTHER)), ("x", Some(b"y")), ("traceparent", Some(PARENT))],
        &[("traceparent", Some(PARENT)), ("traceparent", Some(b"\xff\xfe\xfd"))],
        &[("traceparent", None), ("traceparent", Some(PARENT)), ("traceparent", None)],
        &[("tracestate", Some(b"a=1")), ("traceparent", Some(PARENT)), ("baggage", Some(b"\xff"))],
    ];
    for list in lists {
        let sink = Sink::start();
        let creation = process(&sink, &Client::new(), Some(headers(list)));
        assert_eq!(creation.span_id().to_string(), "b7ad6b7169203331", "{list:?}");
        let trace = sink.trace_of("process orders");
        let process = trace.span("process orders").has_links(1);
        assert_eq!(process.parent_id(), Some(creation.span_id()));
        assert_eq!(process.links().next().unwrap().span_id(), creation.span_id());
    }
}

#[test]
fn broken_contexts_break_nothing() {
    let long = [b'a'; 100_000];
    let values: [&[u8]; 6] =
        [b"", b"\xff", b"00-zz", &long, b"00-00000000000000000000000000000000-0000000000000000-01", b"\0"];
    for value in values {
        let sink = Sink::start();
        let list =
            headers(&[("traceparent", Some(value)), ("tracestate", Some(value)), ("baggage", Some(value))]);
        assert!(!process(&sink, &Client::new(), Some(list)).is_valid());
        sink.trace_of("process orders").span("process orders").is_root().has_links(0).ended_ok();
    }
}

#[test]
fn contexts_of_other_instrumentations_are_read() {
    // As they are written by the instrumentations of Java, kafkajs, Go's kotel and .NET; of Python's
    // aiokafka and kafka-python; of Python's confluent-kafka, which adds to what is there; by a
    // producer that knows a later version of the format; and by one that spells it otherwise.
    let lists: [List<'_>; 6] = [
        &[("traceparent", Some(PARENT))],
        &[
            ("traceparent", Some(PARENT)),
            ("tracestate", Some(b"vendor=1,other=2")),
            ("baggage", Some(b"tenant=acme")),
        ],
        &[
            ("x", Some(b"y")),
            ("traceparent", Some(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03")),
        ],
        &[("traceparent", Some(OTHER)), ("traceparent", Some(PARENT)), ("baggage", Some(b"tenant=acme"))],
        &[("traceparent", Some(b"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later"))],
        &[("id", Some(b"7")), ("Traceparent", Some(PARENT))],
    ];
    for list in lists {
        assert_eq!(extract(&headers(list)).span_id().to_string(), "b7ad6b7169203331", "{list:?}");
    }
    let b3: List<'_> = &[
        ("X-B3-TraceId", Some(b"0af7651916cd43dd8448eb211c80319c")),
        ("X-B3-SpanId", Some(b"b7ad6b7169203331")),
        ("X-B3-Sampled", Some(b"1")),
    ];
    let sink = Sink::start();
    let builder = sink.builder("read-model");
    let environment = [("OTEL_PROPAGATORS", "b3"), ("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.endpoint())];
    let telemetry =
        builder.environment(throughline_toolkit::Environment::from_pairs(environment)).start().unwrap();
    let context = run(&telemetry, async { extract(&headers(b3)) });
    assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
}

#[test]
fn a_consumer_may_link_instead_of_continuing() {
    let client = Client::new().group("read-model").relation(Relation::Link);
    let list = || Some(headers(&[("traceparent", Some(PARENT)), ("baggage", Some(b"tenant=acme"))]));
    let sink = Sink::start();
    let creation = process(&sink, &client, list());
    let trace = sink.trace_of("process orders");
    let process = trace.span("process orders").is_root().has_links(1);
    assert_ne!(process.trace_id(), creation.trace_id());
    assert_eq!(process.links().next().unwrap().span_id(), creation.span_id());

    let telemetry = sink.telemetry("importer");
    run(&telemetry, async {
        let received = Received::new(&client, message(list()));
        let _import = info_span!("import").entered();
        let context = received.process(|_| async { Ok::<_, Error>(TraceContext::current()) }).await.unwrap();
        assert_eq!(context.baggage("tenant"), Some("acme"));
    });
    sink.trace_of("import").span("process orders").child_of("import").has_links(1);
}

#[test]
fn an_unsampled_context_goes_on_unsampled() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let unsampled = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    run(&telemetry, async {
        let list = headers(&[("traceparent", Some(unsampled))]);
        let received = Received::new(&Client::new(), message(Some(list)));
        let inside = received.process(|_| async { Ok::<_, Error>(TraceContext::current()) }).await.unwrap();
        assert_eq!(inside.trace_id(), received.creation().trace_id());
        assert!(!inside.is_sampled());
    });
    assert_eq!(sink.spans().len(), 0);
    assert_eq!(sink.metric("messaging.process.duration").points()[0].count(), 1, "measured all the same");
}

#[test]
fn the_message_id_is_read_from_the_header_that_is_said() {
    let sink = Sink::start();
    let list = headers(&[("event-id", Some(b"e-7")), ("message-id", Some(b"m-7"))]);
    process(&sink, &Client::new().message_id_header("event-id"), Some(list));
    sink.trace_of("process orders").span("process orders").has("messaging.message.id", "e-7");
}
