//! The key-value store: a database that happens to be kept by NATS.

use async_nats::jetstream::kv::{Config, CreateErrorKind, UpdateErrorKind};
use async_nats::jetstream::stream::StorageType;
use futures::{FutureExt, StreamExt, TryStreamExt};
use opentelemetry_proto::tonic::trace::v1::Span;
use throughline_toolkit::nats::TracedClient;
use throughline_toolkit::nats::jetstream::kv::TracedStore;
use tracing::Instrument;

use super::{CLIENT, block_on, expect_attributes, is_child, next, run, total, unique};
use crate::collector::{Collector, attribute};
use crate::services;

const SECRET: &str = "s3cret-value";

/// A bucket of the test's own, in memory.
async fn bucket(client: &TracedClient) -> TracedStore {
    let jetstream = client.jetstream();
    let storage = StorageType::Memory;
    let config = Config { bucket: unique("rooms"), history: 5, storage, ..Config::default() };
    let store = jetstream.create_key_value(config).await.unwrap();
    jetstream.key_value(store)
}

async fn remove(client: &TracedClient, store: &TracedStore) {
    client.jetstream().delete_key_value(&store.name).await.unwrap();
}

/// The spans of this operation, whatever the bucket, in the order they started.
fn all(collector: &Collector, operation: &str) -> Vec<Span> {
    let mut found: Vec<Span> = collector.spans();
    found.retain(|span| span.name.starts_with(&format!("{operation} rooms-")));
    found.sort_by_key(|span| span.start_time_unix_nano);
    found
}

fn one(collector: &Collector, operation: &str) -> Span {
    let found = all(collector, operation);
    assert_eq!(found.len(), 1, "spans of {operation}");
    found.into_iter().next().unwrap()
}

fn succeeded(span: &Span) -> bool {
    attribute(&span.attributes, "error.type").is_none() && span.status.as_ref().is_none_or(|s| s.code != 2)
}

fn failed_as(span: &Span, error_type: &str, status_code: Option<&str>) {
    let has = |key| attribute(&span.attributes, key);
    assert_eq!(has("error.type").as_deref(), Some(error_type), "{}", span.name);
    assert_eq!(has("db.response.status_code").as_deref(), status_code, "{}", span.name);
    assert_eq!(span.status.as_ref().map(|status| status.code), Some(2));
}

