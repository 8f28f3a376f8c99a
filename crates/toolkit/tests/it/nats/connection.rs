//! Metrics of connections.

use async_nats::ConnectOptions;
use async_nats::connection::State;
use throughline_services::{Instance, Kind};
use throughline_toolkit::nats::{self, TracedClient};
use tracing::instrument::WithSubscriber;

use super::{block_on, expect_attributes, next, run, run_on, spans, total, unique};
use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, services, telemetry};

#[test]
fn traffic_is_counted_once_for_each_connection() {
    let collector = run(async |client| {
        let subject = unique("orders");
        let again = TracedClient::new(client.inner().clone());
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        for _ in 0..3 {
            again.publish(subject.clone(), "12345".into()).await.unwrap();
            next(&mut orders).await;
        }
    });
    let metrics = collector.received().metrics;
    let port = services::nats().rsplit_once(':').unwrap().1.to_owned();
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

/// Waits until the client has this state.
async fn until(client: &TracedClient, state: State) {
    while client.connection_state() != state {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[test]
fn the_end_of_a_connection_and_its_return_are_counted() {
    let mut server = Instance::start(Kind::Nats).unwrap();
    let subject = unique("orders");
    let collector = run_on(&server.address(), &[], async |client| {
        let mut orders = client.subscribe(subject.clone()).await.unwrap();
        client.publish(subject.clone(), "".into()).await.unwrap();
        next(&mut orders).await;
        let (killed, restarted) = (server.kill(), until(&client, State::Disconnected));
        killed.unwrap();
        restarted.await;
        let mut server = tokio::task::spawn_blocking(move || {
            server.restart().unwrap();
            server
        });
        let server = (&mut server).await.unwrap();
        until(&client, State::Connected).await;
        client.publish(subject.clone(), "".into()).await.unwrap();
        next(&mut orders).await;
        drop(server);
    });
    let metrics = collector.received().metrics;
    for event in ["connected", "disconnected", "reconnected"] {
        let labels = [("nats.client.connection.event", event)];
        assert_eq!(total(&metrics, "nats.client.connection.events", &labels), 1, "{event}");
    }
    assert_eq!(total(&metrics, "nats.client.connects", &[]), 2);
    assert_eq!(total(&metrics, "nats.client.messages.sent", &[]), 2);
    assert_eq!(spans(&collector, &format!("{subject} publish")).len(), 2);
}

#[test]
fn messages_that_a_full_subscription_loses_are_counted() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let flood = async {
        let options = ConnectOptions::new().subscription_capacity(1);
        let client = nats::connect_with(options, services::nats()).await.unwrap();
        let subject = unique("orders");
        let mut slow = client.subscribe(subject.clone()).await.unwrap();
        for _ in 0..4 {
            client.publish(subject.clone(), "".into()).await.unwrap();
        }
        // What is answered after them was received after them.
        client.request(unique("nobody"), "".into()).await.unwrap_err();
        next(&mut slow).await;
    };
    block_on(flood.with_subscriber(telemetry.dispatch().clone()));
    assert!(telemetry.shutdown_blocking(LIMIT).complete);
    assert_eq!(total(&collector.received().metrics, "nats.client.messages.dropped", &[]), 3);
}

#[test]
fn errors_of_the_server_are_counted() {
    let config = "authorization { users: [ { user: reader, password: x, permissions: { publish: { deny: orders } } } ] }\n\
                  no_auth_user: reader";
    let server = Instance::configured(Kind::Nats, config).unwrap();
    let collector = run_on(&server.address(), &[], async |client| {
        client.publish("orders", "".into()).await.unwrap();
        client.flush().await.unwrap();
        // Answered after the error.
        client.request(unique("nobody"), "".into()).await.unwrap_err();
    });
    let labels = [("error.type", "permissions_violation")];
    assert_eq!(total(&collector.received().metrics, "nats.client.errors", &labels), 1);
}

#[test]
fn a_client_of_any_origin_says_where_it_is_connected() {
    let server = Instance::start(Kind::Nats).unwrap();
    let port = server.address().rsplit_once(':').unwrap().1.to_owned();
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let publish = async {
        let client = TracedClient::new(async_nats::connect(server.address()).await.unwrap());
        client.publish("orders", "".into()).await.unwrap();
    };
    block_on(publish.with_subscriber(telemetry.dispatch().clone()));
    assert!(telemetry.shutdown_blocking(LIMIT).complete);
    let publish = collector.span("orders publish");
    expect_attributes(&publish, &[("server.address", "127.0.0.1"), ("server.port", &port)]);
    assert!(attribute(&publish.attributes, "messaging.client.id").is_some());
}
