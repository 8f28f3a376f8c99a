//! Metrics of connections.

use throughline_toolkit::nats::TracedClient;

use super::{next, run, server, total, unique};

#[test]
fn traffic_is_counted() {
    let collector = run(async |client| {
        let subject = unique("orders");
        let again = TracedClient::new(client.inner().clone());
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        for _ in 0..3 {
            again.publish(subject.clone(), "12345".into()).await.unwrap();
            next(&mut orders).await;
        }
    });
    let metrics = collector.received().metrics.clone();
    let port = server().rsplit_once(':').unwrap().1.to_owned();
    let labels = [("server.address", "127.0.0.1"), ("server.port", port.as_str())];
    for (name, expected) in
        [("nats.client.connects", 1), ("nats.client.messages.sent", 3), ("nats.client.messages.received", 3)]
    {
        assert_eq!(total(&metrics, name, &labels), expected, "{name}");
    }
    assert!(total(&metrics, "nats.client.bytes.sent", &labels) >= 15);
    assert!(total(&metrics, "nats.client.bytes.received", &labels) >= 15);
    let connected = [("nats.client.connection.event", "connected")];
    assert_eq!(total(&metrics, "nats.client.connection.events", &connected), 1);
}