#[test]
fn what_is_put_and_got_are_spans_of_a_database_client() {
    let mut name = String::new();
    let collector = run(async |client| {
        let rooms = bucket(&client).await;
        let work = async {
            let revision = rooms.put("general.topic", SECRET.into()).await.unwrap();
            assert_eq!(rooms.get("general.topic").await.unwrap().as_deref(), Some(SECRET.as_bytes()));
            let revision = rooms.update("general.topic", "".into(), revision).await.unwrap();
            let entry = rooms.entry("general.topic").await.unwrap().unwrap();
            assert_eq!((entry.revision, entry.value.len()), (revision, 0));
            rooms.create("general.owner", "alice".into()).await.unwrap();
            rooms.delete_expect_revision("general.topic", Some(revision)).await.unwrap();
            rooms.purge("general.owner").await.unwrap();
        };
        work.instrument(tracing::info_span!("request")).await;
        name.clone_from(&rooms.name);
        remove(&client, &rooms).await;
    });
    let request = collector.span("request");
    let written = ["put", "update", "create", "delete", "purge"].map(|operation| one(&collector, operation));
    let got = all(&collector, "get");
    assert_eq!(collector.spans().len(), 1 + written.len() + got.len(), "no publish or request has a span");
    for span in written.iter().chain(&got) {
        assert!(is_child(span, &request) && span.kind == CLIENT && succeeded(span), "{}", span.name);
        expect_attributes(
            span,
            &[
                ("db.system.name", "nats"),
                ("db.operation.name", span.name.split_once(' ').unwrap().0),
                ("db.collection.name", &name),
                ("server.address", "127.0.0.1"),
            ],
        );
        assert!(attribute(&span.attributes, "messaging.system").is_none());
        assert!(!format!("{span:?}").contains(SECRET), "values stay in the process");
    }
    let [put, update, create, delete, _] = &written;
    assert_eq!(put.name, format!("put {name}"));
    let topic = ("nats.kv.key", "general.topic");
    expect_attributes(put, &[topic, ("nats.kv.value.size", "12"), ("nats.kv.revision", "1")]);
    let replaced = [("nats.kv.expected_revision", "1"), ("nats.kv.revision", "2")];
    expect_attributes(update, &[topic, ("nats.kv.value.size", "0"), replaced[0], replaced[1]]);
    expect_attributes(create, &[("nats.kv.key", "general.owner"), ("nats.kv.revision", "3")]);
    expect_attributes(delete, &[topic, ("nats.kv.expected_revision", "2")]);
    let found = ("db.response.returned_rows", "1");
    expect_attributes(&got[0], &[topic, found, ("nats.kv.value.size", "12"), ("nats.kv.revision", "1")]);
    expect_attributes(&got[1], &[topic, found, ("nats.kv.value.size", "0"), ("nats.kv.revision", "2")]);
    let metrics = collector.received().metrics.clone();
    let of_bucket = [("db.system.name", "nats"), ("db.collection.name", name.as_str())];
    let measured = |operation| {
        let labels = [of_bucket[0], of_bucket[1], ("db.operation.name", operation)];
        total(&metrics, "db.client.operation.duration", &labels)
    };
    assert_eq!(["put", "get", "purge"].map(measured), [1, 2, 1]);
    let keys = format!("{:?}", metrics.iter().find(|metric| metric.name == "db.client.operation.duration"));
    assert!(!keys.contains("nats.kv.key"), "a series for each key");
}

#[test]
fn a_key_that_is_not_there_is_an_answer_and_no_error() {
    let collector = run(async |client| {
        let rooms = bucket(&client).await;
        assert_eq!(rooms.get("nobody").await.unwrap(), None);
        assert!(rooms.entry_for_revision("nobody", 7).await.unwrap().is_none());
        rooms.put("gone", "x".into()).await.unwrap();
        rooms.delete("gone").await.unwrap();
        assert_eq!(rooms.get("gone").await.unwrap(), None);
        remove(&client, &rooms).await;
    });
    let got = all(&collector, "get");
    assert_eq!(got.len(), 3);
    for span in &got {
        assert!(succeeded(span));
        expect_attributes(span, &[("db.response.returned_rows", "0")]);
        assert!(attribute(&span.attributes, "nats.kv.revision").is_none());
    }
}

#[test]
fn what_the_store_refuses_fails_with_a_name_and_the_servers_code() {
    let mut name = String::new();
    let collector = run(async |client| {
        let rooms = bucket(&client).await;
        name.clone_from(&rooms.name);
        let revision = rooms.put("topic", "a".into()).await.unwrap();
        let late = rooms.update("topic", "b".into(), revision + 1).await.unwrap_err();
        assert_eq!(late.kind(), UpdateErrorKind::WrongLastRevision);
        rooms.purge_expect_revision("topic", Some(revision + 1)).await.unwrap_err();
        let taken = rooms.create("topic", "c".into()).await.unwrap_err();
        assert_eq!(taken.kind(), CreateErrorKind::AlreadyExists);
        rooms.get("no key").await.unwrap_err();
        remove(&client, &rooms).await;
        rooms.delete("topic").await.unwrap_err();
        assert!(rooms.watch("topic").await.is_err());
    });
    failed_as(&one(&collector, "update"), "wrong_last_revision", Some("10071"));
    failed_as(&one(&collector, "purge"), "wrong_last_revision", Some("10071"));
    failed_as(&one(&collector, "create"), "already_exists", None);
    failed_as(&one(&collector, "get"), "invalid_key", None);
    failed_as(&one(&collector, "delete"), "stream_not_found", None);
    failed_as(&one(&collector, "watch"), "_OTHER", Some("10059"));
    let metrics = collector.received().metrics.clone();
    let labels = [("db.collection.name", name.as_str()), ("error.type", "wrong_last_revision")];
    assert_eq!(total(&metrics, "db.client.operation.duration", &labels), 2);
}

