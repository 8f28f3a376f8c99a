//! Many clients that move money at once and remember what they were told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger::Service;
use rand::Rng as _;
use serde_json::Value;
use sqlx::Row as _;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::system::{System, eventually, order};

/// What each customer starts with.
const FUNDING: i64 = 1_000;

/// How often a client sends an order again that was not answered, before it gives up.
const RETRIES: u32 = 3;

/// What a client knows of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It was booked, as this entry.
    Booked(Uuid),
    /// It was refused for good.
    Refused,
    /// Nobody said.
    Nothing,
}

/// Clients at work.
#[derive(Debug)]
pub(crate) struct Load {
    heard: Arc<Mutex<BTreeMap<String, Heard>>>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    /// Opens accounts, funds them and sets the clients to work.
    pub(crate) async fn start(system: &System, clients: usize, accounts: usize) -> Self {
        let heard = Arc::new(Mutex::new(BTreeMap::new()));
        let world = system.open("EUR", "external").await;
        let mut customers = Vec::new();
        for _ in 0..accounts {
            let customer = system.open("EUR", "customer").await;
            let body = order(&format!("fund-{customer}"), world, customer, FUNDING);
            let answer = system.transfer(&body).await;
            assert_eq!(answer.status, 201, "{answer:?}");
            heard.lock().unwrap().insert(format!("fund-{customer}"), booked(&answer.body));
            customers.push(customer);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut load = Self { heard, stop, clients: JoinSet::new() };
        for _ in 0..clients {
            let client = Client {
                http: reqwest::Client::builder().timeout(Duration::from_secs(15)).build().unwrap(),
                url: format!("{}/v1/transfers", system.url(Service::Orchestrator)),
                customers: customers.clone(),
                heard: Arc::clone(&load.heard),
                stop: Arc::clone(&load.stop),
            };
            load.clients.spawn(client.work());
        }
        load
    }

    /// How many orders were booked, as far as clients know.
    pub(crate) fn booked(&self) -> usize {
        self.heard.lock().unwrap().values().filter(|heard| matches!(heard, Heard::Booked(_))).count()
    }

    /// Waits until that many more were booked.
    pub(crate) async fn goes_on(&self, more: usize) {
        let wanted = self.booked() + more;
        eventually("transfers go on", async || self.booked() >= wanted).await;
    }

    /// Lets every client finish the order it is at.
    pub(crate) async fn finish(mut self) -> BTreeMap<String, Heard> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        self.heard.lock().unwrap().clone()
    }
}

struct Client {
    http: reqwest::Client,
    url: String,
    customers: Vec<Uuid>,
    heard: Arc<Mutex<BTreeMap<String, Heard>>>,
    stop: Arc<AtomicBool>,
}

impl Client {
    async fn work(self) {
        while !self.stop.load(Ordering::Relaxed) {
            let (from, to, amount) = {
                let mut random = rand::rng();
                let mut anyone = || self.customers[random.random_range(0..self.customers.len())];
                (anyone(), anyone(), random.random_range(1..=FUNDING / 2))
            };
            if from == to {
                continue;
            }
            let key = Uuid::new_v4().to_string();
            let heard = self.insist(&order(&key, from, to, amount)).await;
            self.heard.lock().unwrap().insert(key, heard);
        }
    }

    async fn insist(&self, body: &Value) -> Heard {
        for _ in 0..=RETRIES {
            if let Ok(answer) = self.http.post(&self.url).json(body).send().await {
                let status = answer.status().as_u16();
                let body: Value = answer.json().await.unwrap_or_default();
                match status {
                    201 => return booked(&body),
                    422 => return Heard::Refused,
                    503 => {}
                    _ => panic!("{status}: {body}"),
                }
            }
            // A client waits before it asks again.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Heard::Nothing
    }
}

fn booked(body: &Value) -> Heard {
    Heard::Booked(body["entry_id"].as_str().and_then(|id| id.parse().ok()).expect("an answer has an entry"))
}

/// One posting: account, sequence, entry, amount, balance.
type Posting = (Uuid, i64, Uuid, i64, i64);

/// After everything: what was acknowledged is there once, what was refused is not, the books
/// balance, nothing waits in an outbox, and the read-model says what the ledger says.
pub(crate) async fn assert_nothing_lost_or_doubled(system: &System, heard: &BTreeMap<String, Heard>) {
    const WAITING: &str = "SELECT count(*) FROM outbox WHERE sent_at IS NULL";
    for service in [Service::Ledger, Service::Accounts] {
        eventually("the outbox drains", async || system.count(service, WAITING).await == 0).await;
    }
    let entries = entries(system).await;
    for (key, heard) in heard {
        match (heard, entries.get(key)) {
            (Heard::Booked(acknowledged), Some(entry)) => assert_eq!(acknowledged, entry, "{key}"),
            (Heard::Booked(_), None) => panic!("{key} was acknowledged and is not there"),
            (Heard::Refused, Some(_)) => panic!("{key} was refused and is there"),
            (Heard::Refused, None) | (Heard::Nothing, _) => {}
        }
    }
    for key in entries.keys() {
        assert!(heard.contains_key(key), "{key} was never sent");
    }
    system.assert_balanced().await;
    let booked = i64::try_from(entries.len()).unwrap() * 2;
    const LINES: &str = "SELECT count(*) FROM statements";
    eventually("the read-model catches up", async || system.count(Service::ReadModel, LINES).await >= booked)
        .await;
    assert_eq!(postings(system, Service::Ledger).await, postings(system, Service::ReadModel).await);
    const ACCOUNTS: &str = "SELECT count(*) FROM accounts";
    let opened = system.count(Service::Accounts, ACCOUNTS).await;
    const KNOWN: &str = "SELECT count(*) FROM balances WHERE kind IS NOT NULL AND sequence = postings";
    eventually("every account is projected", async || {
        system.count(Service::ReadModel, KNOWN).await == opened
    })
    .await;
    let totals = system.get(Service::ReadModel, "/v1/balances?limit=1").await.body["totals"].clone();
    assert_eq!(
        (&totals[0]["balance_sum_minor"], &totals[0]["complete"]),
        (&0.into(), &true.into()),
        "{totals}"
    );
    assert_eq!(system.count(Service::ReadModel, "SELECT count(*) FROM dead_letters").await, 0);
}

/// The entry under each idempotency key.
pub(crate) async fn entries(system: &System) -> BTreeMap<String, Uuid> {
    let mut connection = system.database_of(Service::Ledger).await;
    let rows = sqlx::query("SELECT idempotency_key, entry_id FROM entries").fetch_all(&mut connection);
    rows.await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn postings(system: &System, service: Service) -> Vec<Posting> {
    let table = if service == Service::Ledger {
        "SELECT account_id, sequence, entry_id, amount_minor, balance_minor FROM postings ORDER BY 1, 2"
    } else {
        "SELECT account_id, sequence, entry_id, amount_minor, balance_minor FROM statements ORDER BY 1, 2"
    };
    let mut connection = system.database_of(service).await;
    let rows = sqlx::query(table).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))).collect()
}
