//! What the read-model makes of the topic, whatever is on it and however often it is delivered.

use std::time::Duration;

use ledger::Service;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};
use sqlx::Row as _;
use uuid::Uuid;

use crate::servers::Servers;
use crate::system::{System, eventually, order};

const BURIED: &str = "SELECT count(*) FROM dead_letters";
const LINES: &str = "SELECT count(*) FROM statements";

/// Someone who writes to the topic what no service of ours would.
struct Intruder {
    producer: FutureProducer,
    topic: String,
}

impl Intruder {
    fn new(system: &System) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &system.servers.kafka);
        Self { producer: config.create().unwrap(), topic: system.topic() }
    }

    async fn send(&self, id: Option<&str>, payload: &[u8]) {
        let mut headers = OwnedHeaders::new();
        if let Some(value) = id {
            headers = headers.insert(Header { key: "message-id", value: Some(value) });
        }
        let record = FutureRecord::to(&self.topic).key("intruder").payload(payload).headers(headers);
        self.producer.send(record, Duration::from_secs(10)).await.unwrap();
    }
}

fn entry(id: Uuid, from: Uuid, to: Uuid, amounts: [i64; 2], sequence: i64) -> Vec<u8> {
    let posting = |account: Uuid, amount: i64| json!({"account_id": account, "amount_minor": amount, "balance_minor": amount, "sequence": sequence});
    let entry = json!({
        "type": "EntryPosted", "entry_id": id, "currency": "EUR", "posted_at_ms": 1,
        "postings": [posting(from, amounts[0]), posting(to, amounts[1])],
    });
    entry.to_string().into_bytes()
}