#[test]
fn a_listing_is_one_span_until_its_last_key() {
    let collector = run(async |client| {
        let rooms = bucket(&client).await;
        for (key, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
            rooms.put(key, value.into()).await.unwrap();
        }
        let mut keys: Vec<String> = rooms.keys().await.unwrap().try_collect().await.unwrap();
        keys.sort();
        assert_eq!(keys, ["a", "b", "c"]);
        let history: Vec<_> = rooms.history("a").await.unwrap().try_collect().await.unwrap();
        assert_eq!(history.iter().map(|entry| &entry.value[..]).collect::<Vec<_>>(), [b"1", b"3"]);
        let mut left = rooms.keys().await.unwrap();
        next(&mut left).await.unwrap();
        drop(left);
        remove(&client, &rooms).await;
    });
    let keys = all(&collector, "keys");
    expect_attributes(&keys[0], &[("db.response.returned_rows", "3")]);
    expect_attributes(&keys[1], &[("db.response.returned_rows", "1")]);
    let events = |span: &Span| span.events.iter().map(|event| event.name.clone()).collect::<Vec<_>>();
    assert_eq!([events(&keys[0]), events(&keys[1])], [vec![], vec!["cancelled".to_owned()]]);
    let history = one(&collector, "history");
    expect_attributes(&history, &[("db.response.returned_rows", "2"), ("nats.kv.key", "a")]);
    assert!(succeeded(&history) && succeeded(&keys[1]));
}

#[test]
fn a_watch_is_a_span_and_its_entries_are_none() {
    let collector = run(async |client| {
        let rooms = bucket(&client).await;
        let mut watch = rooms.watch("general.*").await.unwrap();
        let mut everything = rooms.watch_all().await.unwrap();
        let mut several = rooms.watch_many(["a", "general.topic"]).await.unwrap();
        rooms.put("general.topic", "x".into()).await.unwrap();
        for entries in [&mut watch, &mut everything, &mut several] {
            assert_eq!(next(entries).await.unwrap().key, "general.topic");
        }
        remove(&client, &rooms).await;
    });
    let watches = all(&collector, "watch");
    let keys: Vec<_> = watches.iter().map(|watch| attribute(&watch.attributes, "nats.kv.key")).collect();
    assert_eq!(keys, [Some("general.*".to_owned()), Some(">".to_owned()), None]);
    assert!(watches.iter().all(succeeded));
    assert_eq!(collector.spans().len(), 3 + 1, "the watches and the put");
}

#[test]
fn an_operation_that_is_given_up_is_cancelled() {
    let collector = run(async |client| {
        let rooms = bucket(&client).await;
        assert!(rooms.put("topic", "x".into()).now_or_never().is_none());
        remove(&client, &rooms).await;
    });
    let put = one(&collector, "put");
    assert!(succeeded(&put) && put.events.iter().any(|event| event.name == "cancelled"));
}

#[test]
fn without_telemetry_the_store_works_the_same() {
    block_on(async {
        let client = TracedClient::new(async_nats::connect(services::nats()).await.unwrap());
        let rooms = bucket(&client).await;
        rooms.put("a", "1".into()).await.unwrap();
        rooms.create("a", "2".into()).await.unwrap_err();
        assert_eq!(rooms.get("a").await.unwrap().as_deref(), Some(&b"1"[..]));
        let keys = rooms.keys().await.unwrap().map(|key| key.unwrap()).collect::<Vec<_>>().await;
        assert_eq!(keys, ["a"]);
        remove(&client, &rooms).await;
    });
}
