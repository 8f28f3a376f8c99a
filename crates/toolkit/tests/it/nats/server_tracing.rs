//! nats-server's own tracing of a message's route, which headers turn on and off.

use std::time::Duration;

use async_nats::jetstream::stream::{self, StorageType};
use futures::StreamExt;
use throughline_services::{Instance, Kind};
use throughline_toolkit::nats::jetstream::TracedMessage;
use throughline_toolkit::nats::{TracedClient, TracedSubscriber};
use tracing::Instrument;

use super::{next, run, run_on, unique};

/// An account that has the routes of sampled messages reported to `routes`.
const CONFIG: &str = "accounts { SHOP {
    jetstream: enabled
    users: [ { user: shop, password: x } ]
    msg_trace: { dest: routes, sampling: 100 }
} }
no_auth_user: shop";

/// Long enough for a report that should not come to have come.
const QUIET: Duration = Duration::from_millis(300);

/// The report on the message that was published to `subject`, if one comes.
async fn report(reports: &mut TracedSubscriber, subject: &str) -> Option<serde_json::Value> {
    let search = async {
        loop {
            let report = reports.next().await.unwrap();
            let report: serde_json::Value = serde_json::from_slice(&report.payload).unwrap();
            if report["events"][0]["subj"] == subject {
                return report;
            }
        }
    };
    tokio::time::timeout(QUIET, search).await.ok()
}

/// A message as a consumer reads it from a stream; publishing it was traced by the server.
async fn stored(client: &TracedClient, reports: &mut TracedSubscriber) -> TracedMessage {
    let (name, jetstream) = (unique("STORED"), client.jetstream());
    let config = stream::Config {
        name: name.clone(),
        subjects: vec![name.clone()],
        storage: StorageType::Memory,
        max_age: Duration::from_secs(60),
        ..stream::Config::default()
    };
    let stream = jetstream.create_stream(config).await.unwrap();
    jetstream.publish(name.clone(), "x".into()).await.unwrap().await.unwrap();
    let stored = report(reports, &name).await.expect("the server does not trace messages");
    let kinds: Vec<&str> =
        stored["events"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["in", "js"]);
    let consumer = stream.create_consumer(async_nats::jetstream::consumer::pull::Config::default());
    let consumer = jetstream.consumer(consumer.await.unwrap());
    next(&mut consumer.messages().await.unwrap()).await.unwrap()
}

#[test]
fn forwarding_a_stored_message_does_not_end_the_servers_tracing() {
    let server = Instance::configured(Kind::Nats, CONFIG).unwrap();
    run_on(&server.address(), &[], async |client| {
        let mut reports = client.subscribe("routes").await.unwrap();
        let message = stored(&client, &mut reports).instrument(tracing::info_span!("publish")).await;
        let headers = message.headers.clone().unwrap();
        // The trap: what comes from a stream turns tracing off for whoever copies all headers.
        assert_eq!(headers.get("Nats-Trace-Dest").map(|v| v.as_str()), Some("trace disabled"));
        let (copied, forwarded, published) = (unique("copied"), unique("forwarded"), unique("published"));
        client.inner().publish_with_headers(copied.clone(), headers.clone(), "".into()).await.unwrap();
        assert!(report(&mut reports, &copied).await.is_none(), "the server traces what it should not");
        client.forward(forwarded.clone(), &message).await.unwrap();
        assert!(report(&mut reports, &forwarded).await.is_some(), "no report on a forwarded message");
        client.publish_with_headers(published.clone(), headers, "".into()).await.unwrap();
        assert!(report(&mut reports, &published).await.is_some(), "no report on copied headers");
    });
}

#[test]
fn the_servers_report_belongs_to_the_span_that_published() {
    let subject = unique("orders");
    let collector = run(async |client| {
        let dest = unique("routes");
        let mut reports = client.subscribe(dest.clone()).await.unwrap();
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        client.trace_to(&dest).publish(subject.clone(), "".into()).await.unwrap();
        let report = report(&mut reports, &subject).await.expect("no report");
        let kinds: Vec<&str> =
            report["events"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["in", "eg"]);
        let parent = report["request"]["header"]["traceparent"][0].as_str().unwrap().to_owned();
        tracing::info_span!("check", parent).in_scope(|| {});
        next(&mut orders).await.process(async |_| {}).await;
    });
    let publish = collector.span(&format!("{subject} publish"));
    let parent = crate::collector::attribute(&collector.span("check").attributes, "parent").unwrap();
    let id = u64::from_be_bytes(publish.span_id.try_into().unwrap());
    assert!(parent.contains(&format!("-{id:016x}-")), "{parent}");
}