#[tokio::test]
async fn balances_and_statements_are_projected_page_by_page() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    for number in 1..=4 {
        let answer = system.transfer(&order(&system.key(&number.to_string()), customer, world, 10)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    eventually("ten lines", async || system.count(Service::ReadModel, LINES).await == 10).await;
    assert_eq!(system.balance(Service::ReadModel, customer).await, Some(60));
    let first =
        system.get(Service::ReadModel, &format!("/v1/accounts/{customer}/statement?limit=3")).await.body;
    let amounts = |page: &Value| -> Vec<(i64, i64, i64)> {
        let number = |line: &Value, name: &str| line[name].as_i64().unwrap();
        let line =
            |line| (number(line, "sequence"), number(line, "amount_minor"), number(line, "balance_minor"));
        page["statement"].as_array().unwrap().iter().map(line).collect()
    };
    assert_eq!(amounts(&first), [(5, -10, 60), (4, -10, 70), (3, -10, 80)]);
    assert_eq!(first["statement"][0]["counterparty_account_id"], json!(world));
    let path = format!("/v1/accounts/{customer}/statement?limit=3&before={}", first["next_before"]);
    let second = system.get(Service::ReadModel, &path).await.body;
    assert_eq!(amounts(&second), [(2, -10, 90), (1, 100, 100)]);
    assert_eq!(second["next_before"], Value::Null);
    let page = system.get(Service::ReadModel, "/v1/balances?limit=1").await.body;
    let path = format!("/v1/balances?limit=5&after={}", page["next_after"].as_str().unwrap());
    let rest = system.get(Service::ReadModel, &path).await.body;
    assert_eq!(
        (page["balances"].as_array().unwrap().len(), rest["balances"].as_array().unwrap().len()),
        (1, 1)
    );
    assert_eq!(page["totals"][0]["balance_sum_minor"], 0);
    system.stop().await;
}

#[tokio::test]
async fn what_cannot_be_projected_is_buried_and_the_rest_goes_on() {
    let system = System::start(Servers::shared(), &[("TOPIC_PARTITIONS", "1")]).await;
    let (customer, world) = system.funded(100).await;
    eventually("the funding", async || system.count(Service::ReadModel, LINES).await == 2).await;
    let intruder = Intruder::new(&system);
    let id = || Uuid::new_v4().to_string();
    let (nobody, other) = (Uuid::new_v4(), Uuid::new_v4());
    intruder.send(None, &entry(Uuid::new_v4(), nobody, other, [-5, 5], 1)).await;
    intruder.send(Some("not an id"), &entry(Uuid::new_v4(), nobody, other, [-5, 5], 1)).await;
    intruder.send(Some(&id()), b"\xff\x00 no JSON").await;
    intruder.send(Some(&id()), br#"{"type": "EntryErased"}"#).await;
    intruder.send(Some(&id()), b"").await;
    intruder.send(Some(&id()), &entry(Uuid::new_v4(), nobody, other, [-5, 6], 1)).await;
    // Another entry where the customer's first posting stands.
    intruder.send(Some(&id()), &entry(Uuid::new_v4(), nobody, customer, [-5, 5], 1)).await;
    let good = entry(Uuid::new_v4(), nobody, other, [-5, 5], 1);
    intruder.send(Some(&id()), &good).await;
    eventually("what comes after", async || system.count(Service::ReadModel, LINES).await == 4).await;
    let mut connection = system.database_of(Service::ReadModel).await;
    let rows = sqlx::query("SELECT reason, payload FROM dead_letters ORDER BY topic_offset");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    let reasons: Vec<String> = rows.iter().map(|row| row.get("reason")).collect();
    let wanted =
        ["no_id", "no_id", "unreadable", "unreadable", "unreadable", "contradiction", "contradiction"];
    assert_eq!(reasons, wanted);
    assert_eq!(rows[2].get::<Option<Vec<u8>>, _>("payload").unwrap(), b"\xff\x00 no JSON");
    assert_eq!(system.balance(Service::ReadModel, customer).await, Some(100), "no part of it is left");
    assert_eq!(system.balance(Service::ReadModel, nobody).await, Some(-5));
    assert_eq!(system.transfer(&order(&system.key("after"), customer, world, 1)).await.status, 201);
    eventually("ours", async || system.balance(Service::ReadModel, customer).await == Some(99)).await;
    system.stop().await;
}

#[tokio::test]
async fn a_message_that_is_delivered_again_changes_nothing() {
    let mut system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    let answer = system.transfer(&order(&system.key("once"), customer, world, 30)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    eventually("both", async || system.count(Service::ReadModel, LINES).await == 4).await;
    // A group that never committed anything is delivered all of it again.
    system.set("CONSUMER_GROUP", &format!("again-{}", Uuid::new_v4()));
    assert!(system.terminate(Service::ReadModel).await);
    system.launch(Service::ReadModel).await;
    let answer = system.transfer(&order(&system.key("twice"), customer, world, 30)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    eventually("the third", async || system.count(Service::ReadModel, LINES).await == 6).await;
    assert_eq!(system.balance(Service::ReadModel, customer).await, Some(40));
    assert_eq!(system.count(Service::ReadModel, BURIED).await, 0);
    system.stop().await;
}

#[tokio::test]
async fn entries_that_arrive_in_any_order_lead_to_the_same_balance() {
    let system = System::start(Servers::shared(), &[("TOPIC_PARTITIONS", "1")]).await;
    let intruder = Intruder::new(&system);
    let (from, to) = (Uuid::new_v4(), Uuid::new_v4());
    let id = || Uuid::new_v4().to_string();
    // In these made-up entries the balance after a posting is its amount.
    for (sequence, amount, complete) in [(3, 30, false), (1, 10, false), (2, 20, true)] {
        intruder.send(Some(&id()), &entry(Uuid::new_v4(), from, to, [-amount, amount], sequence)).await;
        let path = format!("/v1/accounts/{to}/balance");
        eventually("the entry", async || {
            let balance = system.get(Service::ReadModel, &path).await.body;
            balance["balance_minor"] == 30 && balance["complete"] == complete
        })
        .await;
    }
    system.stop().await;
}
