//! One trace, from the transfer to its projection, and what is measured on the way.

use ledger::Service;
use throughline_toolkit::testing::{Metric, Shown, Sink, Span, Trace};

use crate::servers::Servers;
use crate::system::{System, eventually, order};

/// A wait for a connection is a span only when it is long.
const WAIT: &str = "acquire connection";

const TRANSFER: &str = "
POST /v1/transfers [server orchestrator]
  Transfer
    SET [client]
    POST [client]
      POST /v1/entries [server ledger]
        PostEntry
          BEGIN [client]
          INSERT requests [client]
          SELECT accounts [client]
          INSERT entries [client]
          INSERT postings [client]
          UPDATE accounts [client]
          create ledger.entry.v1 [producer]
            INSERT outbox [client]
            process ledger.entry.v1 [consumer read-model] -> create ledger.entry.v1
              consume EntryPosted
                BEGIN [client]
                INSERT inbox [client]
                INSERT statements [client]
                INSERT balances [client]
                INSERT statements [client]
                INSERT balances [client]
                COMMIT [client]
              commit ledger.entry.v1 [client] -> create ledger.entry.v1
          UPDATE requests [client]
          COMMIT [client]
    EVAL [client]
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_transfer_to_its_projection() {
    let sink = Sink::start();
    let variables = sink.variables();
    let settings: Vec<_> = variables.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let mut system = System::prepare(Servers::shared(), &settings);
    system.set("TOPIC", "ledger.entry.v1");
    system.launch_all().await;
    let (customer, world) = system.funded(100).await;
    let answer = system.transfer(&order(&system.key("traced"), customer, world, 30)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    eventually("the projection", async || system.balance(Service::ReadModel, customer).await == Some(70))
        .await;
    let sink = tokio::task::spawn_blocking(move || {
        // Known once the consumer has heard from the broker.
        let caught_up = |lag: &Metric| lag.points().iter().all(|point| point.value() == 0.0);
        assert_eq!(sink.metric_where("consumer_lag", caught_up).points()[0].service(), "read-model");
        sink
    });
    let sink = sink.await.unwrap();
    system.terminate_all().await;
    let sink = tokio::task::spawn_blocking(move || {
        let trace = sink.trace_of("POST /v1/transfers");
        assert_transfer(&trace);
        assert_sent_by_the_relay(&sink, &trace);
        assert_measured(&sink, &trace);
        sink
    });
    match sink.await {
        Ok(sink) => drop(sink),
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
    system.stop().await;
}

fn assert_transfer(trace: &Trace<'_>) {
    trace.services(["orchestrator", "ledger", "read-model"]).has_no_orphans().has_no_errors();
    let spans: Vec<Span> = trace.spans().into_iter().filter(|span| span.name() != WAIT).collect();
    Shown::of(&spans).links().reads(TRANSFER);
    trace.span("process ledger.entry.v1").linked_to("create ledger.entry.v1").has_links(1);
    trace.span("consume EntryPosted").has("event_type", "EntryPosted").has("kafka.topic", "ledger.entry.v1");
    trace
        .span("PostEntry")
        .has("transfer.amount_minor", 30)
        .has("transfer.currency", "EUR")
        .has_some("entry.id");
}

/// The relay has traces of its own: what it sent is linked to where it was created.
fn assert_sent_by_the_relay(sink: &Sink, trace: &Trace<'_>) {
    let create = trace.span("create ledger.entry.v1");
    let from_here = |span: &&Span| {
        span.links().any(|link| (link.trace_id(), link.span_id()) == (trace.id(), create.span_id()))
    };
    let spans = sink.spans();
    let sent: Vec<&Span> =
        spans.iter().filter(|span| span.name() == "publishEvent").filter(from_here).collect();
    assert_eq!(sent.len(), 1, "{}", Shown::of(&spans));
    let publish = sink.trace(sent[0].trace_id());
    assert_ne!(publish.id(), trace.id());
    publish.root().in_service("ledger").is_internal();
    assert_eq!(publish.root().name(), "processOutbox");
    let consume = trace.span("consume EntryPosted");
    for name in ["event_id", "event_type", "aggregate_id", "kafka.topic"] {
        assert_eq!(sent[0].attribute(name), consume.attribute(name), "{name}");
    }
}

fn assert_measured(sink: &Sink, trace: &Trace<'_>) {
    let latency = sink.metric("transfer_latency_seconds");
    assert_eq!(latency.unit(), "s");
    let created = latency.point([("outcome", "created")]);
    assert_eq!(created.count(), 1);
    assert!(created.exemplar_of(trace).value() > 0.0);
    assert_eq!(sink.metric("ledger_entries_created_total").point([]).value(), 2.0);
    assert!(sink.metric("outbox_relay_latency_seconds").points().iter().all(|point| point.count() > 0));
}
